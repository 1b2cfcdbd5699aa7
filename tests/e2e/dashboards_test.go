//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// unseen are beginnings of the names of metrics that a sandbox need not have, and why.
func unseen() map[string]string {
	return map[string]string{
		"ballast_alert_":                       "ballast ledger exports it, and no guard",
		"ballast_budget_chaos_spent_ratio":     "ballast ledger exports it, and no guard",
		"ballast_budget_spent_ratio":           "the guard exports it from the first run on",
		"ballast_experiment_":                  "the guard exports it from the first run on",
		"monitor_cgroup_cpu_limit_used_ratio":  "containers have no CPU limit",
		"monitor_cgroup_cpu_periods_total":     "containers have no CPU limit",
		"monitor_cgroup_cpu_throttled_periods": "containers have no CPU limit",
	}
}

// asked are the names of all metrics that a dashboard asks for, with the first panel of each.
func asked(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	variables := regexp.MustCompile(`\$\{?\w+\}?`)
	names := map[string]string{}
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			// A duration, and as good a value of a label as any.
			expr, err := parser.NewParser(parser.Options{}).ParseExpr(variables.ReplaceAllString(target.Expr, "5m"))
			if err != nil {
				t.Errorf("%s: %s: %v", file, p.Title, err)
				continue
			}
			parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
				// A colon is in the names of rules, which are looked at by themselves.
				if v, ok := n.(*parser.VectorSelector); ok && v.Name != "" && !strings.Contains(v.Name, ":") && names[v.Name] == "" {
					names[v.Name] = p.Title
				}
				return nil
			})
		}
	}
	if len(names) == 0 {
		t.Fatalf("%s asks for nothing", file)
	}
	return names
}

// hasWhatDashboardsAsk wants each metric that a dashboard asks for in the cluster's Prometheus:
// a scrape that drops one leaves a panel empty on every cluster.
func hasWhatDashboardsAsk(ctx context.Context, t *testing.T) {
	files, err := filepath.Glob("../../dashboards/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no dashboards: %v", err)
	}
	panels := map[string]string{}
	for _, file := range files {
		for name, panel := range asked(t, file) {
			panels[name] = filepath.Base(file) + ": " + panel
		}
	}
	if on.own == nil { // whose repositories are not those of a sandbox
		maps.DeleteFunc(panels, func(name, _ string) bool {
			return strings.HasPrefix(name, "ballast_push") || strings.HasPrefix(name, "ballast_drift_")
		})
	}
	for prefix := range unseen() {
		before := len(panels)
		maps.DeleteFunc(panels, func(name, _ string) bool { return strings.HasPrefix(name, prefix) })
		if len(panels) == before {
			t.Errorf("no dashboard asks for %s any more", prefix)
		}
	}
	await(ctx, t, 2*time.Minute, fmt.Sprintf("%d metrics of dashboards", len(panels)), func(ctx context.Context) (bool, string) {
		var have []string
		if err := prometheus(ctx, "label/__name__/values", &have); err != nil {
			return false, err.Error()
		}
		var missing []string
		for _, name := range slices.Sorted(maps.Keys(panels)) {
			if !slices.Contains(have, name) {
				missing = append(missing, name+" ("+panels[name]+")")
			}
		}
		return len(missing) == 0, strings.Join(missing, "\n")
	})
}
