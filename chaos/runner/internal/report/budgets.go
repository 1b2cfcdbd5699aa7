package report

import (
	"fmt"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/chart"
)

// budgetsBefore says of each error budget what was left before the fault, and what all runs
// of the command were planned to spend. On target local that past is made up.
func budgetsBefore(run result.Run, target result.TargetInfo) []string {
	if target.Kind == result.TargetLocal {
		return nil
	}
	var out []string
	for _, b := range run.Evidence.Before.Budgets {
		text := fmt.Sprintf("%s: %s of its error budget left before the fault", b.SLO, chart.Percent(float64(b.Left)))
		switch {
		case b.Unknown && b.Covered != nil:
			text = fmt.Sprintf("%s: budget unknown; Prometheus has %s of its period", b.SLO, chart.Percent(float64(*b.Covered)))
		case b.Unknown:
			text = b.SLO + ": budget unknown; nothing records it"
		}
		if b.Planned != nil {
			text += fmt.Sprintf(", %s planned", chart.ExactPercent(*b.Planned))
			if run.Spec.IgnoreBudget && !b.Unknown && float64(b.Left) < *b.Planned {
				text += ", overridden by --ignore-budget"
			}
		}
		out = append(out, text+".")
	}
	return out
}
