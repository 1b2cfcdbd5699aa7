package judge

import (
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

func TestAnOverriddenBudgetIsNamedBesideTheVerdict(t *testing.T) {
	for name, tt := range map[string]struct {
		edit    func(*record)
		verdict result.Verdict
		says    string // empty: nothing is said of it
	}{
		"too little is left": {
			func(r *record) { r.x.IgnoreBudget, r.ev.Before.Budgets[0].Planned = true, ptr(0.6) }, result.Pass,
			"The error budget was overridden (--ignore-budget): availability has 50% of its error budget left; the runs that are not over may spend 60%.",
		},
		"enough is left":             {func(r *record) { r.x.IgnoreBudget = true }, result.Pass, ""},
		"nobody knows what is left":  {func(r *record) { r.x.IgnoreBudget, r.ev.Before.Budgets[0].Unknown = true, true }, result.Pass, ""},
		"too little, not overridden": {func(r *record) { r.ev.Before.Budgets[0].Left = 0 }, result.Inconclusive, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := passing()
			tt.edit(&r)
			j, err := Judge(r.x, r.ev)
			if err != nil || j.Verdict != tt.verdict {
				t.Fatalf("%s, %v", j.Verdict, err)
			}
			if tt.says != "" && !strings.HasSuffix(j.Summary, " "+tt.says) || tt.says == "" && strings.Contains(j.Summary, "overridden") {
				t.Errorf("the summary is %q", j.Summary)
			}
		})
	}
}

func TestAControlRunIsNotRefusedByABudget(t *testing.T) {
	r := passing()
	r.x.Control, r.ev.Before.Budgets[0].Left = true, -1
	for _, f := range Before(&r.x, &r.ev) {
		if f.Reason == result.BudgetExhausted {
			t.Errorf("refused: %s", f.Record().Detail)
		}
	}
}
