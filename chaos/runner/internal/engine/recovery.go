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
)

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
		rate, _ := r.baselineRate(w)
		switch {
		case !ok || ev.total <= 0 || ev.total < minVolume*rate*t.Sub(from).Seconds():
			// The last samples before a gap are not yet stale, and prove nothing.
			r.notYet = fmt.Sprintf("%s: %.0f events in %s are under half of the baseline's rate", w.slo.Name, ev.total, t.Sub(from))
			return false
		case !ev.within(w.slo):
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
