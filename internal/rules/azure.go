package rules

import (
	"fmt"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
)

// The limits of rule groups in Azure Monitor's managed Prometheus, of the API version
// 2023-03-01 (Microsoft.AlertsManagement/prometheusRuleGroups).
const (
	azureRules    = 20  // in a group
	azureGroups   = 500 // in a workspace
	azureShortest = time.Minute
	azureLongest  = 15 * time.Minute
	azureLeastFor = time.Minute
)

// azure says what Azure Monitor does not take of a group, or would drop in silence.
func azure(g rulefmt.RuleGroup) (problems []string) {
	complain := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if n := len(g.Rules); n > azureRules {
		complain("has %d rules with its heartbeat, and Azure Monitor takes %d in a group; split it", n, azureRules)
	}
	if i := time.Duration(g.Interval); i != 0 && (i < azureShortest || i > azureLongest) {
		complain("is evaluated every %s, and Azure Monitor takes %s to %s; change its interval", window(i), window(azureShortest), window(azureLongest))
	}
	if g.Limit != 0 {
		complain("has a limit, which Azure Monitor does not know; aggregate until there are few series")
	}
	if g.QueryOffset != nil {
		complain("has a query_offset, which Azure Monitor does not know; write `offset` in the expressions")
	}
	for _, r := range g.Rules {
		if r.KeepFiringFor != 0 {
			complain("%s has keep_firing_for, which Azure Monitor does not know; have the expression look back instead, as max_over_time does", r.Alert)
		}
		if f := time.Duration(r.For); f > 0 && f < azureLeastFor {
			complain("%s waits for %s, and Azure Monitor for %s at least; write for: %[3]s", r.Alert, r.For, window(azureLeastFor))
		}
	}
	return problems
}
