package cli

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/slo"
)

// What is promised of this repository: nine tenths of the alerts that a fault can reach, each
// tier counted, are fired by one.
func TestNineTenthsOfTheAlertsAreProvenByAFault(t *testing.T) {
	root := filepath.Join("..", "..", "..", "..")
	c := &commonFlags{root: root, set: newRun(streams{}, new(int)).Flags()}
	cat, err := c.catalogue(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var dirs []string
	for _, dir := range []string{"experiments", "cluster-experiments", "local-experiments"} {
		dirs = append(dirs, filepath.Join(root, "chaos", dir))
	}
	xs, err := experiment.Load(dirs, experiment.Options{SLOs: cat.slos, Alerts: append([]slo.AlertModel{}, cat.alerts...)})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "alerts", "unproven.yaml")
	excused, err := experiment.LoadUnproven(file)
	if err != nil {
		t.Fatal(err)
	}
	proofs, err := experiment.Proofs(cat.alerts, xs, file, excused)
	if err != nil {
		t.Fatal(err)
	}
	var unproven []string
	all := 0
	for _, p := range proofs {
		if !p.Watched {
			continue
		}
		if all++; len(p.Expected) == 0 {
			unproven = append(unproven, p.Alert+" "+p.Tier)
		}
	}
	if all < 10 || 10*len(unproven) > all {
		t.Errorf("%d of %d alerts are not proven by a fault, at most a tenth may be: %s", len(unproven), all, strings.Join(unproven, ", "))
	}
}

func TestARunThatLeftAlertsFiringIsWeaker(t *testing.T) {
	for name, tt := range map[string]struct {
		e    result.ExpectedAlert
		want bool
	}{
		"its end was predicted and not waited for": {result.ExpectedAlert{Name: "Burn", Forecast: &result.Forecast{Resolved: 300}}, true},
		"its end was predicted and waited for":     {result.ExpectedAlert{Name: "Burn", Forecast: &result.Forecast{Resolved: 300}, ResolvesWithin: 330, ResolvesPredicted: true}, false},
		"its end is bounded by the document":       {result.ExpectedAlert{Name: "Burn", Forecast: &result.Forecast{Resolved: 300}, ResolvesWithin: 60}, false},
		"nothing predicts its end":                 {result.ExpectedAlert{Name: "NoData", Unpredictable: "it looks back"}, false},
	} {
		if errs := leftFiring([]result.ExpectedAlert{tt.e}); (len(errs) > 0) != tt.want {
			t.Errorf("%s: %v", name, errs)
		}
	}
}
