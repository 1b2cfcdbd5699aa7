package judge

import (
	"fmt"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// minVolume is the share of the baseline's event rate that must still be counted
// after the fault began. With less, the SLI has gone blind rather than quiet.
const minVolume = 0.5

// lack is what a probation still lacks. Zero: nothing.
type lack struct {
	why   string
	blind bool // it could not be seen, which is not the platform's doing
}

func lacks(format string, args ...any) lack { return lack{why: fmt.Sprintf(format, args...)} }

func unseen(format string, args ...any) lack {
	return lack{why: fmt.Sprintf(format, args...), blind: true}
}

// Recovered says whether the platform has passed its probation at t: for one
// whole window up to t, none of it before the removal, every workload had its
// pods, every SLO was within its objective and every expression within its
// bounds.
func Recovered(x *result.Spec, ev *result.Evidence, t time.Time) bool {
	return probation(x, ev, t) == lack{}
}

// probation returns the first thing that is lacking at t.
func probation(x *result.Spec, ev *result.Evidence, t time.Time) lack {
	m := ev.Moments
	if m.Removed == nil || m.T0 == nil {
		return lacks("the fault was not removed")
	}
	window := x.Timing.Window.Duration()
	from := t.Add(-window)
	if from.Before(*m.Removed) {
		return lacks("%s have passed since the removal, %s are needed", t.Sub(*m.Removed).Round(100*time.Millisecond), window)
	}
	if l := healthy(ev, from, t); l != (lack{}) {
		return l
	}
	for _, s := range x.SLOs {
		if l := holdsAgain(x, ev, s, t); l != (lack{}) {
			return l
		}
	}
	for _, v := range x.Values {
		if l := inBoundsAgain(x, ev, v, from, t); l != (lack{}) {
			return l
		}
	}
	return lack{}
}

// holdsAgain judges an SLO over one window of scrapes after the removal.
func holdsAgain(x *result.Spec, ev *result.Evidence, s result.SLO, t time.Time) lack {
	cs := counts(countsOf(ev, s.Name).Steps)
	scrape := x.Timing.Scrape.Duration()
	end, ok := cs.at(t)
	if !ok || t.Sub(end.T) > 2*scrape {
		return unseen("%s has no fresh sample", s.Name)
	}
	start, ok := cs.at(end.T.Add(-x.Timing.Window.Duration()))
	if !ok || start.T.Before(*ev.Moments.Removed) {
		return lacks("%s was not sampled for a whole window after the removal", s.Name)
	}
	if cs.gap(start.T, end.T) >= 2 {
		return unseen("%s was not sampled all the time since the removal", s.Name)
	}
	e := subtract(end, start)
	rate, _ := baselineRate(ev, cs)
	switch {
	case e.total <= 0 || e.rate() < minVolume*rate:
		return lacks("%s: %.0f events in %s are under half of the baseline's rate", s.Name, e.total, e.span)
	case !e.within(s.Objective):
		return lacks("%s: %.0f of the last %.0f events are bad, %.3g%% allowed", s.Name, e.bad, e.total, 100*(1-s.Objective))
	}
	return lack{}
}

// inBoundsAgain judges an expression at the steps that look back to no time
// before the removal. One that reaches further back than the recovery lasts sees
// the fault to the end: its newest value has to hold all the same.
func inBoundsAgain(x *result.Spec, ev *result.Evidence, v result.Bounded, from, t time.Time) lack {
	reach := v.Reach.Duration()
	first := ev.Moments.Removed.Add(x.Timing.Scrape.Duration() + reach)
	if reach > x.Timing.Recover.Duration() {
		first = from
	}
	var newest *result.Value
	steps := valuesOf(ev, v.Name).Steps
	for i := range steps {
		p := &steps[i]
		if p.T.Before(from) || p.T.After(t) {
			continue
		}
		newest = p
		if !p.T.Before(first) && p.Kind == "" && !boundsOf(v).hold(float64(p.V)) {
			return lacks("%s was %.4g, %s", v.Name, float64(p.V), boundsOf(v))
		}
	}
	switch {
	case newest == nil || newest.Kind != "":
		return unseen("%s has no number", v.Name)
	case newest.T.Before(first):
		return lacks("%s looks back to before the removal", v.Name)
	}
	return lack{}
}

// healthy says whether every workload had its pods at every look in [from, to].
func healthy(ev *result.Evidence, from, to time.Time) lack {
	if ev.Baseline == nil || len(ev.Baseline.Health) == 0 {
		return unseen("the pods of the target were not counted before the fault")
	}
	for _, before := range ev.Baseline.Health {
		seen := from
		for _, h := range ev.Series.Health {
			if h.Workload != before.Workload || h.To.Before(from) || h.From.After(to) {
				continue
			}
			if h.From.Sub(seen) >= Blindness {
				return unseen("the pods of %s were not counted all the time", before.Workload)
			}
			if why := sick(before, h.Pods); why != "" {
				return lack{why: why}
			}
			seen = h.To
		}
		if to.Sub(seen) >= Blindness {
			return unseen("the pods of %s were not counted all the time", before.Workload)
		}
	}
	return lack{}
}

// sick says what is wrong with the pods of a workload; nothing when they are as
// many as it asks for, and it asks for no fewer than before the fault.
func sick(before, now result.Pods) string {
	switch {
	case now.Ready < now.Wanted && now.Waiting != "":
		return fmt.Sprintf("%d of %d pods of %s are ready; %s", now.Ready, now.Wanted, now.Workload, now.Waiting)
	case now.Ready < now.Wanted:
		return fmt.Sprintf("%d of %d pods of %s are ready", now.Ready, now.Wanted, now.Workload)
	case now.Wanted < before.Wanted && !now.Autoscaled:
		return fmt.Sprintf("%s wants %d pods, %d before the fault", now.Workload, now.Wanted, before.Wanted)
	}
	return ""
}

// comeback is how a run recovered.
type comeback struct {
	passed bool      // its probation, in time
	at     time.Time // the end of the probation
	from   time.Time // the end of the fault
	last   time.Time // the last trace of it
	why    string    // not passed, or what broke afterwards
	blind  bool      // why is that it could not be seen
	again  bool      // it broke again after its probation
}

// recovery looks for the first probation that was passed before the deadline, and
// for a second outage after it.
func recovery(x *result.Spec, ev *result.Evidence) comeback {
	m := ev.Moments
	var c comeback
	if m.Removed == nil || m.End == nil {
		c.why = "the fault was not removed"
		return c
	}
	scrape := x.Timing.Scrape.Duration()
	// Scrapes are not in step with the removal: one of them is allowed for.
	deadline := m.Removed.Add(x.Timing.Recover.Duration() + scrape)
	step := max(scrape/4, 50*time.Millisecond)
	for t := m.Removed.Add(x.Timing.Window.Duration()); ; t = t.Add(step) {
		last := !t.Before(deadline) || !t.Before(*m.End)
		if t.After(*m.End) {
			t = *m.End
		}
		if t.After(deadline) {
			t = deadline
		}
		l := probation(x, ev, t)
		c.why, c.blind = l.why, l.blind
		if l == (lack{}) {
			c.passed, c.at = true, t
			break
		}
		if last {
			return c
		}
	}
	if why := brokeAgain(x, ev, c.at); why != "" {
		c.again, c.why = true, why
	} else if why := cutOff(x, ev); why != "" {
		c.passed, c.blind, c.why = false, true, why
	}
	c.from, c.last = traces(x, ev, c.at)
	return c
}

// brokeAgain says which of the platform's promises did not hold until the end of
// what was watched.
func brokeAgain(x *result.Spec, ev *result.Evidence, from time.Time) string {
	end := *ev.Moments.End
	if ev.Watch.Last != nil && ev.Watch.Last.Before(end) {
		end = *ev.Watch.Last
	}
	for _, before := range ev.Baseline.Health {
		for _, h := range ev.Series.Health {
			if h.Workload == before.Workload && h.From.After(from) && !h.From.After(end) {
				if why := sick(before, h.Pods); why != "" {
					return why
				}
			}
		}
	}
	for _, s := range x.SLOs {
		cs := counts(countsOf(ev, s.Name).Steps)
		for _, c := range cs {
			if c.Missing || !c.T.After(from) {
				continue
			}
			if e, ok := cs.between(c.T.Add(-x.Timing.Window.Duration()), c.T); ok && !e.within(s.Objective) {
				return fmt.Sprintf("%s: %.0f of %.0f events are bad", s.Name, e.bad, e.total)
			}
		}
	}
	return ""
}

// cutOff says which SLO has no count at the end of what was watched: a second outage that
// began there would not be seen.
func cutOff(x *result.Spec, ev *result.Evidence) string {
	for _, s := range x.SLOs {
		if steps := countsOf(ev, s.Name).Steps; len(steps) > 0 && steps[len(steps)-1].Missing {
			return s.Name + " was not sampled at the end"
		}
	}
	return ""
}

// traces returns the end of the fault and the last trace of it until the end of
// the probation: a bad event or a missing pod. A one-shot fault ends when it begins.
func traces(x *result.Spec, ev *result.Evidence, until time.Time) (from, last time.Time) {
	from = *ev.Moments.T0
	if ev.Plan != nil {
		for _, p := range ev.Plan.Faults {
			if !p.OneShot {
				from = *ev.Moments.Removed
			}
		}
	}
	last = from
	for _, s := range x.SLOs {
		if t, ok := counts(countsOf(ev, s.Name).Steps).lastBad(from, until); ok && t.After(last) {
			last = t
		}
	}
	for _, before := range ev.Baseline.Health {
		for _, h := range ev.Series.Health {
			if h.Workload == before.Workload && sick(before, h.Pods) != "" && h.To.After(last) && !h.To.After(until) {
				last = h.To
			}
		}
	}
	return from, last
}
