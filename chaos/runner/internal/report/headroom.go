package report

import (
	"math"
	"strings"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/chart"
)

// hardly is the share of its bound below which an assertion says little: what was measured
// would have had to be ten times as much to break it.
const hardly = 0.1

// headroom is how close one assertion came to its bound.
type headroom struct {
	assertion result.Assertion
	// used is the share of the bound that was reached: 0 nothing, 1 all of it, more when
	// the assertion broke. It counts only where known.
	used  float64
	known bool
}

func (h headroom) String() string {
	switch {
	case !h.known:
		return chart.None
	case h.used > 0 && h.used < 0.0001:
		return "<0.01%"
	}
	return chart.PercentTo(h.used, 2)
}

// headrooms are those of a run's assertions, in their order. A forbidden alert has none: it
// fires or it does not.
func headrooms(run result.Run) []headroom {
	out := make([]headroom, 0, len(run.Asserts))
	for _, a := range run.Asserts {
		h := headroom{assertion: a}
		if a.Outcome != result.Unknown && !run.Control {
			h.used, h.known = used(run, a)
		}
		if math.IsNaN(h.used) || math.IsInf(h.used, 0) {
			h.used, h.known = 0, false
		}
		out = append(out, h)
	}
	return out
}

// used compares what was measured with its bound, by the kind of assertion.
func used(run result.Run, a result.Assertion) (float64, bool) {
	switch a.Kind {
	case result.AssertSLO:
		for _, s := range run.SLIs {
			if s.Name == a.Name && s.BudgetSpent != nil && s.BudgetLimit != nil && *s.BudgetLimit > 0 {
				return *s.BudgetSpent / *s.BudgetLimit, true
			}
		}
	case result.AssertPromQL:
		for _, s := range run.SLIs {
			if s.Name == a.Name && s.Objective == nil {
				return usedOfValues(run, s)
			}
		}
	case result.AssertExpect:
		return usedOfAlert(run, a.Name)
	case result.AssertGuard:
		return usedOfRail(run, a.Name)
	case result.AssertRecovery:
		if limit := run.Spec.Timing.Recover; run.TimeToRecover != nil && limit > 0 {
			return float64(*run.TimeToRecover / limit), true
		}
	case result.AssertForbid:
	}
	return 0, false
}

// usedOfValues takes the worst point from the fault to its removal. Below zero a share of
// a bound says nothing.
func usedOfValues(run result.Run, s result.SLI) (worst float64, known bool) {
	if run.T0 == nil {
		return 0, false
	}
	for _, p := range s.Points {
		if p.T.Before(*run.T0) || run.Removed != nil && p.T.After(*run.Removed) {
			continue
		}
		if s.Max != nil && *s.Max > 0 && p.V >= 0 {
			worst, known = max(worst, p.V / *s.Max), true
		}
		if s.Min != nil && *s.Min > 0 && p.V > 0 {
			worst, known = max(worst, *s.Min/p.V), true
		}
	}
	return worst, known
}

// usedOfAlert is the time to fire as a share of the time that was allowed: the author's
// bound, or else the end of the band in which it was due.
func usedOfAlert(run result.Run, name string) (float64, bool) {
	var due result.Seconds
	for _, e := range run.Spec.Expect {
		if e.Name == name && !e.WithinPredicted {
			due = e.Within
		}
	}
	for _, a := range run.Alerts {
		if a.Name != name || a.Role != "expected" || a.Measured == nil {
			continue
		}
		if due == 0 && a.PredictedMax != nil {
			due = *a.PredictedMax
		}
		if due > 0 {
			return float64(*a.Measured / due), true
		}
	}
	return 0, false
}

// usedOfRail is the highest burn rate that a guard rail saw, of the one at which it stops
// the run. A rail that was never read while more than one event was bad saw next to
// nothing.
func usedOfRail(run result.Run, name string) (worst float64, known bool) {
	for i, rail := range run.Spec.Rails {
		if !strings.HasSuffix(name, rail.SLO) || rail.BurnRate <= 0 {
			continue
		}
		known = true
		for _, slo := range run.Spec.SLOs {
			for _, r := range run.Evidence.Watch.Rails {
				if slo.Name == rail.SLO && r.Rail == i && r.Total > 0 && slo.Objective < 1 {
					worst = max(worst, r.Bad/r.Total/(1-slo.Objective)/rail.BurnRate)
				}
			}
		}
	}
	return worst, known
}

// closest is the assertion that came nearest to its bound.
func closest(hs []headroom) (out headroom, found bool) {
	for _, h := range hs {
		if h.known && (!found || h.used > out.used) {
			out, found = h, true
		}
	}
	return out, found
}

// Hardly says why a run that passed could hardly have failed; empty where it could have,
// where nothing is known, and where it did not pass.
func Hardly(run result.Run) string { return toothless(run) }

// toothless says why a run that passed could hardly have failed; empty where it could
// have, and where nothing is known. An alert that has to fire makes a run fail when the
// fault goes unseen, so that a run that expects one is never toothless. Of the others it
// is one whose fault touched no traffic, or one that stayed below a tenth of every bound.
func toothless(run result.Run) string {
	if run.Verdict != result.Pass || run.Control || run.T0 == nil {
		return ""
	}
	for _, a := range run.Asserts {
		if a.Kind == result.AssertExpect {
			return ""
		}
	}
	if untouched(run) {
		return "the fault touched none of the traffic: no request was bad, and no measured value rose by a tenth over its baseline"
	}
	top, ok := closest(headrooms(run))
	if !ok || top.used >= hardly {
		return ""
	}
	return top.assertion.Name + " came closest, with " + top.String() + " of its bound: it would have had to be " + times(1/top.used) + " as much"
}

// untouched is true when every SLO that was counted has no bad event, there is one, and
// every expression stayed within 110% of its own worst value of the baseline.
func untouched(run result.Run) bool {
	counted := false
	for _, s := range run.SLIs {
		if s.BadEvents != nil {
			counted = true
			if *s.BadEvents >= 0.5 {
				return false
			}
			continue
		}
		if isRatio(s) {
			return false // nobody counted
		}
		if moved(run, s) {
			return false
		}
	}
	return counted
}

// moved compares a value's points from the fault on with those before it.
func moved(run result.Run, s result.SLI) bool {
	worse := func(v float64) float64 {
		if s.Max == nil && s.Min != nil {
			return -v
		}
		return v
	}
	before, after := math.Inf(-1), math.Inf(-1)
	for _, p := range s.Points {
		if p.T.Before(*run.T0) {
			before = max(before, worse(p.V))
		} else {
			after = max(after, worse(p.V))
		}
	}
	return math.IsInf(before, -1) || after > before+hardly*math.Abs(before)
}

// times shows a factor.
func times(factor float64) string {
	if math.IsInf(factor, 0) || factor > 1000 {
		return "more than 1,000 times"
	}
	return chart.Significant(math.Floor(factor), 2) + " times"
}
