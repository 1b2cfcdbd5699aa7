package report

import (
	"fmt"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/chart"
)

// budget is one SLO's share of its error budget, drawn as a bar of 100 units.
type budget struct {
	Name            string
	Spent, Allowed  string
	Events          string
	Bar             chart.Bar
	WholeWindowDays string
}

func newBudget(s result.SLI) budget {
	b := budget{Name: s.Name, Spent: chart.Percent(*s.BudgetSpent)}
	label := b.Spent + " of the error budget spent"
	if s.BudgetLimit != nil {
		b.Allowed = chart.ExactPercent(*s.BudgetLimit)
		label += ", " + b.Allowed + " allowed"
	}
	b.Bar = chart.NewBar(label, *s.BudgetSpent, s.BudgetLimit)
	if s.BadEvents != nil && s.TotalEvents != nil {
		b.Events = fmt.Sprintf("%s of %s requests were bad", chart.Count(*s.BadEvents), chart.Count(*s.TotalEvents))
	}
	if s.BudgetEvents != nil && s.WindowDays != nil {
		b.WholeWindowDays = fmt.Sprintf("the whole budget is %s bad requests in %s days", chart.Count(*s.BudgetEvents), chart.Significant(*s.WindowDays, 3))
		if s.BaselineRate != nil {
			b.WholeWindowDays += fmt.Sprintf(" at %s requests/s", chart.Significant(*s.BaselineRate, 3))
		}
	}
	return b
}
