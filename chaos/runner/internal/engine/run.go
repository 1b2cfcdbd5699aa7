package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
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
	owed        bool // faults may be there: removal is owed
	interrupted bool
	judged      bool // the run came to the point where its assertions can be judged

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
	lastHealthyLoss            time.Time // last tick under fault or after at which targets were missing
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
	r := &run{Engine: e, x: x, id: runID(x.Name), firedLive: map[string]time.Time{}, tripped: map[int]string{}}
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
	f := finding{rank: k, reason: reason, detail: detail}
	r.findings = append(r.findings, f)
	r.cfg.Log.Debug("finding", "run", r.id, "reason", reason, "detail", detail)
	r.emit(result.Event{Type: result.EventFinding, Finding: &result.Finding{Verdict: f.verdict(), Reason: reason, Detail: detail}})
}

func (r *run) emit(ev result.Event) {
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

// preflight asks whether a run makes sense at all.
func (r *run) preflight(ctx context.Context) bool {
	r.enter(result.Preflight, time.Time{})
	left, err := r.cfg.Target.Residue(ctx)
	if r.stopped(ctx) {
		return false
	}
	if err != nil {
		r.find(rankGate, targetReason(err, result.TargetUnreachable), fmt.Sprintf("asking the target for residue: %v", err))
		return false
	}
	for _, l := range left {
		r.find(rankGate, result.ResidueBefore, l.String()+"; run `ballast sweep` first")
	}
	if len(left) > 0 {
		return false
	}

	asked := time.Now()
	clock, err := r.cfg.Querier.Instant(ctx, "time()", time.Time{})
	answered := time.Now()
	if r.stopped(ctx) {
		return false
	}
	if err != nil {
		r.find(rankGate, dataReason(err), fmt.Sprintf("asking Prometheus for its time: %v", err))
		return false
	}
	// A skew of a scrape interval would file samples under the wrong phase.
	skew := clockSkew(asked, answered, time.UnixMilli(int64(clock.V*1000)))
	if skew > max(r.cfg.Scrape, time.Second) {
		r.find(rankGate, result.PrometheusUnreachable,
			fmt.Sprintf("the clocks of Prometheus and of this machine differ by %s; set both by NTP", skew.Round(time.Millisecond)))
		return false
	}
	return r.anyTarget(ctx)
}

// anyTarget waits for the first scrapes: a Prometheus that scrapes nothing would
// answer every question with silence.
func (r *run) anyTarget(ctx context.Context) bool {
	deadline := time.Now().Add(max(r.cfg.WarmUpTimeout, 2*r.cfg.Scrape))
	for {
		up, err := r.cfg.Querier.Instant(ctx, "count(up)", time.Time{})
		if r.stopped(ctx) {
			return false
		}
		if err == nil && up.V > 0 {
			return true
		}
		if err != nil && dataReason(err) == result.PrometheusUnreachable || time.Now().After(deadline) {
			if err == nil {
				err = prom.ErrNoData
			}
			r.find(rankGate, dataReason(err), fmt.Sprintf("Prometheus scrapes no target, count(up): %v", err))
			return false
		}
		pause(ctx, r.tick())
	}
}

// clockSkew is how far the other clock is outside of the time that the question took.
func clockSkew(asked, answered, theirs time.Time) time.Duration {
	switch {
	case theirs.Before(asked):
		return asked.Sub(theirs)
	case theirs.After(answered):
		return theirs.Sub(answered)
	}
	return 0
}

// resolve plans the faults and bounds the blast radius.
func (r *run) resolve(ctx context.Context) bool {
	r.enter(result.Planning, time.Time{})
	// The faults end by themselves a little after the run would have removed
	// them: a runner that is gone leaves nothing that lasts.
	outlive := r.cfg.ConfirmTimeout + r.x.Observe + r.x.Recover + r.cfg.CleanupTimeout
	faults := make([]fault.Fault, 0, len(r.x.Faults))
	for _, f := range r.x.Faults {
		faults = append(faults, fault.WithDuration(f, outlive))
	}
	plan, err := r.cfg.Target.Plan(ctx, r.id, faults)
	if r.stopped(ctx) {
		return false
	}
	if err != nil {
		r.find(rankGate, targetReason(err, result.TargetUnreachable), fmt.Sprintf("planning the faults: %v", err))
		return false
	}
	r.plan = plan
	radius := plan.Radius()
	r.res.Radius = result.Radius{Targets: radius.Targets, Percent: radius.Percent}
	for _, p := range plan.Faults {
		rf := faultRecord(p)
		r.res.Faults = append(r.res.Faults, rf)
		r.emit(result.Event{Type: result.EventPlan, Fault: &rf})
		if len(p.Targets) == 0 {
			r.find(rankGate, result.NoTarget, p.Fault.ID()+": the selector matches no target")
		}
	}
	if len(plan.Faults) != len(faults) {
		r.find(rankGate, result.NotInjected, fmt.Sprintf("the target planned %d of %d faults", len(plan.Faults), len(faults)))
	}
	for _, detail := range radiusExcess(r.x.Radius, radius, r.cfg.RequireBlastRadius) {
		r.find(rankGate, result.BlastRadius, detail)
	}
	return len(r.findings) == 0
}

// radiusExcess says in which ways a plan touches more than the experiment allows.
func radiusExcess(limit *experiment.BlastRadius, r fault.Radius, required bool) []string {
	if limit == nil {
		if required {
			return []string{"the experiment gives no blastRadius; on this target it must"}
		}
		return nil
	}
	var out []string
	if limit.MaxTargets > 0 && r.Targets > limit.MaxTargets {
		out = append(out, fmt.Sprintf("%d targets would be hit, maxTargets is %d", r.Targets, limit.MaxTargets))
	}
	if limit.MaxPercent > 0 && r.Percent > limit.MaxPercent {
		out = append(out, fmt.Sprintf("%.3g%% of the workload's ready pods would be hit, maxPercent is %.3g%%", r.Percent, limit.MaxPercent))
	}
	return out
}

func faultRecord(p fault.Planned) result.Fault {
	rf := result.Fault{
		Kind: p.Fault.Kind, Action: p.Fault.Action, Name: p.Fault.Name, Mode: string(p.Fault.Selector.Mode),
		Duration: result.Seconds(p.Fault.Duration.Seconds()), Emulated: p.Emulated, YAML: p.Fault.YAML, Targets: []string{},
	}
	for _, t := range p.Targets {
		rf.Targets = append(rf.Targets, t.ID())
	}
	return rf
}

// warmUp waits until every assertion has data.
func (r *run) warmUp(ctx context.Context) bool {
	deadline := time.Now().Add(r.cfg.WarmUpTimeout)
	r.enter(result.WarmUp, deadline)
	var blind error
	ok := r.watch(ctx, deadline, nil, func(v view) bool {
		blind = v.blind()
		if blind != nil {
			r.cfg.Log.Debug("warming up", "run", r.id, "missing", blind)
		}
		return blind == nil
	})
	switch {
	case r.stopped(ctx):
		return false
	case !ok:
		r.find(rankGate, dataReason(blind), fmt.Sprintf("no data after %s: %v", r.cfg.WarmUpTimeout, blind))
		return false
	}
	return r.budgetLeft(ctx)
}

// budgetLeft refuses to spend from a budget that is already gone. Where nothing
// records the budget there is nothing to refuse.
func (r *run) budgetLeft(ctx context.Context) bool {
	for _, w := range r.slos {
		if w.assert == nil {
			continue
		}
		expr := fmt.Sprintf("slo:error_budget_remaining:ratio{slo=%q}", w.slo.Name)
		left, err := r.cfg.Querier.Instant(ctx, expr, time.Time{})
		if r.stopped(ctx) {
			return false
		}
		if err == nil && left.V < w.assert.MaxBudgetSpend {
			r.find(rankGate, result.BudgetExhausted,
				fmt.Sprintf("%s has %.3g%% of its error budget left; the experiment may spend %.3g%%", w.slo.Name, 100*left.V, 100*w.assert.MaxBudgetSpend))
		}
	}
	return len(r.findings) == 0
}

// minEvents in a baseline below which an error ratio means nothing.
const minEvents = 100

// baseline watches the steady state: everything must hold before it is disturbed.
func (r *run) baseline(ctx context.Context) bool {
	r.began = instant()
	until := r.began.Add(r.x.Baseline)
	r.enter(result.Baseline, until)
	var last view
	r.watch(ctx, until, nil, func(v view) bool { last = v; return false })
	if r.stopped(ctx) {
		return false
	}
	// The last look is at the end of the baseline, not up to a tick before it.
	last = r.look(ctx)
	if r.stopped(ctx) {
		return false
	}
	for _, detail := range last.unfit() {
		r.find(rankGate, result.InstrumentUnfit, "in the baseline: "+detail)
	}
	if last.healthyErr != nil {
		r.find(rankGate, dataReason(last.healthyErr), fmt.Sprintf("in the baseline: healthy targets, %s: %v", r.cfg.Healthy, last.healthyErr))
	} else if r.healthy = last.healthy; r.healthy <= 0 {
		r.find(rankGate, result.BaselineUnhealthy, "no target is healthy before the fault")
	}
	for _, w := range r.slos {
		r.baselineSLO(w, last.t)
	}
	for _, w := range r.promql {
		r.baselinePromQL(ctx, w, last.t)
	}
	if last.alertsErr != nil {
		r.find(rankGate, dataReason(last.alertsErr), fmt.Sprintf("in the baseline: alerts: %v", last.alertsErr))
	}
	for _, f := range r.x.Forbid {
		for _, a := range last.alerts.matching(f.Labels) {
			r.find(rankGate, result.BaselineUnhealthy, fmt.Sprintf("forbidden alert %s is %s before the fault", a.name, a.state))
		}
	}
	for _, x := range r.x.Expect {
		for _, a := range last.alerts.matching(map[string]string{"alertname": x.Name}) {
			r.find(rankGate, result.BaselineUnhealthy, fmt.Sprintf("expected alert %s is %s before the fault, so that its firing would prove nothing", a.name, a.state))
		}
	}
	return len(r.findings) == 0
}

func (r *run) baselineSLO(w *watchedSLO, now time.Time) {
	if w.err != nil {
		r.find(rankGate, dataReason(w.err), fmt.Sprintf("in the baseline: %s: %v", w.slo.Name, w.err))
		return
	}
	ev, ok := w.live.between(r.began, now)
	switch {
	case !ok:
		r.find(rankGate, result.NoData, fmt.Sprintf("in the baseline: %s has no two samples", w.slo.Name))
	case ev.total < minEvents:
		r.find(rankGate, result.LowTraffic,
			fmt.Sprintf("%s counted %.0f events in the baseline, %d are needed; raise the load or lengthen the baseline", w.slo.Name, ev.total, minEvents))
	case !ev.within(w.slo):
		r.find(rankGate, result.BaselineUnhealthy,
			fmt.Sprintf("%s does not hold before the fault: %.0f of %.0f events are bad, %.3g%% allowed", w.slo.Name, ev.bad, ev.total, 100*w.slo.Budget()))
	}
}

// baselinePromQL looks at the baseline's own samples: no further back than its start.
func (r *run) baselinePromQL(ctx context.Context, w *watchedPromQL, now time.Time) {
	expr := experiment.ExpandWindow(w.assert.PromQL, min(r.window(), now.Sub(r.began)))
	got, err := r.cfg.Querier.Instant(ctx, expr, now)
	switch {
	case ctx.Err() != nil:
		r.stopped(ctx)
	case err != nil:
		r.find(rankGate, dataReason(err), fmt.Sprintf("in the baseline: %s: %v", w.assert.Name, err))
	case !w.bounds().hold(got.V):
		r.find(rankGate, result.BaselineUnhealthy, fmt.Sprintf("%s does not hold before the fault: %.4g, %s", w.assert.Name, got.V, w.bounds()))
	}
}

// inject starts the faults. From here on removal is owed.
func (r *run) inject(ctx context.Context) bool {
	r.enter(result.Inject, time.Time{})
	r.t0 = instant()
	if r.cfg.Control {
		return true
	}
	r.owed = true
	err := r.cfg.Target.Inject(ctx, r.plan)
	if r.stopped(ctx) {
		return false
	}
	if err != nil {
		r.find(rankGate, targetReason(err, result.NotInjected), fmt.Sprintf("injecting: %v", err))
		return false
	}
	return true
}

// confirm waits until every selected target shows its effect.
func (r *run) confirm(ctx context.Context) bool {
	deadline := time.Now().Add(r.cfg.ConfirmTimeout)
	r.enter(result.Confirm, deadline)
	if r.cfg.Control {
		r.t1 = instant()
		return true
	}
	seen, ok := r.measure(ctx, deadline, r.plan)
	r.recordEffects(seen)
	if r.stopped(ctx) || len(r.findings) > 0 {
		return false
	}
	if ok {
		r.t1 = instant()
		return true
	}
	reason, detail := unconfirmed(seen, r.plan)
	r.find(rankGate, reason, fmt.Sprintf("within %s: %s", r.cfg.ConfirmTimeout, detail))
	return false
}

// observe holds the fault and watches.
func (r *run) observe(ctx context.Context) bool {
	until := time.Now().Add(r.x.Observe)
	r.enter(result.Observe, until)
	// The effect is measured once more just before the end, but before a shorter
	// duration of its own has ended it.
	lasting := fault.Plan{Run: r.plan.Run}
	again := until.Add(-remeasure)
	for _, p := range r.plan.Faults {
		if p.Fault.OneShot || r.cfg.Control {
			continue
		}
		ends := r.t0.Add(p.Fault.Duration)
		if ends.Before(r.t1.Add(2 * remeasure)) {
			continue // too short to be seen twice
		}
		lasting.Faults = append(lasting.Faults, p)
		if at := ends.Add(-remeasure); at.Before(again) {
			again = at
		}
	}
	if len(lasting.Faults) == 0 {
		r.watch(ctx, until, nil, func(view) bool { return false })
		return !r.stopped(ctx) && len(r.findings) == 0
	}
	r.watch(ctx, again, nil, func(view) bool { return false })
	if r.stopped(ctx) || len(r.findings) > 0 {
		return false
	}
	seen, ok := r.measure(ctx, again.Add(remeasure+r.cfg.ConfirmTimeout/2), lasting)
	r.recordEffects(seen)
	if r.stopped(ctx) || len(r.findings) > 0 {
		return false
	}
	if !ok {
		_, detail := unconfirmed(seen, lasting)
		r.find(rankGate, result.NotHeld, "at the end of observe: "+detail)
		return false
	}
	r.watch(ctx, until, nil, func(view) bool { return false })
	return !r.stopped(ctx) && len(r.findings) == 0
}

// remeasure is how long before its end a fault is measured again.
const remeasure = 1500 * time.Millisecond

// recovery removes the faults and waits until everything holds again. watch is
// false when there is nothing to learn from waiting.
func (r *run) recovery(ctx context.Context, held bool) {
	deadline := time.Now().Add(r.x.Recover)
	r.enter(result.Recover, deadline)
	r.remove(ctx)
	if !held && !r.aborted() || r.stopped(ctx) {
		return
	}
	// Alerts may be given more time than the SLOs.
	latest := deadline
	for _, x := range r.x.Expect {
		latest = later(latest, r.t0.Add(x.Within))
		latest = later(latest, r.removed.Add(x.ResolvesWithin))
	}
	latest = latest.Add(r.lag())
	r.watch(ctx, latest, nil, func(v view) bool {
		at := v.t.Add(-r.lag())
		if r.back.IsZero() && !at.After(deadline) && r.recovered(ctx, at) {
			r.back = at
		}
		late := r.back.IsZero() && at.After(deadline)
		return (late || !r.back.IsZero()) && r.alertsSettled(v)
	})
	r.judged = !r.stopped(ctx)
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

// recovered says whether at t, counting only what came after the removal,
// targets are healthy and every assertion holds.
func (r *run) recovered(ctx context.Context, t time.Time) bool {
	if t.Before(r.removed.Add(r.settle())) {
		return false
	}
	up, err := r.healthyAt(ctx, t)
	if err != nil || up < r.healthy {
		r.notYet = fmt.Sprintf("%.0f of %.0f targets are healthy", up, r.healthy)
		if err != nil {
			r.notYet = fmt.Sprintf("healthy targets: %v", err)
		}
		return false
	}
	from := later(r.removed, t.Add(-r.window()))
	for _, w := range r.slos {
		ev, ok := w.live.between(from, t)
		if !ok || ev.total <= 0 || !ev.within(w.slo) {
			r.notYet = fmt.Sprintf("%s: %.0f of the last %.0f events are bad, %.3g%% allowed", w.slo.Name, ev.bad, ev.total, 100*w.slo.Budget())
			return false
		}
	}
	for _, w := range r.promql {
		expr := experiment.ExpandWindow(w.assert.PromQL, t.Sub(from).Truncate(time.Millisecond))
		if reach, err := prom.MaxRange(expr); err != nil || t.Add(-reach).Before(r.removed) {
			r.notYet = fmt.Sprintf("%s looks back to before the removal", w.assert.Name)
			return false
		}
		got, err := r.cfg.Querier.Instant(ctx, expr, t)
		switch {
		case err != nil:
			r.notYet = fmt.Sprintf("%s: %v", w.assert.Name, err)
			return false
		case !w.bounds().hold(got.V):
			r.notYet = fmt.Sprintf("%s is %.4g, %s", w.assert.Name, got.V, w.bounds())
			return false
		}
	}
	return true
}

// alertsSettled says whether every expected alert has fired and, where asked,
// resolved, or can no longer do so in time. A control run expects none, and an
// aborted one is not judged by them.
func (r *run) alertsSettled(v view) bool {
	if r.cfg.Control || r.aborted() {
		return true
	}
	for _, x := range r.x.Expect {
		firing := len(v.alerts.matching(map[string]string{"alertname": x.Name, "alertstate": stateFiring})) > 0
		fired := firing || !r.firedLive[x.Name].IsZero()
		switch {
		case !fired && v.t.Before(r.t0.Add(x.Within+r.lag())):
			return false
		case firing && x.ResolvesWithin > 0 && v.t.Before(r.removed.Add(x.ResolvesWithin+r.lag())):
			return false
		}
	}
	return true
}

// remove asks for the removal of every fault, once more after each failure as
// long as there is time. It goes on when ctx has ended.
func (r *run) remove(ctx context.Context) {
	r.removed = instant()
	if !r.owed {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.cfg.CleanupTimeout)
	defer cancel()
	for {
		err := r.cfg.Target.Recover(ctx, r.id)
		if err == nil {
			r.owed = false
			return
		}
		if ctx.Err() != nil || !pause(ctx, 200*time.Millisecond) {
			r.find(rankResidue, result.LeftBehind, fmt.Sprintf("removing the faults failed: %v; run `ballast sweep`", err))
			r.owed = false
			return
		}
	}
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

// audit looks for what the run left behind.
func (r *run) audit(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.cfg.CleanupTimeout)
	defer cancel()
	for {
		left, err := r.cfg.Target.Residue(ctx)
		var own []string
		for _, l := range left {
			if l.Run == r.id {
				own = append(own, l.String())
			}
		}
		if err == nil && len(own) == 0 {
			return
		}
		if pause(ctx, 200*time.Millisecond) {
			continue
		}
		switch {
		case len(own) > 0:
			r.res.Residue = own
			for _, l := range own {
				r.find(rankResidue, result.LeftBehind, l+"; run `ballast sweep`")
			}
		case errors.Is(err, fault.ErrUnreachable):
			r.find(rankGate, result.TargetUnreachable, fmt.Sprintf("the target was lost, so that nobody can say what is left of the faults: %v", err))
		default:
			r.find(rankResidue, result.LeftBehind, fmt.Sprintf("what is left of the faults could not be asked: %v", err))
		}
		return
	}
}
