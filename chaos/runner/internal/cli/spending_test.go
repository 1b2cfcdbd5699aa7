package cli

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ballast-sre/ballast/chaos/runner/internal/engine"
	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/slo"
)

// costly is an experiment that may spend from budgets; a share of 0 is a bounded PromQL.
func costly(name string, shares map[string]float64) experiment.Experiment {
	x := experiment.Experiment{Name: name, SLOs: []experiment.Assertion{{Name: "p99", PromQL: "vector(1)"}}}
	for slo, share := range shares {
		x.SLOs = append(x.SLOs, assertionOn(slo, share))
	}
	return x
}

func assertionOn(name string, share float64) experiment.Assertion {
	return experiment.Assertion{Name: name, SLO: &slo.SLO{Name: name}, MaxBudgetSpend: share}
}

func TestWhatRunsMaySpendIsPlannedTogether(t *testing.T) {
	a, b := costly("a", map[string]float64{"availability": 0.25, "latency": 0.5}), costly("b", map[string]float64{"availability": 0.125})
	for name, tt := range map[string]struct {
		control bool
		private bool
		refused string // the experiment that the budget refuses
		want    []map[string]float64
	}{
		"every run is planned for until it is over": {want: []map[string]float64{
			{"availability": 0.75, "latency": 1}, {"availability": 0.5, "latency": 0.5}, {"availability": 0.375, "latency": 0.5}, {"availability": 0.125},
		}},
		"what was refused is planned for all the same": {refused: "a", want: []map[string]float64{
			{"availability": 0.75, "latency": 1}, {"availability": 0.75, "latency": 1}, {"availability": 0.625, "latency": 1}, {"availability": 0.625, "latency": 1},
		}},
		"where each run has a Prometheus of its own, nothing adds up": {private: true, want: []map[string]float64{nil, nil, nil, nil}},
		"without faults nothing is spent":                             {control: true, want: []map[string]float64{nil, nil, nil, nil}},
	} {
		t.Run(name, func(t *testing.T) {
			st := newStage(&fakeSite{private: tt.private})
			st.control, st.ignoreBudget = tt.control, true
			var got []map[string]float64
			st.judge = func(_ context.Context, cfg engine.Config, x experiment.Experiment) (result.Run, error) {
				got = append(got, cfg.Planned)
				if !cfg.IgnoreBudget {
					t.Error("the override does not reach the run")
				}
				r := result.Run{Name: x.Name, Judgment: result.Judgment{Verdict: result.Pass}}
				if x.Name == tt.refused {
					r.Verdict, r.Reason = result.Inconclusive, result.BudgetExhausted
				}
				return r, nil
			}
			if _, err := st.run(t.Context(), attempts([]experiment.Experiment{a, b}, 2)); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got, cmpopts.EquateApprox(0, 1e-12)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestAnSLOThatIsNamedTwiceIsSpentOnce(t *testing.T) {
	x := costly("a", nil)
	x.SLOs = append(x.SLOs, assertionOn("availability", 0.25), assertionOn("availability", 0.5))
	if d := cmp.Diff(map[string]float64{"availability": 0.25}, maySpend(x)); d != "" {
		t.Error(d)
	}
}
