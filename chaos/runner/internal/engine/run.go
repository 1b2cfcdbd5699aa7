package engine

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/slo"
)

// run is one experiment under way. It belongs to the goroutine of Run.
type run struct {
	*Engine
	x   experiment.Experiment
	id  fault.RunID
	res result.Run

	findings    []finding
	plan        fault.Plan
	owed        bool          // faults may be there: removal is owed
	removing    time.Duration // spent on removal so far
	internal    []error       // panics of the runner or of those it calls
	muted       bool          // Emit panicked: it is not called again
	interrupted bool
	judged      bool // the run went through all of its phases, so that it can say what held

	began                      time.Time // of the baseline
	t0, t1, removed, back, end time.Time
	slos                       []*watchedSLO
	promql                     []*watchedPromQL
	healthy                    float64 // targets in the baseline
	alertsNow                  alertStates
	firedLive                  map[string]time.Time // first look at which an alert was firing since t0
	tripped                    map[int]string       // guard rails that stopped the run, with what was seen
	notYet                     string               // why the run has not recovered at the last look
	timeline                   []alertTrack
	timelineErr                error
	lastHealthyLoss            time.Time         // last tick under fault or after at which targets were missing
	sights                     map[string]*sight // of what is looked at beside the assertions, by name
}

// watchedSLO is an SLO with what was counted of it: live while the run goes on,
// and once more at the end, when every sample has arrived.
type watchedSLO struct {
	slo    *slo.SLO
	assert *experiment.Assertion // nil when only a guard rail names it
	live   tally
	final  *tally
	sight
}

// events is the best count there is.
func (w *watchedSLO) events() *tally {
	if w.final != nil {
		return w.final
	}
	return &w.live
}

type watchedPromQL struct {
	assert experiment.Assertion
	live   track
	final  *track
	sight
}

func (w *watchedPromQL) values() *track {
	if w.final != nil {
		return w.final
	}
	return &w.live
}

func (w *watchedPromQL) bounds() bounds { return bounds{min: w.assert.Min, max: w.assert.Max} }

// sight is when an assertion last had data, and why not since.
type sight struct {
	last time.Time
	err  error
}

func (s *sight) saw(t time.Time, err error) {
	if err == nil {
		s.last = t
	}
	s.err = err
}

func newRun(e *Engine, x experiment.Experiment) *run {
	now := time.Now()
	began := now
	if !e.cfg.Began.IsZero() && e.cfg.Began.Before(now) {
		began = e.cfg.Began
	}
	r := &run{Engine: e, x: x, id: runID(x.Name), firedLive: map[string]time.Time{}, tripped: map[int]string{}, sights: map[string]*sight{}}
	r.res = result.Run{
		ID: string(r.id), Name: x.Name, File: x.File, Labels: x.Labels, Hypothesis: x.Hypothesis,
		Attempt: e.cfg.Attempt, Control: e.cfg.Control, Started: began, YAML: x.YAML,
		Phases: []result.PhaseSpan{}, Faults: []result.Fault{}, Asserts: []result.Assertion{},
	}
	watch := func(s *slo.SLO, a *experiment.Assertion) {
		for _, w := range r.slos {
			if w.slo.Name == s.Name {
				if w.assert == nil {
					w.assert = a
				}
				return
			}
		}
		r.slos = append(r.slos, &watchedSLO{slo: s, assert: a})
	}
	for i := range x.SLOs {
		if a := &x.SLOs[i]; a.SLO != nil {
			watch(a.SLO, a)
		} else {
			r.promql = append(r.promql, &watchedPromQL{assert: *a})
		}
	}
	for _, g := range x.Abort {
		watch(g.SLO, nil)
	}
	return r
}

// find records what speaks about the run.
func (r *run) find(k rank, reason result.Reason, detail string) {
	detail = strings.ReplaceAll(detail, "\n", "; ") // joined errors, in one sentence
	f := finding{rank: k, reason: reason, detail: detail}
	r.findings = append(r.findings, f)
	r.cfg.Log.Debug("finding", "run", r.id, "reason", reason, "detail", detail)
	r.emit(result.Event{Type: result.EventFinding, Finding: &result.Finding{Verdict: f.verdict(), Reason: reason, Detail: detail}})
}

// emit sends an event. Who receives it may fail, but not keep the run from its
// cleanup: after a panic there the run goes on unseen.
func (r *run) emit(ev result.Event) {
	if r.muted {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			r.muted = true
			r.internal = append(r.internal, fmt.Errorf("internal error: the receiver of events failed: %v\n%s", p, debug.Stack()))
		}
	}()
	ev.Time, ev.Run, ev.Experiment, ev.Attempt = time.Now(), string(r.id), r.x.Name, r.cfg.Attempt
	r.cfg.Emit(ev)
}

// enter begins a phase and ends the one before. until is when it ends at the latest.
func (r *run) enter(p result.Phase, until time.Time) {
	now := time.Now()
	r.leave(now)
	r.res.Phases = append(r.res.Phases, result.PhaseSpan{Phase: p, Start: now})
	ev := result.Event{Type: result.EventPhase, Phase: p}
	if !until.IsZero() {
		ev.Until = &until
	}
	r.emit(ev)
}

func (r *run) leave(now time.Time) {
	if n := len(r.res.Phases); n > 0 && r.res.Phases[n-1].End.IsZero() {
		r.res.Phases[n-1].End = now
	}
}

// phases goes through all that comes before the audit. It returns as soon as
// there is nothing more to learn; finish does the rest.
func (r *run) phases(ctx context.Context) {
	if !r.preflight(ctx) || !r.resolve(ctx) || !r.warmUp(ctx) || !r.baseline(ctx) {
		return
	}
	held := r.inject(ctx) && r.confirm(ctx) && r.observe(ctx)
	// Without an interrupt the recovery is watched also after an abort: how the
	// platform came back is evidence. A fault that was never there has none.
	r.recovery(ctx, held)
}

// stopped records an interrupt. It returns true when ctx has ended.
func (r *run) stopped(ctx context.Context) bool {
	if ctx.Err() == nil {
		return false
	}
	if r.interrupted {
		return true
	}
	r.interrupted = true
	phase := result.Preflight
	if n := len(r.res.Phases); n > 0 {
		phase = r.res.Phases[n-1].Phase
	}
	reason, detail := interruption(ctx)
	r.find(rankGate, reason, fmt.Sprintf("%s in phase %s", detail, phase))
	return true
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (r *run) aborted() bool {
	for _, f := range r.findings {
		if f.rank == rankAborted {
			return true
		}
	}
	return false
}

// pause waits for d; it returns false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
