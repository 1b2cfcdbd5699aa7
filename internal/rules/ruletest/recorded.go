package ruletest

import (
	"math"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/slo"
)

// known is the share of the period's hours at which events have to be counted for what is
// left of the budget to be known.
const known = 0.99

// world is what an SLO's rules can see: the series of its events, by group.
type world struct {
	shape
	inputs []input
	groups []map[string]string
	every  time.Duration
	ups    []float64 // one each interval
	judged []judged  // of each group, where time is
}

// sum is by how much the good events of a group, or all, grew in (t−w, t]; false where no
// series says so.
func (w world) sum(good bool, group int, t, window time.Duration) (float64, bool) {
	var sum float64
	counted := false
	for _, in := range w.inputs {
		if in.group == group && (good && in.good || !good && in.total) {
			if grown, ok := in.increase(t, window); ok {
				sum, counted = sum+grown, true
			}
		}
	}
	return sum, counted
}

// present reports whether good events, or all, are counted at t.
func (w world) present(good bool, group int, t time.Duration) bool {
	for _, in := range w.inputs {
		if in.group == group && (good && in.good || !good && in.total) && in.counter.present(t) {
			return true
		}
	}
	return false
}

// ratio is the share of bad events; false without events, and where good or all of them
// are not counted.
func (w world) ratio(group int, t, window time.Duration) (float64, bool) {
	if w.slo.Slices != nil {
		return w.judged[group].ratio(t, window)
	}
	good, haveGood := w.sum(true, group, t, window)
	total, haveTotal := w.sum(false, group, t, window)
	if !haveGood || !haveTotal || total == 0 {
		return 0, false
	}
	return to(max(0, 1-good/total), 1e-12), true
}

// events is how many there were in (t−w, t], or how many slices; false where nothing says
// so.
func (w world) events(group int, t, window time.Duration) (float64, bool) {
	if w.slo.Slices == nil {
		return w.sum(false, group, t, window)
	}
	n := len(w.judged[group].within(t, window))
	return float64(n), n > 0
}

// bad is how many events, or slices, went bad.
func (w world) bad(group int, t, window time.Duration) (float64, bool) {
	ratio, ok := w.ratio(group, t, window)
	all, _ := w.events(group, t, window)
	return ratio * all, ok
}

// measured reports whether there is what the SLO is judged by.
func (w world) measured(group int, t time.Duration) bool {
	if w.queried() {
		return len(w.judged[group].looks(t)) > 0
	}
	return w.present(false, group, t)
}

// coverage is the share of the period's hours at which events are counted.
func (w world) coverage(group int, t time.Duration) (float64, bool) {
	hours := 0
	for hour := t.Truncate(time.Hour); hour > t-w.slo.Window && hour >= 0; hour -= time.Hour {
		if w.measured(group, hour) {
			hours++
		}
	}
	return min(1, float64(hours)/w.slo.Window.Truncate(time.Hour).Hours()), hours > 0
}

// spent is the share of the budget that went bad, as if the whole period were known.
func (w world) spent(group int, t time.Duration) float64 {
	ratio, _ := w.ratio(group, t, w.slo.Window) // no events spend nothing
	return ratio / w.slo.Budget()
}

// recorded is what a recording rule records of a group at t; false for nothing.
func (w world) recorded(r rulefmt.Rule, group int, t time.Duration) (v float64, ok bool) {
	if v, ok := w.constant(r, t); ok {
		return v, true
	}
	var window time.Duration
	if text := r.Labels["window"]; text != "" {
		d, err := model.ParseDuration(text)
		if err != nil {
			return 0, false
		}
		window = time.Duration(d)
	}
	coverage, covered := w.coverage(group, t)
	switch r.Record {
	case slo.SeriesErrorRatio:
		return w.ratio(group, t, window)
	case slo.SeriesEvents:
		return w.events(group, t, window)
	case slo.SeriesSlice:
		return w.judged[group].newest(t)
	case slo.SeriesBadEvents:
		return w.bad(group, t, window)
	case slo.SeriesBurnRate:
		v, ok = w.ratio(group, t, w.slo.Tiers()[0].Short)
		return v / w.slo.Budget(), ok
	case slo.SeriesCoverage:
		return coverage, covered
	case slo.SeriesBudgetRemaining:
		return 1 - w.spent(group, t), covered && coverage >= known
	case slo.SeriesBudgetSpent:
		return w.spent(group, t) * coverage, covered
	}
	return 0, false
}

// understood reports whether a series depends on events in a way that is known here.
func understood(record string) bool {
	switch record {
	case slo.SeriesSlice, slo.SeriesErrorRatio, slo.SeriesEvents, slo.SeriesBadEvents, slo.SeriesBurnRate,
		slo.SeriesCoverage, slo.SeriesBudgetRemaining, slo.SeriesBudgetSpent:
		return true
	}
	return false
}

// constant is what a rule records whatever the events are; false where they matter.
func (w world) constant(r rulefmt.Rule, t time.Duration) (float64, bool) {
	switch r.Record {
	case slo.SeriesObjective:
		return w.slo.Objective, true
	case slo.SeriesPeriod:
		return w.slo.Window.Seconds(), true
	case slo.SeriesInfo:
		return 1, true
	case slo.SeriesThreshold:
		for _, tier := range w.slo.Burns() {
			if tier.Tier == r.Labels["tier"] {
				return tier.Threshold(w.slo.Objective), true
			}
		}
	case prom.Heartbeat:
		return t.Seconds(), true
	}
	return 0, false
}

// precision is to how much a recorded value is compared: well below what a wrong rule
// would make of it, and well above the noise of fractions. It is 0 for what is the same
// to the last digit.
func precision(record string) float64 {
	switch record {
	case slo.SeriesEvents, slo.SeriesBadEvents:
		return 0.001
	case slo.SeriesBurnRate, slo.SeriesBudgetRemaining, slo.SeriesBudgetSpent, slo.SeriesCoverage:
		return 1e-6
	case slo.SeriesSlice:
		return 1e-9
	case slo.SeriesThreshold:
		return 1e-12
	}
	return 0
}

// to rounds to a multiple of the unit, unless it is 0, as PromQL does.
func to(v, unit float64) float64 {
	if unit == 0 {
		return v
	}
	return math.Floor(v*(1/unit)+0.5) / (1 / unit)
}
