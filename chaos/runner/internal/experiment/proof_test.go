package experiment

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/internal/slo"
)

func burnTier(tier string) slo.AlertModel {
	return slo.AlertModel{Name: "Burn", SLO: "s", Group: "slo-s", Labels: map[string]string{"severity": "page", labelTier: tier}}
}

func TestProofsAreOfEachTierThatAnExperimentNames(t *testing.T) {
	alerts := []slo.AlertModel{
		burnTier("fast"), burnTier("slow"),
		{Name: "Down", Group: "replicas", Labels: map[string]string{"severity": "ticket"}},
		{Name: "NoData", SLO: "s", Group: "slo-s", Labels: map[string]string{"severity": "ticket"}},
		{Name: "NoData", SLO: "s", Group: "slo-s", Labels: map[string]string{"severity": "page"}},
	}
	all := []Experiment{
		{Name: "two", Expect: []ExpectedAlert{{Name: "Down"}}, Forbid: []ForbiddenAlert{{Labels: map[string]string{"severity": "page"}}}},
		{Name: "one", Expect: []ExpectedAlert{{Name: "Burn", Labels: map[string]string{labelTier: "fast"}}, {Name: "Down"}}},
		// Any tier fulfils it, so that it proves none.
		{Name: "any", Expect: []ExpectedAlert{{Name: "Burn"}}},
	}
	got, err := Proofs(alerts, all, "unproven.yaml", []Unproven{
		{Alerts: []string{"Burn/slow"}, Reason: "it takes hours"}, {Alerts: []string{"NoData"}, Reason: "the load would have to fail"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, p := range got {
		rows = append(rows, strings.Join([]string{p.Group, p.Alert, p.Tier, p.SLO, strings.Join(p.Expected, "+"), strings.Join(p.Forbidden, "+"), p.Unproven}, "|"))
	}
	want := []string{
		"replicas|Down|||one+two||",
		"slo-s|Burn|fast|s|one|two|",
		"slo-s|Burn|slow|s||two|it takes hours",
		"slo-s|NoData||s||two|the load would have to fail",
	}
	if strings.Join(rows, "\n") != strings.Join(want, "\n") {
		t.Errorf("proofs are\n%s\nwant\n%s", strings.Join(rows, "\n"), strings.Join(want, "\n"))
	}
}

func TestEachAlertIsProvenOrExcused(t *testing.T) {
	alerts := []slo.AlertModel{burnTier("fast"), {Name: "Down", Group: "replicas"}}
	expects := []Experiment{{Name: "x", Expect: []ExpectedAlert{{Name: "Down"}}}}
	for name, tt := range map[string]struct {
		list []Unproven
		want string
	}{
		"an alert is neither expected nor listed": {nil, "no experiment expects Burn/fast; expect it in one, or list it here with the reason"},
		"an alert is expected and listed": {
			[]Unproven{{Alerts: []string{"Burn/fast", "Down"}, Reason: "r"}}, "Down is listed, and x expects it; take it out of the list",
		},
		"a listed alert does not exist": {
			[]Unproven{{Alerts: []string{"Burn/fast", "Bum/fast"}, Reason: "r"}}, `no rule defines the alert "Bum/fast"; did you mean Burn/fast?`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Proofs(alerts, expects, "unproven.yaml", tt.list)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "unproven.yaml") {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestTheListOfUnprovenAlertsIsReadStrictly(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"alerts and their reason":   {"unproven:\n  - {alerts: [A], reason: r}\n", ""},
		"an empty list":             {"unproven: []\n", ""},
		"an entry without a reason": {"unproven:\n  - {alerts: [A]}\n", "unproven[0].reason: is empty"},
		"an entry without alerts":   {"unproven:\n  - {reason: r}\n", "unproven[0].alerts: is empty"},
		"a field that is not known": {"unproved: []\n", "did you mean unproven?"},
		"an empty file":             {"", "has 0 documents"},
		"two documents":             {"unproven: []\n---\nunproven: []\n", "has 2 documents"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "unproven.yaml")
			if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := LoadUnproven(file)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := LoadUnproven(filepath.Join(t.TempDir(), "none.yaml")); err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("a file that does not exist: %v", err)
	}
}
