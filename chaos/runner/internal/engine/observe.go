package engine

import (
	"context"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/judge"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// observe holds the fault and watches, for as long as the experiment asks for and
// until every expected alert has fired or its time is over. Just before the fault
// is removed, or ends by itself, it is measured again.
func (r *run) observe(ctx context.Context) bool {
	least, most := judge.Hold(&r.spec, r.ev.Moments)
	r.journal.enter(result.Observe, most)
	for _, d := range judge.DueAgain(&r.spec, r.ev.Plan, r.ev.Moments) {
		enough := least.Add(-judge.Remeasure)
		if d.At.Before(enough) {
			enough = d.At
		}
		if !r.hold(ctx, enough, d.At) || !r.stillThere(ctx, d) {
			return false
		}
	}
	return r.hold(ctx, least, most)
}

// hold watches until least, and on until most while an expected alert is waited
// for, or whether Alertmanager hears of one that fires: it may end with the fault. It returns false when that was ended early.
func (r *run) hold(ctx context.Context, least, most time.Time) bool {
	known := r.knownFindings
	over := func() bool { return r.stopped(ctx) || r.knownFindings != known }
	waiting := func(now time.Time) bool {
		return judge.Waiting(&r.spec, r.ev.Moments, now, func(m result.AlertMatch) bool { return judge.Fired(r.fired, m) }) || !r.deliverySettled(now)
	}
	r.watch(ctx, least, nil, func(look) bool { return false })
	if !over() && most.After(least) && waiting(instant()) {
		r.watch(ctx, most, nil, func(l look) bool { return !waiting(l.t) })
	}
	return !over()
}
