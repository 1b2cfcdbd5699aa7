package judge

import (
	"fmt"
	"strings"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// overdrawn says of each error budget of which less is left than is planned to be spent how
// much that is. Of one that is unknown there is nothing to say, and a control run spends none.
func overdrawn(x *result.Spec, ev *result.Evidence) []string {
	if x.Control {
		return nil
	}
	var out []string
	for _, b := range ev.Before.Budgets {
		planned, who, ok := plannedSpend(x, b)
		if ok && !b.Unknown && float64(b.Left) < planned {
			out = append(out, fmt.Sprintf("%s has %.4g%% of its error budget left; %s may spend %.3g%%", b.SLO, 100*float64(b.Left), who, 100*planned))
		}
	}
	return out
}

// plannedSpend is what may be spent of a budget, and by whom; ok is false where nobody plans
// to spend from it.
func plannedSpend(x *result.Spec, b result.Budget) (planned float64, who string, ok bool) {
	if b.Planned != nil {
		return *b.Planned, "the runs that are not over", true
	}
	for _, s := range x.SLOs {
		if s.Name == b.SLO && s.MaxBudgetSpend != nil {
			return *s.MaxBudgetSpend, "the experiment", true
		}
	}
	return 0, "", false
}

// overridden says which budgets would have refused a run that was not to be refused by them.
func overridden(x *result.Spec, ev *result.Evidence) string {
	if !x.IgnoreBudget {
		return ""
	}
	why := overdrawn(x, ev)
	if len(why) == 0 {
		return ""
	}
	return " The error budget was overridden (--ignore-budget): " + strings.Join(why, "; ") + "."
}
