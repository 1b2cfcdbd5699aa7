package engine

import (
	"context"
	"fmt"
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
