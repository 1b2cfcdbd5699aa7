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
	before := len(r.findings)
	r.watch(ctx, latest, nil, func(v view) bool {
		at := v.t.Add(-r.lag())
		if r.back.IsZero() && !at.After(deadline) && r.recovered(ctx, at) {
			r.back = at
		}
		late := r.back.IsZero() && at.After(deadline)
		return (late || !r.back.IsZero()) && r.alertsSettled(v)
	})
	// What ended this early, a guard rail or blindness say, leaves open what would
	// have come of it.
	r.judged = held && !r.stopped(ctx) && len(r.findings) == before
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
	// The first scrape after the removal still brings events from before it.
	counting := later(r.removed.Add(r.cfg.Scrape), t.Add(-r.window()))
	for _, w := range r.slos {
		newest, ok := w.live.at(t)
		if !ok || newest.t.Before(later(r.removed.Add(r.settle()), t.Add(-r.settle()))) {
			r.notYet = w.slo.Name + " has no sample of after the removal"
			return false
		}
		ev, ok := w.live.between(counting, t)
		rate, _ := r.baselineRate(w)
		switch {
		case !ok || ev.total <= 0 || ev.rate() < minVolume*rate:
			r.notYet = fmt.Sprintf("%s: %.0f events in %s are under half of the baseline's rate", w.slo.Name, ev.total, ev.span)
			return false
		case !ev.within(w.slo):
			r.notYet = fmt.Sprintf("%s: %.0f of the last %.0f events are bad, %.3g%% allowed", w.slo.Name, ev.bad, ev.total, 100*w.slo.Budget())
			return false
		}
	}
	for _, w := range r.promql {
		expr := experiment.ExpandWindow(w.assert.PromQL, t.Sub(from).Truncate(time.Millisecond))
		// An expression that reaches further back than recovery lasts sees the fault
		// to the end: it has to hold all the same.
		reach, err := prom.MaxRange(expr)
		if err != nil || t.Add(-reach).Before(r.removed) && reach <= r.x.Recover {
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
// resolved, or can no longer do so in time, and no forbidden one is about to. A control run expects none, and an
// aborted one is not judged by them.
func (r *run) alertsSettled(v view) bool {
	if r.aborted() {
		return true
	}
	// A forbidden alert that is pending has not spoken yet.
	for _, f := range r.x.Forbid {
		for _, a := range v.alerts.matching(f.Labels) {
			if a.state == statePending && v.t.Before(r.removed.Add(r.x.Recover+r.lag())) {
				return false
			}
		}
	}
	if r.cfg.Control {
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
	began := time.Now()
	defer func() { r.removing += time.Since(began) }()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.cfg.CleanupTimeout-r.auditTime()-r.removing)
	defer cancel()
	for {
		err := contained(func() error { return r.cfg.Target.Recover(ctx, r.id) })
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

// contained turns a panic of the target into an error: it must not take the
// process down while faults are in place.
func contained(ask func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the target panicked: %v", p)
		}
	}()
	return ask()
}

// auditTime is what a removal that hangs must leave of CleanupTimeout.
func (r *run) auditTime() time.Duration { return r.cfg.CleanupTimeout / 5 }

// audit looks for what the run left behind.
func (r *run) audit(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(r.auditTime(), r.cfg.CleanupTimeout-r.removing))
	defer cancel()
	for {
		var left []fault.Residue
		err := contained(func() (err error) { left, err = r.cfg.Target.Residue(ctx); return err })
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
