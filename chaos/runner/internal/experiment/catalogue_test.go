package experiment

import (
	"slices"
	"testing"
	"time"
)

// What stands in the repository must load: the catalogue, and the examples that
// newcomers copy.
func TestCatalogueIsValid(t *testing.T) {
	all, err := Load([]string{"../../../experiments", "../../../../docs/examples"}, Options{SLOs: testSLOs(t)})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		t.Run(e.Name, func(t *testing.T) {
			if e.Radius == nil {
				t.Error("it has no blast radius, which a cluster run needs")
			}
			if e.Labels["app"] != "monitor" || e.Labels["fault"] == "" {
				t.Errorf("labels %v: want app: monitor and the fault, to select by", e.Labels)
			}
			for _, f := range e.Faults {
				if f.Selector.Selector.LabelSelectors["app.kubernetes.io/name"] != "monitor" {
					t.Errorf("%s does not select the monitor", f.ID())
				}
			}
		})
	}
}

// What only a cluster can do must load, too. It may hit other parts of the platform than
// the monitor; what is asserted is always the monitor's.
func TestClusterCatalogueIsValid(t *testing.T) {
	all, err := Load([]string{"../../../cluster-experiments"}, Options{SLOs: testSLOs(t)})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		t.Run(e.Name, func(t *testing.T) {
			if e.Radius == nil {
				t.Error("it has no blast radius, which a cluster run needs")
			}
			if e.Labels["app"] == "" || e.Labels["fault"] == "" || e.Labels["target"] != "cluster" {
				t.Errorf("labels %v: want the app, the fault and target: cluster, to select by", e.Labels)
			}
			if len(e.SLOs) == 0 || len(e.Abort) == 0 {
				t.Error("it asserts no SLO, or nothing stops it early")
			}
			for _, f := range e.Faults {
				if f.Selector.Selector.LabelSelectors["app.kubernetes.io/name"] == "" {
					t.Errorf("%s does not select by app.kubernetes.io/name", f.ID())
				}
			}
		})
	}
}

// Three run side by side, so a third of the sum is the time to wait; faults on
// the CPU run alone.
func TestCatalogueFitsIntoFourMinutes(t *testing.T) {
	all, err := Load([]string{"../../../experiments"}, Options{SLOs: testSLOs(t)})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Errorf("%d experiments, want at least 10", len(all))
	}
	const around = 8 * time.Second // start, warm-up, confirmation, audit
	var beside, alone time.Duration
	for _, e := range all {
		worst := around + e.Baseline + e.Observe + e.Recover
		if e.Labels["fault"] == "cpu-stress" {
			alone += worst
		} else {
			beside += worst
		}
		if !slices.ContainsFunc(e.Forbid, func(f ForbiddenAlert) bool { return f.Labels["severity"] == "page" }) {
			t.Errorf("%s lets pages pass: a green run must not wake anyone", e.Name)
		}
	}
	if sum := beside/3 + alone; sum > 4*time.Minute {
		t.Errorf("the catalogue takes %s when every recovery takes as long as it may", sum)
	}
}
