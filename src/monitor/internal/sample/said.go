package sample

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"

	"github.com/ballast-sre/ballast/src/monitor/internal/host"
)

// maxSaid bounds what is remembered, and so what is logged, of one collector.
const maxSaid = 256

// said logs each thing that goes wrong once, not once an interval: a mount
// can hang for days, and a line can be odd for as long.
type said struct {
	log *slog.Logger
	// mu is for panics, which are logged where they happen.
	mu   *sync.Mutex
	seen map[Name]map[string]bool
}

func newSaid(log *slog.Logger) said {
	return said{log: log, mu: new(sync.Mutex), seen: make(map[Name]map[string]bool)}
}

// first says whether something is said for the first time.
func (s said) first(ctx context.Context, name Name, key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen[name]
	if seen == nil {
		seen = make(map[string]bool)
		s.seen[name] = seen
	}
	if seen[key] || len(seen) > maxSaid {
		return false
	}
	seen[key] = true
	if len(seen) > maxSaid {
		s.log.WarnContext(ctx, "too much goes wrong: further problems of the collector are counted, but not logged",
			slog.String("collector", string(name)))
		return false
	}
	return true
}

// panicked logs the stack at the first panic of its kind.
func (s said) panicked(ctx context.Context, name Name, p any) {
	if s.first(ctx, name, fmt.Sprintf("panic %v", p)) {
		s.log.ErrorContext(ctx, "collector panicked",
			slog.String("collector", string(name)), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
	}
}

// lacks logs what is new in a report.
func (s said) lacks(ctx context.Context, name Name, r host.Report) {
	isNew := func(p host.Problem) bool { return s.first(ctx, name, "lacks "+p.Path+" "+string(p.Reason)) }
	attrs := func(p host.Problem) []any {
		return []any{
			slog.String("collector", string(name)), slog.String("path", p.Path),
			slog.String("reason", string(p.Reason)), slog.String("detail", p.Detail),
		}
	}
	for _, p := range r.Files {
		if isNew(p) {
			s.log.WarnContext(ctx, "a file cannot be read; its figures are absent", attrs(p)...)
		}
	}
	for _, p := range r.Mounts {
		if isNew(p) {
			s.log.WarnContext(ctx, "a mount has no figures", attrs(p)...)
		}
	}
	for _, scope := range r.Scopes {
		if !scope.Host && s.first(ctx, name, "scope "+scope.Figures) {
			s.log.WarnContext(ctx, "figures are the container's, not the host's", slog.String("collector", string(name)),
				slog.String("figures", scope.Figures), slog.String("detail", scope.Detail))
		}
	}
	for _, line := range r.Skipped {
		if s.first(ctx, name, "line "+line.File+" "+line.Subject) {
			s.log.WarnContext(ctx, "a line cannot be read; its figures are absent", slog.String("collector", string(name)),
				slog.String("file", line.File), slog.String("line", line.Text))
		}
	}
}

// changed logs a line when a collector begins to fail, and one when it works
// again.
func (s said) changed(ctx context.Context, st Status, before State) {
	failed := func(state State) bool { return state == Stale || state == Failed }
	collector := slog.String("collector", string(st.Name))
	switch now := st.State(); {
	case now == Unsupported && before != Unsupported:
		s.log.WarnContext(ctx, "collector is unsupported here", collector, slog.Any("error", st.Err))
	case failed(now) && !failed(before):
		s.log.WarnContext(ctx, "collector failed; its last good reading is kept", collector, slog.Any("error", st.Err))
	case now == OK && (failed(before) || before == Unsupported):
		s.log.InfoContext(ctx, "collector works again", collector, slog.Float64("took_seconds", st.Duration.Seconds()))
	}
}
