package engine

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// journal is what those who follow the run get to know: events, phases, and
// the panics of the runner or of those whom it calls.
type journal struct {
	sink     func(result.Event)
	log      *slog.Logger
	id, name string
	attempt  int

	phases   []result.PhaseSpan
	reported map[result.Finding]bool
	muted    bool    // sink panicked: it is not called again
	failures []error // panics
}

// emit sends an event. Who receives it may fail, but not keep the run from its
// cleanup: after a panic there the run goes on without events.
func (j *journal) emit(ev result.Event) {
	if j.muted {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			j.muted = true
			j.failures = append(j.failures, fmt.Errorf("internal error: the receiver of events failed: %v\n%s", p, debug.Stack()))
		}
	}()
	ev.Time, ev.Run, ev.Experiment, ev.Attempt = time.Now(), j.id, j.name, j.attempt
	j.sink(ev)
}

// enter begins a phase and ends the one before. until is when it ends at the latest.
func (j *journal) enter(p result.Phase, until time.Time) {
	now := time.Now()
	j.leave(now)
	j.phases = append(j.phases, result.PhaseSpan{Phase: p, Start: now})
	ev := result.Event{Type: result.EventPhase, Phase: p}
	if !until.IsZero() {
		ev.Until = &until
	}
	j.emit(ev)
}

func (j *journal) leave(now time.Time) {
	if n := len(j.phases); n > 0 && j.phases[n-1].End.IsZero() {
		j.phases[n-1].End = now
	}
}

// phase is the one under way.
func (j *journal) phase() result.Phase {
	if n := len(j.phases); n > 0 {
		return j.phases[n-1].Phase
	}
	return result.Preflight
}

// report sends each finding once.
func (j *journal) report(f result.Finding) {
	if j.reported[f] {
		return
	}
	if j.reported == nil {
		j.reported = map[result.Finding]bool{}
	}
	j.reported[f] = true
	j.log.Debug("finding", "run", j.id, "reason", f.Reason, "detail", f.Detail)
	j.emit(result.Event{Type: result.EventFinding, Finding: &f})
}
