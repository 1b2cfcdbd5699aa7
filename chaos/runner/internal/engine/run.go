package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/judge"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// run is one experiment under way. It belongs to the goroutine of Run.
type run struct {
	*Engine
	x       experiment.Experiment
	id      fault.RunID
	started time.Time
	spec    result.Spec
	ev      result.Evidence
	journal journal

	querier Querier // in this machine's time
	plan    fault.Plan
	removal removal
	cover   covering
	tallies []*tally // in the order of the spec's SLOs
	gaps    gaps
	alerts  map[string]result.ActiveAlert // active at the last look, by identity
	fired   map[string]result.ActiveAlert // seen firing since t0
	firedAt map[string]time.Time          // when expected alerts were first seen to fire, by identity

	knownFindings int // of judge.During, at the last look
}

func newRun(e *Engine, x experiment.Experiment) *run {
	began := time.Now()
	if !e.cfg.Began.IsZero() && e.cfg.Began.Before(began) {
		began = e.cfg.Began
	}
	id := e.cfg.ID
	if id == "" {
		id = NewID(x.Name)
	}
	r := &run{
		Engine: e, x: x, id: id, started: began, spec: specOf(e.cfg, x), querier: e.cfg.Querier,
		journal: journal{sink: e.cfg.Emit, log: e.cfg.Log, id: string(id), name: x.Name, attempt: e.cfg.Attempt},
		fired:   map[string]result.ActiveAlert{},
	}
	r.ev.Delivery = e.cfg.Delivery.begin()
	r.forget()
	return r
}

// forget drops what was counted: the baseline counts its own samples.
func (r *run) forget() {
	r.tallies = make([]*tally, len(r.spec.SLOs))
	r.ev.Series, r.ev.Watch = result.Series{}, result.Watch{}
	for i, s := range r.spec.SLOs {
		r.tallies[i] = &tally{}
		r.ev.Series.Counts = append(r.ev.Series.Counts, result.Counts{SLO: s.Name})
	}
	for _, v := range r.spec.Values {
		r.ev.Series.Values = append(r.ev.Series.Values, result.Values{Name: v.Name})
	}
}

// phases goes through all that comes before the audit. It returns as soon as
// there is nothing more to learn; undo and conclude do the rest.
func (r *run) phases(ctx context.Context) {
	for _, step := range []func(context.Context){r.preflight, r.resolve, r.warmUp, r.steadyState} {
		step(ctx)
		if r.stopped(ctx) || r.gated() {
			return
		}
	}
	held := r.inject(ctx) && r.confirm(ctx) && r.observe(ctx)
	// Without an interrupt the recovery is watched also after an abort: how the
	// platform came back is evidence. A fault that was never there has none.
	r.recovery(ctx, held)
}

// gated says whether something keeps the fault from being injected, and reports it.
func (r *run) gated() bool {
	found := judge.Before(&r.spec, &r.ev)
	for _, f := range found {
		r.journal.report(f.Record())
	}
	return len(found) > 0
}

// failed records a call without which the run cannot go on.
func (r *run) failed(doing string, t *result.Trouble) {
	r.ev.Before.Failed = append(r.ev.Before.Failed, result.Failed{Phase: r.journal.phase(), Doing: doing, Trouble: *t})
}

// stopped records an interrupt. It returns true when ctx has ended.
func (r *run) stopped(ctx context.Context) bool {
	if ctx.Err() == nil {
		return false
	}
	if r.ev.Ending.Interrupt == nil {
		i := result.Interrupt{Phase: r.journal.phase(), Detail: "interrupted"}
		if lost := lostTarget(ctx); lost != nil {
			i.KillSwitch = errors.Is(lost, fault.ErrKillSwitch)
			i.Lost, i.Detail = !i.KillSwitch, result.Redact(lost.Error())
		}
		r.ev.Ending.Interrupt = &i
	}
	return true
}

// timing is how long the phases last that do not depend on what is seen.
func (r *run) timing() (baseline, recovery time.Duration) {
	t := r.spec.Timing
	return t.Baseline.Duration(), t.Recover.Duration()
}

// lag is how late a step is complete: its scrape and the rules built on it.
func (e *Engine) lag() time.Duration { return e.cfg.Scrape + e.cfg.Evaluation }

// inject starts the faults. From here on removal is owed.
func (r *run) inject(ctx context.Context) bool {
	r.journal.enter(result.Inject, time.Time{})
	t0 := instant()
	r.ev.Moments.T0 = &t0
	if r.spec.Control {
		return true
	}
	r.removal.owed = true
	r.beginCovering(ctx, t0)
	err := r.cfg.Target.Inject(ctx, r.plan)
	if r.stopped(ctx) {
		return false
	}
	if err != nil {
		r.ev.Ending.NotInjected = append(r.ev.Ending.NotInjected, *troubleWith(err))
		r.ended()
		return false
	}
	return true
}

// recovery removes the faults and waits until the platform has passed its
// probation. held is false when the fault was not observed to its end; then only
// an abort leaves something to learn from waiting.
func (r *run) recovery(ctx context.Context, held bool) {
	_, within := r.timing()
	r.journal.enter(result.Recover, time.Now().Add(within))
	r.removeWatched(ctx)
	aborted := judge.Aborted(&r.spec, &r.ev)
	if !held && !aborted {
		r.comeBack(ctx, within)
		return
	}
	if r.stopped(ctx) {
		return
	}
	m := r.ev.Moments
	deadline := m.Removed.Add(within + r.cfg.Scrape)
	// Alerts may be given more time than the SLOs.
	latest := deadline
	for _, e := range r.spec.Expect {
		for _, bound := range []time.Time{m.T0.Add(e.Within.Duration()), m.Removed.Add(e.ResolvesWithin.Duration())} {
			if bound.After(latest) {
				latest = bound
			}
		}
	}
	latest = latest.Add(r.lag() + 2*r.tick())
	if r.asksDelivery() {
		latest = latest.Add(judge.DeliverySlack) // of an alert that fires at the last moment
	}
	known := r.knownFindings
	var back time.Time // when the probation was seen to be passed
	r.watch(ctx, latest, nil, func(l look) bool {
		if back.IsZero() && !l.t.After(deadline) {
			if judge.Recovered(&r.spec, &r.ev, l.t) {
				back = l.t
			}
		}
		// What it passed with is complete a scrape and an evaluation later.
		settled := !back.IsZero() && !l.t.Before(back.Add(r.lag()))
		late := back.IsZero() && l.t.After(deadline.Add(r.lag()))
		return (settled || late) && (aborted || r.alertsSettled(l) && r.deliverySettled(l.t))
	})
	// What ended this early, a guard rail or blindness say, leaves open what would
	// have come.
	if held && !r.stopped(ctx) && r.knownFindings == known {
		now := instant()
		r.ev.Moments.Watched = &now
	}
}

// comeBack waits until every pod that the plan hit serves again, for at most as long as
// the experiment gives the platform: what comes after a run that was not observed to its
// end would find the platform as this one left it, Prometheus itself included. Nothing is
// judged by it.
func (r *run) comeBack(ctx context.Context, within time.Duration) {
	if c := r.ev.Cleanup; c == nil || c.Removal != nil {
		return // the fault is still there
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		pods, err := r.cfg.Target.Health(ctx, r.plan)
		if err == nil && !slices.ContainsFunc(pods, func(h fault.Health) bool { return h.Ready < h.Wanted }) {
			return
		}
		if !pause(ctx, r.tick()) {
			return
		}
	}
}

func (r *run) alertsSettled(l look) bool {
	return judge.AlertsSettled(&r.spec, r.ev.Moments, l.t, l.alerts, func(m result.AlertMatch) bool { return judge.Fired(r.fired, m) })
}

// result is the record of the run.
func (r *run) result() result.Run {
	out := result.Run{
		ID: string(r.id), Name: r.x.Name, File: r.x.File, Labels: r.x.Labels, Hypothesis: r.x.Hypothesis,
		Attempt: r.cfg.Attempt, Control: r.spec.Control, Started: r.started, Ended: time.Now(),
		Phases: r.journal.phases, Faults: []result.Fault{}, YAML: r.x.YAML, Spec: r.spec, Evidence: r.ev,
	}
	for _, p := range r.plan.Faults {
		out.Faults = append(out.Faults, faultRecord(p))
	}
	own := out.Ended.Sub(out.Started)
	for _, p := range out.Phases {
		switch p.Phase {
		case result.Settle, result.Baseline, result.Observe, result.Recover:
			own -= p.End.Sub(p.Start)
		default:
		}
	}
	// The runner's own time is that outside of the phases that the experiment asks for.
	out.Overhead = result.InSeconds(max(0, own))
	return out
}

// verdict has the evidence judged.
func (r *run) verdict() result.Run {
	r.journal.leave(time.Now())
	for _, err := range r.journal.failures {
		r.cfg.Log.Error("internal error", "run", r.id, "error", err)
	}
	out := r.result()
	judged, err := judge.Judge(r.spec, r.ev)
	if err != nil {
		r.journal.failures = append(r.journal.failures, fmt.Errorf("internal error in the run of %s: %w", r.x.Name, err))
	}
	r.predict(judged.Alerts)
	out.Judgment = judged
	if out.Digest, err = out.Sum(); err != nil {
		r.journal.failures = append(r.journal.failures, err)
	}
	for _, f := range judged.Findings {
		r.journal.report(f)
	}
	r.journal.emit(result.Event{Type: result.EventVerdict, Verdict: out.Verdict, Reason: out.Reason, Summary: out.Summary})
	return out
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
