package engine

import (
	"context"
	"errors"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

// conclude reads the samples once more, now that every one has arrived.
func (r *run) conclude(ctx context.Context) {
	r.ev.Series.Coverage = r.cover.end()
	r.journal.enter(result.Judge, time.Time{})
	end := instant()
	r.ev.Moments.End = &end
	r.logs(ctx)
	if r.ev.Moments.Began == nil {
		return
	}
	if !r.collect(ctx, *r.ev.Moments.Began, end) {
		r.stopped(ctx)
	}
	if clock := r.ev.Before.Clock; clock != nil && ctx.Err() == nil && r.ev.Moments.Watched != nil {
		if again, err := readClock(ctx, r.cfg.Querier); err == nil {
			drift := again.Ahead - clock.Ahead
			clock.Drift = &drift
		}
	}
}

// maxSteps of one range: Prometheus answers at most 11,000.
const maxSteps = 10_000

// collect reads the whole run. What was seen meanwhile stays where Prometheus no
// longer answers; then it returns false.
func (r *run) collect(ctx context.Context, began, end time.Time) bool {
	collecting, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	// An interrupted run owes its end, not its charts.
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(time.Second, cancel) })
	defer stop()
	ctx = collecting
	w := prom.Window{Start: began, End: end, Step: r.cfg.Scrape}
	if t0 := r.ev.Moments.T0; t0 != nil {
		// A step falls on t0, so that the count there is as new as it can be.
		w.Start = t0.Add(-t0.Sub(began).Truncate(w.Step))
	}
	all := true
	for i, s := range r.spec.SLOs {
		c := &r.ev.Series.Counts[i]
		series, err := r.querier.Range(ctx, eventsExpr(s, r.spec.Timing.Scrape.Duration()), w)
		if err != nil {
			c.Unread, all = queryTrouble(err), false
			continue
		}
		tl := &tally{}
		tl.addRange(series, w, r.ev.Moments.T0)
		c.Steps = tl.steps
	}
	for i, v := range r.spec.Values {
		vs := &r.ev.Series.Values[i]
		series, err := r.querier.Range(ctx, v.PromQL, w)
		if err != nil {
			vs.Unread, all = queryTrouble(err), false
			continue
		}
		vs.Steps = valueSteps(series, w)
	}
	// Finer than the rules are evaluated, or an alert would seem late by up to a step.
	aw := prom.Window{Start: began, End: end, Step: max(min(r.cfg.Scrape, r.cfg.Evaluation)/10, end.Sub(began)/maxSteps).Round(time.Millisecond)}
	// A step falls on the end, or an alert that has just fired would be missed.
	aw.Start = end.Add(-end.Sub(began).Truncate(aw.Step))
	series, err := r.querier.Range(ctx, alertsExpr, aw)
	if err != nil && !errors.Is(err, prom.ErrNoData) {
		r.ev.Series.AlertsTrouble = queryTrouble(err)
		return false
	}
	r.ev.Series.Alerts = alertSpans(series, aw)
	return r.collectReplay(ctx, aw) && all
}
