package ruletest_test

import (
	"strings"

	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/ballast-sre/ballast/internal/slo"
)

// equivalence is a kind of change that no test can see, and why.
type equivalence struct {
	reason string
	is     func(r rulefmt.Rule, change string) bool
}

func equivalents() []equivalence {
	has := func(text string) func(rulefmt.Rule, string) bool {
		return func(_ rulefmt.Rule, change string) bool { return strings.HasPrefix(change, text) }
	}
	return []equivalence{
		{"bounds what cannot be higher: a window of whole hours holds no more of them", has("1 × 1.05 in clamp_max(")},
		{"compares a number of events, which is whole, with a number that is not", func(_ rulefmt.Rule, change string) bool {
			return strings.HasPrefix(change, ">= for > in") && strings.Contains(change, slo.SeriesBadEvents) && strings.HasSuffix(change, ".5")
		}},
		{"compares a share of the budget, which is exactly 1 only up to the noise of fractions", func(_ rulefmt.Rule, change string) bool {
			return strings.HasPrefix(change, ">= for > in "+slo.SeriesBudgetSpent)
		}},
		{"compares a number of hours with 99% of those of the period, which is no whole number", func(_ rulefmt.Rule, change string) bool {
			return strings.HasPrefix(change, "> for >= in "+slo.SeriesCoverage)
		}},
		{"compares with 14.4 × the budget, which the noise of fractions puts a hair above the threshold", func(_ rulefmt.Rule, change string) bool {
			return strings.HasPrefix(change, ">= for > in max without (window) ("+slo.SeriesErrorRatio) && strings.Contains(change, " > 14.4 * ")
		}},
		{"compares a rate with 1.01 × another, which is equal only up to the noise of fractions in counters as large as they are after a page; the ticket's test sees it", func(r rulefmt.Rule, change string) bool {
			return strings.HasSuffix(r.Alert, "GoodExceedsTotal") && r.Labels["severity"] == slo.Page && strings.HasPrefix(change, ">= for > in sum(rate(")
		}},
		{"drops a label that the series has from those which the rule reads", func(r rulefmt.Rule, change string) bool {
			name, ok := strings.CutPrefix(change, "without the label ")
			if !ok {
				return false
			}
			switch {
			case r.Record == slo.SeriesBadEvents:
				return name == "slo" || name == "service" || name == "window"
			case r.Record == slo.SeriesBurnRate, r.Record == slo.SeriesBudgetRemaining, r.Record == slo.SeriesBudgetSpent:
				return name == "slo" || name == "service"
			case strings.HasSuffix(r.Alert, "BudgetBurn"), strings.HasSuffix(r.Alert, "BudgetExhausted"):
				return name == "slo" || name == "service"
			}
			return false
		}},
	}
}

// equivalent is why a mutant cannot be told from its rule; empty when it can.
func equivalent(r rulefmt.Rule, m mutant) string {
	for _, e := range equivalents() {
		if e.is(r, m.change) {
			return e.reason
		}
	}
	return ""
}
