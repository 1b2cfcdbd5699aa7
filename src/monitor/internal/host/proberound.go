package host

import (
	"context"
	"slices"
	"sync"
	"time"
)

// round is one reading of all mounts. Workers share it; the answers of those that
// come back from the kernel after its end are dropped.
type round struct {
	prober *mountProber
	probes []probe
	own    map[uint64]mount
	done   chan struct{} // closed when all have answered

	mu      sync.Mutex
	queue   []batch // not taken yet
	answers []mountAnswer
	open    int // batches without an answer
	workers int
	ended   bool
	// taken is when a batch was last taken, answered when one last answered.
	taken, answered time.Time
}

// batch is the probes of one file system.
type batch struct {
	device string
	of     []int // indexes of probes
}

func newRound(p *mountProber, probes []probe, own map[uint64]mount) *round {
	now := time.Now()
	r := &round{prober: p, probes: probes, own: own, done: make(chan struct{}), answers: make([]mountAnswer, len(probes)), taken: now, answered: now}
	at := make(map[string]int)
	for i, pr := range probes {
		r.answers[i].err = ErrMountHangs // until it answers
		n, ok := at[pr.want.device]
		if !ok {
			n = len(r.queue)
			at[pr.want.device] = n
			r.queue = append(r.queue, batch{device: pr.want.device})
		}
		r.queue[n].of = append(r.queue[n].of, i)
	}
	if r.open = len(r.queue); r.open == 0 {
		close(r.done)
	}
	return r
}

// employ begins n more workers, or fewer where too many are stuck.
func (r *round) employ(ctx context.Context, n int) {
	for range n {
		select {
		case r.prober.slots <- struct{}{}:
		default:
			return
		}
		r.mu.Lock()
		r.workers++
		r.mu.Unlock()
		go r.work(ctx)
	}
}

// work asks one file system after the other.
func (r *round) work(ctx context.Context) {
	defer func() { <-r.prober.slots }()
	for {
		g, ok := r.take()
		if !ok {
			return
		}
		answers := make([]mountAnswer, len(g.of))
		for i, n := range g.of {
			answers[i] = r.prober.one(ctx, r.probes[n], r.own)
		}
		r.prober.answered(g.device)
		r.mu.Lock()
		r.settle(g, answers)
		r.mu.Unlock()
	}
}

// take returns a batch that may be asked; those that may not are settled.
func (r *round) take() (batch, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.queue) > 0 && !r.ended {
		g := r.queue[0]
		r.queue = r.queue[1:]
		r.taken = time.Now()
		if r.prober.claim(g.device) {
			return g, true
		}
		r.settle(g, nil)
	}
	r.workers--
	return batch{}, false
}

// settle stores the answers of a batch; nil keeps those that are stored. The
// caller holds the lock.
func (r *round) settle(g batch, answers []mountAnswer) {
	if r.ended {
		return
	}
	for i, a := range answers {
		r.answers[g.of[i]] = a
	}
	r.answered = time.Now()
	if r.open--; r.open == 0 {
		close(r.done)
	}
}

// look returns how many workers are stuck while file systems are in the queue, at
// least one then, and whether the last answer is so long ago that the round ends.
func (r *round) look(now time.Time) (blocked int, over bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) > 0 && now.Sub(r.taken) >= handover {
		blocked = max(1, r.workers)
	}
	return blocked, now.Sub(r.answered) >= r.prober.timeout
}

// end returns the answers that there are, and keeps later ones out.
func (r *round) end() []mountAnswer {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	why := errNotAsked
	if len(r.prober.slots) == cap(r.prober.slots) {
		why = errTooManyHang
	}
	for _, g := range r.queue {
		for _, n := range g.of {
			r.answers[n].err = why
		}
	}
	return slices.Clone(r.answers)
}
