package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/internal/slo"
)

func TestPlanSaysWhenAlertsFire(t *testing.T) {
	f := fault.Fault{Kind: "PodChaos", Name: "f"}
	target := planner{plans: map[string]fault.Plan{"f": {Faults: []fault.Planned{{Fault: f, Targets: []fault.Target{{Namespace: "default", Pod: "a"}}}}}}}
	down := slo.AlertModel{Name: "Down", For: 2 * time.Minute}
	loop := slo.AlertModel{Name: "Loop", Opaque: true}
	for name, tt := range map[string]struct {
		expect experiment.ExpectedAlert
		want   string
	}{
		"a prediction that is longer than observe": {
			experiment.ExpectedAlert{Name: "Down"},
			`x: 1 targets, 100% of the workload
  observe lasts 30 s, and on until the expected alerts have fired, at most 135 s after the fault began
  alert Down fires within 135 s (predicted, with slack) and resolves within 35 s of the removal (predicted, with slack); its rules need 120 s to 123 s here once the fault is felt
`,
		},
		"a bound of the author's": {
			experiment.ExpectedAlert{Name: "Loop", Within: 20 * time.Second, ResolvesWithin: time.Minute},
			`x: 1 targets, 100% of the workload
  alert Loop fires within 20 s (as asked for) and resolves within 60 s of the removal (as asked for)
`,
		},
		"a bound that is too short for the rule": {
			experiment.ExpectedAlert{Name: "Down", Within: time.Minute, ResolvesWithin: time.Minute},
			`x: cannot run: alert Down is given 1m0s to fire; even in a full outage its rule needs 2m0s here: lengthen within or leave it out
  observe lasts 30 s, and on until the expected alerts have fired, at most 60 s after the fault began
  alert Down fires within 60 s (as asked for) and resolves within 60 s of the removal (as asked for); its rules need 120 s to 123 s here once the fault is felt
`,
		},
		"an alert that nobody can predict": {
			experiment.ExpectedAlert{Name: "Loop"},
			`x: cannot run: alert Loop has no bound: the rule cannot be predicted: the condition of Loop looks back over a range or at recorded series; give within
  alert Loop: the rule cannot be predicted: the condition of Loop looks back over a range or at recorded series
`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := experiment.Experiment{
				Name: "x", Baseline: 10 * time.Second, Observe: 30 * time.Second, Recover: 30 * time.Second,
				Expect: []experiment.ExpectedAlert{tt.expect}, Faults: []fault.Fault{f},
			}
			plans, err := plan(t.Context(), knowing{planSite{&fakeSite{}, target}, []slo.AlertModel{down, loop}}, []experiment.Experiment{x})
			if err != nil || len(plans) != 1 {
				t.Fatalf("%d plans, %v", len(plans), err)
			}
			var out bytes.Buffer
			if err := printPlan(streams{out: &out}, formatText, plans[0]); err != nil {
				t.Fatal(err)
			}
			got, _, _ := strings.Cut(out.String(), "  PodChaos/f")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("want − and got +:\n%s", diff)
			}
		})
	}
}
