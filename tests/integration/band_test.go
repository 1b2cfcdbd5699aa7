//go:build integration && linux

package integration

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
)

// An outage that a page is expected for. Its verdict is fail in any case, as all requests
// are lost; what is looked at is when the page fired.
const outageWithPage = `apiVersion: ballast.dev/v1alpha1
kind: Experiment
metadata: {name: outage-with-page}
spec:
  hypothesis: A page fires when its rules and the measured errors say.
  baseline: 10s
  observe: 15s
  recover: 30s
  slos: [{ref: monitor-availability}]
  alerts:
    expect: [{name: MonitorAvailabilityBudgetBurn, labels: {tier: page-fast}}]
  blastRadius: {maxPercent: 100%}
---
apiVersion: chaos-mesh.org/v1alpha1
kind: PodChaos
metadata: {name: outage-with-page}
spec: {action: pod-failure, mode: all, ` + everyMonitor + `}
`

// TestPredictionsHold runs three experiments again and again, on a machine that has nothing
// else to do and on one whose every core is busy, and counts how often an expected alert
// fired within its predicted band. Twenty runs take an hour: `make predictions` asks for
// them.
func TestPredictionsHold(t *testing.T) {
	runs, err := strconv.Atoi(os.Getenv("BALLAST_PREDICTIONS"))
	if err != nil || runs < 1 {
		t.Skip("`make predictions` runs this, with BALLAST_PREDICTIONS as the number of runs")
	}
	outage := filepath.Join(t.TempDir(), "outage-with-page.yaml")
	if err := os.WriteFile(outage, []byte(outageWithPage), 0o600); err != nil {
		t.Fatal(err)
	}
	documents := []string{
		filepath.Join("chaos", "experiments", "monitor-pod-failure.yaml"),
		filepath.Join("chaos", "experiments", "monitor-network-partition.yaml"),
		outage,
	}
	for _, tt := range []struct {
		name string
		busy int // processes that only compute
	}{
		{"idle", 0},
		{"every core busy", runtime.NumCPU()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range tt.busy {
				compute(t)
			}
			h := newHome(t)
			out := filepath.Join(t.TempDir(), "out")
			cmd := h.command(append([]string{"run", "--format=json", "--repeat=" + strconv.Itoa(runs), "--out", out}, documents...)...)
			cmd.Stdout, cmd.Stderr = nil, os.Stderr
			_ = cmd.Run() // the verdicts are looked at below
			held := predicted(t, filepath.Join(out, "report.json"))
			if len(held) != len(documents) {
				t.Errorf("alerts of %d experiments were judged, want %d", len(held), len(documents))
			}
			for name, n := range held {
				t.Logf("%s: in %d of %d runs in its band", name, n, runs)
				if n != runs {
					t.Errorf("%s: in %d of %d runs in its band", name, n, runs)
				}
			}
		})
	}
}

// compute keeps one core busy until the test ends.
func compute(t *testing.T) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "while :; do :; done")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // the test's context killed it
}

// predicted counts per experiment the runs whose expected alert was judged, and fired
// within its band. It logs every other one.
func predicted(t *testing.T, file string) map[string]int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Experiments []struct {
			experiment

			Alerts []struct {
				Name         string   `json:"name"`
				Role         string   `json:"role"`
				PredictedMin *float64 `json:"predictedMin"`
				PredictedMax *float64 `json:"predictedMax"`
				Measured     *float64 `json:"measured"`
			} `json:"alerts"`
		} `json:"experiments"`
	}
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	held := map[string]int{}
	for _, x := range r.Experiments {
		held[x.Name] += 0
		outside := slices.ContainsFunc(x.Findings, func(f finding) bool {
			return slices.Contains([]string{"alert-late", "fired-early", "alert-missing"}, f.Reason)
		})
		if x.Verdict == "inconclusive" || outside {
			t.Logf("%s, run %d: %s (%s) %v", x.Name, x.Attempt, x.Verdict, x.Reason, x.Findings)
			continue
		}
		for _, a := range x.Alerts {
			if a.Role != "expected" || a.PredictedMin == nil || a.PredictedMax == nil || a.Measured == nil {
				continue
			}
			t.Logf("%s, run %d: %s after %.2f s, predicted %.2f to %.2f s", x.Name, x.Attempt, a.Name, *a.Measured, *a.PredictedMin, *a.PredictedMax)
			// Times have milliseconds.
			if *a.Measured >= *a.PredictedMin-0.002 && *a.Measured <= *a.PredictedMax+0.002 {
				held[x.Name]++
				break
			}
		}
	}
	return held
}
