package judge

import (
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/slo"
)

// chartScrapes is how many scrapes one point of an error ratio's chart covers:
// enough to divide by, few enough to show a short outage.
const chartScrapes = 4

func slis(x *result.Spec, ev *result.Evidence) []result.SLI {
	out := make([]result.SLI, 0, len(x.SLOs)+len(x.Values))
	for _, s := range x.SLOs {
		out = append(out, sloRecord(x, ev, s))
	}
	for _, v := range x.Values {
		out = append(out, valueRecord(ev, v))
	}
	return out
}

// sloRecord is an SLO's chart and budget.
func sloRecord(x *result.Spec, ev *result.Evidence, s result.SLO) result.SLI {
	budget, days := 1-s.Objective, s.Window.Duration().Hours()/24
	out := result.SLI{
		Name: s.Name, Unit: "error ratio", Query: "1 − " + s.Good + " / " + s.Total,
		Max: &budget, Objective: &s.Objective, WindowDays: &days, Points: []result.Point{},
	}
	cs := counts(countsOf(ev, s.Name).Steps)
	for _, p := range cs {
		if p.Missing || p.T.Before(*ev.Moments.Began) {
			continue
		}
		e, ok := cs.between(p.T.Add(-chartScrapes*x.Timing.Scrape.Duration()), p.T)
		if !ok {
			continue
		}
		out.Points = append(out.Points, result.Point{T: p.T, V: e.ratio()})
		out.BurnRate = append(out.BurnRate, result.Point{T: p.T, V: slo.BurnRate(e.ratio(), s.Objective)})
	}
	rate, ok := baselineRate(ev, cs)
	if !ok {
		return out
	}
	out.BaselineRate = &rate
	whole := budget * rate * s.Window.Duration().Seconds()
	out.BudgetEvents = &whole
	out.BudgetLimit = s.MaxBudgetSpend
	if share, e, ok := spent(ev, s, cs, *ev.Moments.End); ok {
		out.BadEvents, out.TotalEvents, out.BudgetSpent = &e.bad, &e.total, &share
	}
	return out
}

func valueRecord(ev *result.Evidence, v result.Bounded) result.SLI {
	out := result.SLI{Name: v.Name, Query: v.PromQL, Max: v.Max, Min: v.Min, Points: []result.Point{}}
	for _, p := range valuesOf(ev, v.Name).Steps {
		if p.Kind == "" {
			out.Points = append(out.Points, result.Point{T: p.T, V: float64(p.V)})
		}
	}
	return out
}

// alertRecords lists every alert that was active, and every expected one. One that nobody
// acts on, as a watchdog is that always fires, is left out unless it was asked about.
func alertRecords(x *result.Spec, ev *result.Evidence) []result.Alert {
	var out []result.Alert
	m := ev.Moments
	expected := make([]bool, len(x.Expect))
	due := make([][]answer, len(x.Expect))
	for i, e := range x.Expect {
		due[i] = answers(x, ev, e)
	}
	for _, s := range ev.Series.Alerts {
		if s.Labels["severity"] == slo.None && role(x, s) == "" {
			continue
		}
		a := result.Alert{
			Name: s.Name, Labels: s.Labels, Severity: s.Labels["severity"],
			Pending: s.Pending, Firing: s.Firing, Role: role(x, s),
		}
		if m.T0 != nil {
			if at, ok := firedBetween(s, *m.T0, *m.End); ok {
				took := result.InSeconds(at.Sub(*m.T0))
				a.Measured, a.Delivery = &took, deliveryText(x, ev, s, at)
				if resolved, open := resolvedAfter(s, *m.End); !open && m.Removed != nil {
					in := result.InSeconds(max(0, resolved.Sub(*m.Removed)))
					a.ResolvedIn = &in
				}
			}
		}
		for i, e := range x.Expect {
			if matches(e.Match, s.Name, s.Labels) {
				expected[i] = true
				predicted(due[i], m.T0, &a)
			}
		}
		out = append(out, a)
	}
	for i, e := range x.Expect {
		if !expected[i] {
			out = append(out, result.Alert{Name: e.Name, Severity: e.Match["severity"], Role: roleExpected})
		}
	}
	return out
}

// timeToDetect is from the fault to the first expected alert, or else to any that was not
// firing already.
func timeToDetect(alerts []result.Alert) *result.Seconds {
	var first *result.Seconds
	expected := false
	for i := range alerts {
		a := &alerts[i]
		isExpected := a.Role == roleExpected
		if a.Measured == nil || *a.Measured == 0 && !isExpected {
			continue
		}
		if first == nil || isExpected && !expected || isExpected == expected && *a.Measured < *first {
			first, expected = a.Measured, isExpected
		}
	}
	return first
}

// FaultRatio is the error ratio of an SLO while the fault was in place.
func FaultRatio(ev *result.Evidence, name string) (float64, bool) {
	m := ev.Moments
	if m.T0 == nil || m.Removed == nil {
		return 0, false
	}
	e, ok := counts(countsOf(ev, name).Steps).between(*m.T0, *m.Removed)
	return e.ratio(), ok
}

// Progress is what the indicators are at now, for an event. seen says whether the
// look at now had an answer about an indicator.
func Progress(x *result.Spec, ev *result.Evidence, now time.Time, seen func(name string) bool) []result.Now {
	out := make([]result.Now, 0, len(x.SLOs)+len(x.Values))
	for _, s := range x.SLOs {
		n := result.Now{Name: s.Name}
		cs := counts(countsOf(ev, s.Name).Steps)
		if e, ok := cs.between(now.Add(-x.Timing.Window.Duration()), now); ok && seen(s.Name) {
			ratio, burn := e.ratio(), slo.BurnRate(e.ratio(), s.Objective)
			n.Value, n.BurnRate = &ratio, &burn
			if share, _, ok := spent(ev, s, cs, now); ok {
				n.Spent = &share
			}
		}
		out = append(out, n)
	}
	for _, v := range x.Values {
		n := result.Now{Name: v.Name}
		if steps := valuesOf(ev, v.Name).Steps; len(steps) > 0 && seen(v.Name) {
			value := float64(steps[len(steps)-1].V)
			n.Value = &value
		}
		out = append(out, n)
	}
	return out
}
