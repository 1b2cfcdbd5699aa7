package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

// warmUp waits until every assertion has data.
func (r *run) warmUp(ctx context.Context) bool {
	deadline := time.Now().Add(r.cfg.WarmUpTimeout)
	r.enter(result.WarmUp, deadline)
	// Where all is there already, not even a tick is lost.
	blind := r.look(ctx).blind()
	ok := blind == nil || r.watch(ctx, deadline, nil, func(v view) bool {
		blind = v.blind()
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
				fmt.Sprintf("%s has %.4g%% of its error budget left; the experiment may spend %.3g%%", w.slo.Name, 100*left.V, 100*w.assert.MaxBudgetSpend))
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
	for _, s := range last.instrument {
		if s.err != nil {
			r.find(rankGate, dataReason(s.err), fmt.Sprintf("in the baseline: %s, which bounds the instrument: %v", s.name, s.err))
		}
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
	// What was seen meanwhile counts as far as it looked back into the baseline only.
	reach, err := prom.MaxRange(experiment.ExpandWindow(w.assert.PromQL, r.window()))
	if seen := w.live.over(r.began.Add(reach), now, w.bounds()); err == nil && seen.broken != nil {
		r.find(rankGate, result.BaselineUnhealthy, fmt.Sprintf("%s did not hold all the time before the fault: %.4g, %s", w.assert.Name, seen.broken.v, w.bounds()))
		return
	}
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
