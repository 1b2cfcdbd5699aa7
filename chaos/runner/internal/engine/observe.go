package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

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
	for _, d := range r.dueAgain(until) {
		if !r.watchUntil(ctx, d.at) || !r.stillThere(ctx, d) {
			return false
		}
	}
	return r.watchUntil(ctx, until)
}

// watchUntil watches; it returns false when that was ended early.
func (r *run) watchUntil(ctx context.Context, t time.Time) bool {
	r.watch(ctx, t, nil, func(view) bool { return false })
	return !r.stopped(ctx) && len(r.findings) == 0
}

// due is when faults are measured again.
type due struct {
	at   time.Time
	plan fault.Plan
}

// dueAgain returns when which faults are measured once more, in order: just
// before the end of the observation, or before a shorter duration of their own
// ends them. One-shots happen once, and what is too short is not seen twice.
func (r *run) dueAgain(until time.Time) []due {
	if r.cfg.Control {
		return nil
	}
	var out []due
	for _, p := range r.plan.Faults {
		ends := r.t0.Add(p.Fault.Duration)
		if p.Fault.OneShot || ends.Before(r.t1.Add(2*remeasure)) {
			continue
		}
		at := until.Add(-remeasure)
		if early := ends.Add(-remeasure); early.Before(at) {
			at = early
		}
		i := slices.IndexFunc(out, func(d due) bool { return d.at.Equal(at) })
		if i < 0 {
			i = len(out)
			out = append(out, due{at: at, plan: fault.Plan{Run: r.plan.Run}})
		}
		out[i].plan.Faults = append(out[i].plan.Faults, p)
	}
	slices.SortFunc(out, func(a, b due) int { return a.at.Compare(b.at) })
	return out
}

// stillThere measures faults again.
func (r *run) stillThere(ctx context.Context, d due) bool {
	seen, ok := r.measure(ctx, d.at.Add(remeasure+r.cfg.ConfirmTimeout/2), d.plan)
	r.recordEffects(seen)
	if r.stopped(ctx) || len(r.findings) > 0 {
		return false
	}
	if !ok {
		_, detail := unconfirmed(seen, d.plan)
		r.find(rankGate, result.NotHeld, "before its end: "+detail)
	}
	return ok
}

// remeasure is how long before its end a fault is measured again.
const remeasure = 1500 * time.Millisecond
