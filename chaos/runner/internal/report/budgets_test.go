package report

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

func TestWhatWasLeftOfBudgetsIsSaid(t *testing.T) {
	covered, planned := result.Number(0.125), 0.012
	for name, tt := range map[string]struct {
		budget result.Budget
		ignore bool
		want   string
	}{
		"enough is left":                 {result.Budget{Left: 0.5, Planned: &planned}, false, "x: 50% of its error budget left before the fault, 1.2% planned."},
		"too little is left":             {result.Budget{Left: 0.01, Planned: &planned}, false, "x: 1% of its error budget left before the fault, 1.2% planned."},
		"too little is left, overridden": {result.Budget{Left: 0.01, Planned: &planned}, true, "x: 1% of its error budget left before the fault, 1.2% planned, overridden by --ignore-budget."},
		"enough is left, no matter":      {result.Budget{Left: 0.5, Planned: &planned}, true, "x: 50% of its error budget left before the fault, 1.2% planned."},
		"nobody planned":                 {result.Budget{Left: 0.5}, false, "x: 50% of its error budget left before the fault."},
		"the period is not covered":      {result.Budget{Unknown: true, Covered: &covered, Planned: &planned}, true, "x: budget unknown; Prometheus has 12.5% of its period, 1.2% planned."},
		"nothing records it":             {result.Budget{Unknown: true}, false, "x: budget unknown; nothing records it."},
	} {
		t.Run(name, func(t *testing.T) {
			tt.budget.SLO = "x"
			run := result.Run{Spec: result.Spec{IgnoreBudget: tt.ignore}}
			run.Evidence.Before.Budgets = []result.Budget{tt.budget}
			if got := budgetsBefore(run, result.TargetInfo{Kind: result.TargetCluster}); !slices.Equal(got, []string{tt.want}) {
				t.Errorf("%q, want %q", got, tt.want)
			}
			if got := budgetsBefore(run, result.TargetInfo{Kind: result.TargetLocal}); len(got) > 0 {
				t.Errorf("on target local, whose past is made up: %q", got)
			}
		})
	}
}

func TestAnOverriddenBudgetIsInTheReport(t *testing.T) {
	rep := fixtures()["cluster"]
	planned := 0.012
	run := &rep.Experiments[0]
	run.Spec.IgnoreBudget = true
	run.Evidence.Before.Budgets = []result.Budget{{SLO: "monitor-availability", Left: 0.01, Planned: &planned}}
	var page bytes.Buffer
	if err := HTML(&page, rep); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page.String(), "1.2% planned, overridden by --ignore-budget") {
		t.Error("the page does not say it")
	}
}
