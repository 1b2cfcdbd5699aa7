//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// unseen are metrics of dashboards that this cluster's Prometheus need not have, and why.
func unseen() map[string]string {
	return map[string]string{}
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
				if v, ok := n.(*parser.VectorSelector); ok && v.Name != "" && names[v.Name] == "" {
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
	var all []string
	panels := map[string]string{}
	for _, file := range files {
		for name, panel := range asked(t, file) {
			panels[name] = filepath.Base(file) + ": " + panel
			all = append(all, name)
		}
	}
	await(ctx, t, 2*time.Minute, fmt.Sprintf("%d metrics of dashboards", len(panels)), func(ctx context.Context) (bool, string) {
		var have []string
		if err := prometheus(ctx, "label/__name__/values", &have); err != nil {
			return false, err.Error()
		}
		var missing []string
		for _, name := range all {
			if !slices.Contains(have, name) && unseen()[name] == "" {
				missing = append(missing, name+" ("+panels[name]+")")
			}
		}
		slices.Sort(missing)
		return len(missing) == 0, strings.Join(slices.Compact(missing), "\n")
	})
	for name := range unseen() {
		if panels[name] == "" {
			t.Errorf("no dashboard asks for %s any more", name)
		}
	}
}
