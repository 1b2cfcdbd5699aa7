package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

// undo removes what is still owed and looks for what is left. It runs after
// every way that the phases can end, a panic included.
func (r *run) undo(ctx context.Context) {
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
}

// conclude collects the samples once more, judges and fills the evidence.
func (r *run) conclude(ctx context.Context) {
	r.enter(result.Judge, time.Time{})
	r.end = instant()
	if !r.began.IsZero() {
		r.collect(ctx)
		if r.unread() {
			r.stopped(ctx)
		}
		r.judge()
	}
	r.evidence()
}

// verdict says what all findings together decide.
func (r *run) verdict() {
	r.res.Verdict, r.res.Reason, r.res.Findings = decide(r.findings)
	r.res.Summary = r.summary()
}

// close ends the record; the verdict is the last event.
func (r *run) close() {
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

// maxSteps of one range: Prometheus answers at most 11,000.
const maxSteps = 10_000

// collect reads the whole run once more, now that every sample has arrived. What
// was seen live stays where Prometheus no longer answers.
func (r *run) collect(ctx context.Context) {
	collecting, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	// An interrupted run owes its end, not its charts.
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(time.Second, cancel) })
	defer stop()
	ctx = collecting
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
	// Finer than the rules are evaluated, or an alert would seem late by up to a step.
	aw := prom.Window{Start: r.began, End: r.end, Step: max(min(r.cfg.Scrape, r.cfg.Evaluation)/10, r.end.Sub(r.began)/maxSteps).Round(time.Millisecond)}
	series, err := r.cfg.Querier.Range(ctx, alertsExpr, aw)
	if err != nil && !isNone(err) {
		r.timelineErr = err
		return
	}
	r.timeline = alertTracks(series, aw)
}

// unread says whether something could not be read again.
func (r *run) unread() bool {
	for _, w := range r.slos {
		if w.final == nil {
			return true
		}
	}
	for _, w := range r.promql {
		if w.final == nil {
			return true
		}
	}
	return r.timelineErr != nil
}

// evidence fills the record with all that led to the verdict.
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
