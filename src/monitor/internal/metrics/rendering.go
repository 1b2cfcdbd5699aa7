package metrics

import (
	"sync"
	"sync/atomic"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

// emitter is one part of the exposition.
type emitter interface {
	emit(w *writer, s *sample.Snapshot)
}

// rendering is a snapshot in one form.
type rendering struct {
	of *sample.Snapshot
	chunk
}

// renderings are what was rendered last, in each form that was asked for.
type renderings struct {
	current func() *sample.Snapshot
	parts   []emitter
	render  [formats]struct {
		mu     sync.Mutex
		writer *writer
	}
	latest [formats]atomic.Pointer[rendering]
	// others are families of other programs; nil without any.
	others atomic.Pointer[foreign]
	deflaters
}

// begin makes the renderings ready; parts are those of current's snapshots.
func (r *renderings) begin(current func() *sample.Snapshot, parts ...emitter) {
	r.current, r.parts = current, parts
	for form := range r.render {
		r.render[form].writer = newWriter(format(form))
	}
}

// snapshot returns the rendering of the newest snapshot. Scrapes that meet a
// new one together wait for the one that renders it.
func (r *renderings) snapshot(form format) *rendering {
	s := r.current()
	if last := r.latest[form].Load(); last != nil && last.of == s {
		return last
	}
	r.render[form].mu.Lock()
	defer r.render[form].mu.Unlock()
	if last := r.latest[form].Load(); last != nil && last.of == s {
		return last
	}
	w := r.render[form].writer
	w.reset()
	for _, part := range r.parts {
		part.emit(w, s)
	}
	plain := w.bytes()
	if others := r.others.Load(); others != nil {
		plain = others.appendTo(plain, w)
	}
	next := &rendering{of: s, chunk: chunk{plain: plain}}
	r.latest[form].Store(next)
	return next
}
