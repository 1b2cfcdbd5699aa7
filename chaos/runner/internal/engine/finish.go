package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

// finish undoes what is still owed, audits, collects the samples once more and
// judges. It runs after every way that phases can end, a panic included.
func (r *run) finish(ctx context.Context) {
	if r.owed {
		r.enter(result.Recover, time.Time{})
		r.remove(ctx)
	}
	if !r.t0.IsZero() {
		r.enter(result.Audit, time.Time{})
		if !r.cfg.Control {
			r.audit(ctx)
		}
	}
	r.enter(result.Judge, time.Time{})
	r.end = instant()
	if !r.began.IsZero() {
		r.collect(ctx)
		r.judge()
	}
	r.evidence()
	r.leave(time.Now())
	r.res.Ended = time.Now()
	r.res.Overhead = result.Seconds(r.overhead().Seconds())
	r.emit(result.Event{Type: result.EventVerdict, Verdict: r.res.Verdict, Reason: r.res.Reason, Summary: r.res.Summary})
}

// overhead is the time of the run outside of the phases that the experiment asks for.
func (r *run) overhead() time.Duration {
	own := r.res.Ended.Sub(r.res.Started)
	for _, p := range r.res.Phases {
		switch p.Phase {
		case result.Baseline, result.Observe, result.Recover:
			own -= p.End.Sub(p.Start)
		default:
		}
	}
	return max(0, own)
}

// until is the end of what is judged: recovered, or out of time for it.
func (r *run) until() time.Time {
	switch {
	case !r.back.IsZero():
		return r.back
	case !r.removed.IsZero():
		if late := r.removed.Add(r.x.Recover); late.Before(r.end) {
			return late
		}
	}
	return r.end
}

// collect reads the whole run once more, now that every sample has arrived. What
// was seen live stays where Prometheus no longer answers.
func (r *run) collect(ctx context.Context) {
	limit := 10 * time.Second
	if ctx.Err() != nil {
		limit = time.Second // an interrupted run owes its end, not its charts
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	w := prom.Window{Start: r.began, End: r.end, Step: r.cfg.Scrape}
	for _, s := range r.slos {
		series, err := r.cfg.Querier.Range(ctx, eventsExpr(s.slo), w)
		if err != nil {
			s.saw(r.end, err)
			continue
		}
		s.final = &tally{}
		s.final.addRange(series, w)
	}
	for _, p := range r.promql {
		series, err := r.cfg.Querier.Range(ctx, experiment.ExpandWindow(p.assert.PromQL, r.window()), w)
		if err != nil {
			p.saw(r.end, err)
			continue
		}
		p.final = &track{}
		p.final.addRange(series, w)
	}
	aw := prom.Window{Start: r.began, End: r.end, Step: min(r.cfg.Scrape, r.cfg.Evaluation)}
	series, err := r.cfg.Querier.Range(ctx, alertsExpr, aw)
	if err != nil && !isNone(err) {
		r.timelineErr = err
		return
	}
	r.timeline = alertTracks(series, aw)
}

// evidence fills the record with the verdict and all that led to it.
func (r *run) evidence() {
	ptr := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	r.res.T0, r.res.T1, r.res.Removed = ptr(r.t0), ptr(r.t1), ptr(r.removed)
	if _, last, ok := r.recoveredAt(); ok {
		r.res.Back = &last
	}
	if len(r.res.Asserts) == 0 {
		r.res.Asserts = r.unjudged()
	}
	r.res.Verdict, r.res.Reason, r.res.Findings = decide(r.findings)
	r.res.Summary = r.summary()
	if r.began.IsZero() {
		return
	}
	for _, w := range r.slos {
		r.res.SLIs = append(r.res.SLIs, r.sloRecord(w))
	}
	for _, w := range r.promql {
		r.res.SLIs = append(r.res.SLIs, promqlRecord(w, r.window()))
	}
	r.res.Alerts = r.alertRecords()
	r.res.TimeToDetect = r.timeToDetect()
	r.res.TimeToRecover = r.timeToRecover()
}

// summary is one sentence for a person.
func (r *run) summary() string {
	control := ""
	if r.cfg.Control {
		control = " without a fault (control)"
	}
	first := ""
	if len(r.res.Findings) > 0 {
		first = r.res.Findings[0].Detail
	}
	switch r.res.Verdict {
	case result.Pass:
		return "Every assertion held" + control + "."
	case result.Fail:
		return "The platform did not hold" + control + ": " + first + "."
	case result.Aborted:
		return "A guard rail stopped the run: " + first + "."
	case result.Residual:
		return "Something of the fault is still there: " + first + "."
	case result.Inconclusive:
		return fmt.Sprintf("Nothing can be said (%s): %s.", r.res.Reason, first)
	}
	return first
}
