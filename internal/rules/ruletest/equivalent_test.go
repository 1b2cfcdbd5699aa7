package ruletest_test

import (
	"math"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/ballast-sre/ballast/internal/slo"
)

// equivalence is a kind of change that no test can see, and why.
type equivalence struct {
	reason string
	is     func(s slo.SLO, r rulefmt.Rule, change string) bool
	rare   bool // only `make mutants` has an SLO of which it is true
}

func equivalents() []equivalence {
	return []equivalence{
		{reason: "bounds what cannot be higher: a window of whole hours holds no more of them", is: func(_ slo.SLO, r rulefmt.Rule, change string) bool {
			return r.Record == slo.SeriesCoverage && strings.HasPrefix(change, "1 × 1.05 in clamp_max(")
		}},
		{reason: "bounds how good a slice is, which is only compared with a target of at most 1", is: func(s slo.SLO, r rulefmt.Rule, change string) bool {
			return r.Record == slo.SeriesSlice && s.Slices.Target > 0 && strings.HasPrefix(change, "1 × 1.05 in clamp_max(")
		}},
		{reason: "rounds to a unit that leaves the target of slices where it is, and noise is all that is as near to it", is: func(s slo.SLO, r rulefmt.Rule, change string) bool {
			return r.Record == slo.SeriesSlice && s.Slices.Target > 0 && strings.HasPrefix(change, "1e-12 × 1.05 in round(") && rounded(s.Slices.Target, 1e-12*1.05) >= s.Slices.Target
		}},
		{reason: "compares a number of events, which is whole, with a number that is not", is: func(s slo.SLO, _ rulefmt.Rule, change string) bool {
			return s.Slices == nil && strings.HasPrefix(change, ">= for > in") && strings.Contains(change, slo.SeriesBadEvents) && strings.HasSuffix(change, ".5")
		}},
		{reason: "compares a share of the budget, which is exactly 1 only up to the noise of fractions in rates", is: func(s slo.SLO, _ rulefmt.Rule, change string) bool {
			return s.Slices == nil && strings.HasPrefix(change, ">= for > in "+slo.SeriesBudgetSpent)
		}},
		{reason: "compares a number of hours with 99% of those of the period, which is not a whole number", is: func(_ slo.SLO, _ rulefmt.Rule, change string) bool {
			return strings.HasPrefix(change, "> for >= in "+slo.SeriesCoverage)
		}},
		{reason: "compares with rate × budget, which the noise of fractions puts a hair above the threshold", is: func(_ slo.SLO, _ rulefmt.Rule, change string) bool {
			return strings.HasPrefix(change, ">= for > in max without (window) ("+slo.SeriesErrorRatio) && noisy(change)
		}},
		{reason: "halves a window of one slice, which is recorded at the same evaluation", rare: true, is: func(s slo.SLO, r rulefmt.Rule, change string) bool {
			return s.Slices != nil && r.Record == slo.SeriesErrorRatio && r.Labels["window"] == model.Duration(s.Slices.Length).String() && strings.HasPrefix(change, "half of "+slo.SeriesSlice)
		}},
		{reason: "asks whether a quantile is there, whichever it is", rare: true, is: func(_ slo.SLO, r rulefmt.Rule, change string) bool {
			return (strings.HasSuffix(r.Alert, "NoData") || r.Record == slo.SeriesCoverage) && strings.Contains(change, " × 1.05 in histogram_quantile(")
		}},
		{reason: "looks twice as often at what a query of ranges smooths, by which the part of a slice that is bad changes by less than a look, and no slice crosses its target; tests of queries without ranges see it", rare: true, is: func(s slo.SLO, r rulefmt.Rule, change string) bool {
			return r.Record == slo.SeriesSlice && s.Slices.Target > 0 && strings.Contains(s.Slices.Query, "rate(") && strings.HasPrefix(change, "half of the step of ")
		}},
		{reason: "compares an error ratio that is above the threshold wherever enough slices are bad", rare: true, is: hidden},
		{reason: "asks whether there is a number, and a rate or a quantile of rates is never below all of them", rare: true, is: func(s slo.SLO, r rulefmt.Rule, change string) bool {
			return r.Record == slo.SeriesSlice && strings.Contains(s.Slices.Query, "rate(") && strings.HasPrefix(change, "> for >= in ") && strings.HasSuffix(change, ">= -Inf")
		}},
		{reason: "compares a rate with 1.01 × another, which is equal only up to the noise of fractions in counters as large as they are after a page; the ticket's test sees it", is: func(s slo.SLO, r rulefmt.Rule, change string) bool {
			return s.Slices == nil && strings.HasSuffix(r.Alert, "GoodExceedsTotal") && r.Labels["severity"] == slo.Page && strings.HasPrefix(change, ">= for > in sum(rate(")
		}},
		{reason: "is about all groups at once, of which a ticket is made: a page is about a group that had one", rare: true, is: func(s slo.SLO, r rulefmt.Rule, change string) bool {
			return len(s.GroupBy) > 0 && strings.HasSuffix(r.Alert, "NoData") && r.Labels["severity"] == slo.Page && s.NoData != slo.NoDataPage && strings.Contains(change, "sum(up{") && !strings.Contains(change, "group by")
		}},
		{reason: "drops a label that the series has from those which the rule reads", is: func(s slo.SLO, r rulefmt.Rule, change string) bool {
			name, ok := strings.CutPrefix(change, "without the label ")
			if !ok {
				return false
			}
			own := name == "slo" || name == "service"
			switch {
			case r.Record == slo.SeriesBadEvents:
				return own || name == "window"
			case r.Record == slo.SeriesErrorRatio, r.Record == slo.SeriesEvents:
				return own && s.Slices != nil // which are recorded
			case r.Record == slo.SeriesBurnRate, r.Record == slo.SeriesBudgetRemaining, r.Record == slo.SeriesBudgetSpent:
				return own
			case strings.HasSuffix(r.Alert, "BudgetBurn"), strings.HasSuffix(r.Alert, "BudgetExhausted"):
				return own
			}
			return false
		}},
	}
}

// rounded is what PromQL's round makes of a number.
func rounded(v, unit float64) float64 { return math.Floor(v*(1/unit)+0.5) / (1 / unit) }

// noisy reports whether the product at the end of a comparison is above what it stands for.
func noisy(comparison string) bool {
	rate, budget, ok := strings.Cut(comparison[strings.LastIndex(comparison, "> ")+2:], " * ")
	r, errR := strconv.ParseFloat(rate, 64)
	b, errB := strconv.ParseFloat(budget, 64)
	return ok && errR == nil && errB == nil && r*b > math.Round(r*b*1e12)/1e12
}

// hidden reports whether a change of a tier's threshold for the long window decides nothing:
// as many bad slices as the tier needs are more of that window than 1.05 times the
// threshold.
func hidden(s slo.SLO, r rulefmt.Rule, change string) bool {
	how, of, ok := strings.Cut(change, " in max without (window) ("+slo.SeriesErrorRatio)
	moved := strings.HasSuffix(how, " × 1.05") || how == ">= for >"
	if !ok || !moved || s.Slices == nil || !strings.Contains(of, `window="`+r.Labels["long_window"]+`"`) {
		return false
	}
	for _, w := range s.Burns() {
		if w.Tier == r.Labels["tier"] {
			return 1.05*w.Threshold(s.Objective)*float64(s.Slices.In(w.Long)) <= float64(s.LeastBad())-0.5
		}
	}
	return false
}

// equivalent is why a mutant cannot be told from its rule; empty when it can.
func equivalent(s slo.SLO, r rulefmt.Rule, m mutant) string {
	for _, e := range equivalents() {
		if e.is(s, r, m.change) {
			return e.reason
		}
	}
	return ""
}
