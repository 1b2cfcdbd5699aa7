package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/judge"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

// preflight asks whether a run makes sense at all.
func (r *run) preflight(ctx context.Context) {
	r.journal.enter(result.Preflight, time.Time{})
	left, err := r.cfg.Target.Residue(ctx)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		r.failed("asking the target for residue", troubleWith(err))
		return
	}
	for _, l := range left {
		r.ev.Before.Residue = append(r.ev.Before.Residue, result.Redact(l.String()))
	}
	if len(left) > 0 {
		return
	}
	clock, err := readClock(ctx, r.cfg.Querier)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		r.failed("asking Prometheus for its time", queryTrouble(err))
		return
	}
	r.ev.Before.Clock = &clock
	if ahead := clock.Ahead.Duration(); ahead != 0 {
		r.querier = inOurTime{Querier: r.cfg.Querier, ahead: ahead}
	}
	r.anyTarget(ctx)
	for _, ask := range []func(context.Context){r.rules, r.budgets} {
		if ctx.Err() != nil || len(r.ev.Before.Failed) > 0 {
			return
		}
		ask(ctx)
	}
}

// anyTarget waits for the first scrapes: a Prometheus that scrapes nothing would
// answer every question with silence.
func (r *run) anyTarget(ctx context.Context) {
	deadline := time.Now().Add(r.warmUpTimeout())
	for {
		up, err := r.querier.Instant(ctx, "count(up)", time.Time{})
		if ctx.Err() != nil || err == nil && up.V > 0 {
			return
		}
		if err == nil {
			err = prom.ErrNoData
		}
		t := queryTrouble(err)
		if t.Kind == result.TroubleUnreachable || time.Now().After(deadline) {
			r.failed("waiting until Prometheus scrapes a target, count(up)", t)
			return
		}
		pause(ctx, r.tick())
	}
}

// resolve plans the faults.
func (r *run) resolve(ctx context.Context) {
	r.journal.enter(result.Planning, time.Time{})
	plan, err := r.cfg.Target.Plan(ctx, r.id, r.x.Faults)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		r.failed("planning the faults", troubleWith(err))
		return
	}
	r.spec.Timing.Confirm = result.InSeconds(time.Duration(steps(plan)) * r.cfg.ConfirmTimeout)
	// The faults end by themselves a little after the run would have removed
	// them: a runner that is gone leaves nothing that lasts.
	_, recovery := r.timing()
	outlive := judge.LongestHold(&r.spec) + r.again() + recovery + r.cfg.CleanupTimeout
	for i, f := range plan.Faults {
		plan.Faults[i].Fault = fault.WithDuration(f.Fault, outlive)
	}
	r.plan = plan
	if slices.ContainsFunc(plan.Faults, func(p fault.Planned) bool { return p.Blinds }) {
		r.spec.Instrument = nil
	}
	r.ev.Plan = planRecord(plan, len(r.x.Faults))
	for _, p := range plan.Faults {
		rf := faultRecord(p)
		r.journal.emit(result.Event{Type: result.EventPlan, Fault: &rf})
	}
}

// steps is how many targets have to show their effect one after another: those of a drain,
// whose disruption budget lets the next pod go when the replacement of the last is ready.
func steps(p fault.Plan) int {
	most := 1
	for _, f := range p.Faults {
		if fault.Own(f.Fault) {
			most = max(most, len(f.Targets))
		}
	}
	return most
}

func planRecord(p fault.Plan, asked int) *result.Plan {
	radius := p.Radius()
	out := &result.Plan{Asked: asked, Radius: result.Radius{Targets: radius.Targets, Percent: radius.Percent}}
	for _, f := range p.Faults {
		planned := result.Planned{Fault: f.Fault.ID(), OneShot: f.Fault.OneShot, Duration: result.InSeconds(f.Fault.Duration)}
		for _, t := range f.Targets {
			planned.Targets = append(planned.Targets, t.ID())
		}
		out.Faults = append(out.Faults, planned)
	}
	return out
}

func faultRecord(p fault.Planned) result.Fault {
	rf := result.Fault{
		Kind: p.Fault.Kind, Action: p.Fault.Action, Name: p.Fault.Name, Mode: string(p.Fault.Selector.Mode),
		Duration: result.InSeconds(p.Fault.Duration), Emulated: p.Emulated, YAML: p.Fault.YAML, Targets: []string{},
	}
	for _, t := range p.Targets {
		rf.Targets = append(rf.Targets, t.ID())
	}
	return rf
}

// warmUpTimeout leaves rare scrapes the time for the first few.
func (r *run) warmUpTimeout() time.Duration { return max(r.cfg.WarmUpTimeout, 5*r.cfg.Scrape) }

// warmUp waits until every assertion has data.
func (r *run) warmUp(ctx context.Context) {
	deadline := time.Now().Add(r.warmUpTimeout())
	r.journal.enter(result.WarmUp, deadline)
	var blind error
	ready := func(l look) bool {
		blind = l.blind(&r.spec)
		return blind == nil
	}
	// Where all is there already, not even a tick is lost.
	first := r.ask(ctx, instant())
	if ctx.Err() != nil {
		return
	}
	r.take(first)
	ok := ready(first) || r.watch(ctx, deadline, nil, ready)
	switch {
	case ctx.Err() != nil:
	case !ok:
		r.failed(fmt.Sprintf("waiting %s for data", r.warmUpTimeout()), queryTrouble(blind))
	default:
		r.histories(ctx)
	}
}

// baseline watches the steady state.
func (r *run) baseline(ctx context.Context) {
	r.forget()
	began := instant()
	r.ev.Moments.Began = &began
	lasts, _ := r.timing()
	r.journal.enter(result.Baseline, began.Add(lasts))
	r.watch(ctx, began.Add(lasts), nil, func(look) bool { return false })
	if ctx.Err() != nil {
		return
	}
	// The last look is at the end of the baseline, not up to a tick before it.
	l := r.ask(ctx, instant())
	if ctx.Err() != nil {
		return
	}
	r.take(l)
	r.ev.Baseline = r.steady(ctx, l)
}

// steady is what the last look of the baseline read.
func (r *run) steady(ctx context.Context, l look) *result.Steady {
	s := &result.Steady{
		At: l.t, Alerts: l.alerts, Health: l.pods,
		AlertsTrouble: queryTrouble(l.errs[nameAlerts]), HealthTrouble: troubleWith(l.errs[namePods]),
	}
	began := *r.ev.Moments.Began
	for i, o := range r.spec.SLOs {
		s.SLOs = append(s.SLOs, judge.SteadySLO(o, r.tallies[i].steps, began, l.t, queryTrouble(l.errs[o.Name])))
	}
	for i, b := range r.spec.Instrument {
		s.Instrument = append(s.Instrument, result.Reading{Name: b.Name, Value: result.Number(l.instrument[i]), Trouble: queryTrouble(l.errs[b.Name])})
	}
	n := 0
	for _, a := range r.x.SLOs {
		if a.SLO != nil {
			continue
		}
		// The baseline's own samples: no further back than its start.
		expr := experiment.ExpandWindow(a.PromQL, min(r.cfg.clocks().Window(), l.t.Sub(began)))
		got, err := r.querier.Instant(ctx, expr, l.t)
		now := result.Reading{Name: a.Name, Value: result.Number(got.V), Trouble: queryTrouble(err)}
		s.Values = append(s.Values, judge.SteadyValue(r.spec.Values[n], r.ev.Series.Values[n].Steps, began, now))
		n++
	}
	return s
}
