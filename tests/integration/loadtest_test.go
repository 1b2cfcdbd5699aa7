//go:build integration && linux

package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// loadTest is what these tests read of a report.
type loadTest struct {
	Verdict, Reason, Sentence, NoCost string
	Sustained                         *struct{ Rate float64 }
	Broken                            *struct {
		Rate  float64
		Broke string
	}
	Cost  *struct{ PerMillionRequests, Rate float64 }
	Steps []struct {
		Rate     float64
		From, To time.Time
		Client   struct {
			Success, Errors uint64
			P99Seconds      float64
		}
		Replicas struct{ Ready, Wanted int }
		Slis     []struct {
			SLO        string
			Bad, Total float64
		}
		Outcome, Why string
	}
}

func reportOf(t *testing.T, text []byte) loadTest {
	t.Helper()
	var r loadTest
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return r
}

const priced = `apiVersion: ballast.dev/v1alpha1
kind: Prices
currency: USD
source: made for this test
date: "2026-01-31"
items: [{name: replicas, perHour: 0.12, eachReplica: true}]
`

func TestALoadTestSaysWhichRateHeld(t *testing.T) {
	h := newHome(t)
	prices, out := filepath.Join(t.TempDir(), "prices.yaml"), filepath.Join(t.TempDir(), "new", "report.json")
	if err := os.WriteFile(prices, []byte(priced), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := h.ballast("load-test", "--slo", "monitor-latency", "--start", "50", "--factor", "2", "--max", "100", "--settle", "1s", "--hold", "3s", "--prices", prices, "--out", out, "--format", "json")
	r := reportOf(t, []byte(stdout))
	if code != 0 || r.Verdict != "pass" || r.Sustained == nil || r.Sustained.Rate != 100 || r.Broken != nil || len(r.Steps) != 2 || !strings.Contains(r.Sentence, "Nothing broke up to 100") {
		t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
	}
	for _, s := range r.Steps {
		// Two samples of a scrape a second may be missing at the edges.
		held := s.To.Sub(s.From).Seconds()
		least, most := s.Rate*(held-2), s.Rate*(held+1)
		if n := s.Slis[0].Total; n < least || n > most {
			t.Errorf("at %v/s for %.1f s Prometheus counted %v events, want %.0f to %.0f", s.Rate, held, n, least, most)
		}
		if n := float64(s.Client.Success + s.Client.Errors); n < s.Rate*held*0.95 || n > s.Rate*held*1.05 {
			t.Errorf("at %v/s for %.1f s the load saw %v requests", s.Rate, held, n)
		}
		if s.Replicas.Ready != 3 || s.Replicas.Wanted != 3 || s.Client.P99Seconds <= 0 {
			t.Errorf("%+v", s)
		}
	}
	// Three replicas at 0.12 an hour, and 360,000 requests in it.
	if r.Cost == nil || r.Cost.Rate != 100 || r.Cost.PerMillionRequests < 0.99 || r.Cost.PerMillionRequests > 1.01 {
		t.Errorf("cost %+v, want 1 per million", r.Cost)
	}
	kept, err := os.ReadFile(out)
	if err != nil || reportOf(t, kept).Sentence != r.Sentence {
		t.Errorf("the report that was kept is another one: %v: %s", err, kept)
	}
	h.empty(time.Now(), nil)
}

// Its good events are those that failed: a healthy service breaks it at once.
const unreachableSLO = `apiVersion: openslo/v1
kind: SLO
metadata: {name: impossible, displayName: Impossible}
spec:
  description: More than any service can do.
  service: monitor
  indicator:
    metadata: {name: none}
    spec:
      ratioMetric:
        counter: true
        good: {metricSource: {type: Prometheus, spec: {query: 'probe_requests_total{job="probe",probe="monitor",outcome="error"}'}}}
        total: {metricSource: {type: Prometheus, spec: {query: 'probe_requests_total{job="probe",probe="monitor"}'}}}
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{displayName: None succeeds, target: 0.99}]
`

func TestALoadTestFailsWhereTheFirstStepBreaks(t *testing.T) {
	h := newHome(t)
	slos := t.TempDir()
	if err := os.WriteFile(filepath.Join(slos, "slo.yaml"), []byte(unreachableSLO), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := h.ballast("load-test", "--slos", slos, "--start", "50", "--settle", "1s", "--hold", "3s", "--format", "json")
	r := reportOf(t, []byte(stdout))
	if code != 1 || r.Verdict != "fail" || r.Sustained != nil || r.Broken == nil || r.Broken.Broke != "impossible" || len(r.Steps) != 1 || r.Cost != nil || r.NoCost == "" {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	h.empty(time.Now(), nil)
}

func TestAnInterruptEndsALoadTestAndLeavesNothing(t *testing.T) {
	h := newHome(t)
	cmd := h.command("load-test", "--start", "50", "--max", "100", "--hold", "60s", "--format", "json", "--verbose")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h.keeper()
	time.Sleep(3 * time.Second) // into the first step
	sent := time.Now()
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	h.empty(sent.Add(undone), nil)
	r := reportOf(t, stdout.Bytes())
	if code := cmd.ProcessState.ExitCode(); code != 3 || r.Verdict != "inconclusive" || r.Reason != "interrupted" || len(r.Steps) != 0 {
		t.Errorf("exit code %d: %s%s", code, stdout.String(), stderr.String())
	}
}

func TestALoadTestThatMakesNoSenseStartsNothing(t *testing.T) {
	h := newHome(t)
	noDate := filepath.Join(t.TempDir(), "prices.yaml")
	if err := os.WriteFile(noDate, []byte(strings.Replace(priced, "date", "day", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"an SLO that does not exist":  {[]string{"--slo", "nobody"}, 64, "unknown SLO; want one of monitor-availability"},
		"a factor that raises none":   {[]string{"--factor", "1"}, 64, "--factor 1"},
		"more than one load sends":    {[]string{"--max", "1e6"}, 64, "--max"},
		"more asked than is tried":    {[]string{"--max", "500", "--at-least", "600"}, 64, "--at-least 600"},
		"a flag of the other target":  {[]string{"--url", "http://x"}, 64, "--url is for --target cluster"},
		"prices without a date":       {[]string{"--prices", noDate}, 65, "date"},
		"a cluster that is not named": {[]string{"--target", "cluster", "--kubeconfig", "/dev/null"}, 64, "context"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := h.ballast(append([]string{"load-test"}, tc.args...)...)
			if code != tc.code || !strings.Contains(stderr, tc.says) || stdout != "" {
				t.Errorf("exit code %d, want %d and %q: %s%s", code, tc.code, tc.says, stdout, stderr)
			}
		})
	}
	h.empty(time.Now(), nil)
}
