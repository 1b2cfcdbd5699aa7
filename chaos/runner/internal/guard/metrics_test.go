package guard

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/chaos/runner/internal/cluster"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// run is one run as the runner does it, from the lease to the summary.
func (w *world) run(claim cluster.Claim, s cluster.Summary) {
	w.Helper()
	l, err := cluster.Acquire(w.Context(), w.kube, system, claim, w.guard.Logger)
	w.must(err)
	w.must(l.Release(w.Context(), s))
}

// The published exposition is what rules and dashboards parse their PromQL against.
func TestGoldenMetricsMatchThePublishedExposition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ended := time.Date(2026, 3, 4, 5, 7, 7, 250e6, time.UTC)
		w.run(cluster.Claim{Run: "kill-1", Experiment: "monitor-pod-kill", Holder: "me@here"}, cluster.Summary{
			Experiment: "monitor-pod-kill", Verdict: "pass", Spent: map[string]float64{"monitor-availability": 0.0004, "monitor-latency": 0}, Ended: ended,
		})
		w.run(cluster.Claim{Run: "dns-1", Experiment: "monitor-dns-failure", Holder: "me@here"}, cluster.Summary{
			Experiment: "monitor-dns-failure", Verdict: "inconclusive", Reason: "not-injected", Ended: ended.Add(time.Minute),
		})
		w.lease("live")
		w.inject("live")
		w.lease("dead")
		w.inject("dead")
		w.inject("dead-and-stuck", "chaos-mesh/records")
		w.renewing("live", time.Minute)
		time.Sleep(tick)
		code, got := w.get("/metrics")
		if code != 200 {
			t.Fatalf("status %d: %s", code, got)
		}
		golden := filepath.Join("..", "..", "..", "..", "docs", "metrics", "guard.prom")
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatalf("%v (run the test with -update)", err)
		}
		if d := cmp.Diff(string(want), got); d != "" {
			t.Errorf("exposition (-published +now), run with -update if it is meant:\n%s", d)
		}
	})
}

func TestTheLastRunOfAnExperimentIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.run(cluster.Claim{Run: "z", Experiment: "x", Holder: "me@here"}, cluster.Summary{Experiment: "x", Verdict: "pass", Ended: time.Unix(100, 0)})
		time.Sleep(time.Minute)
		w.metric(`ballast_experiment_verdict{experiment="x",verdict="pass"} 1`)
		w.run(cluster.Claim{Run: "a", Experiment: "x", Holder: "me@here"}, cluster.Summary{Experiment: "x", Verdict: "fail", Ended: time.Unix(200, 0)})
		time.Sleep(time.Second)
		w.metric(`ballast_experiment_verdict{experiment="x",verdict="pass"} 0`)
		w.metric(`ballast_experiment_verdict{experiment="x",verdict="fail"} 1`)
		w.metric(`ballast_experiment_last_run_timestamp_seconds{experiment="x"} 200`)
		w.metric(`ballast_guard_runs{state="ended"} 1`)
	})
}

func TestAnEndedLeaseWithoutASummaryClaimsNoVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(w *world) {
			l := leaseObject("a", "x", time.Now())
			l.Spec.HolderIdentity = nil
			l.Annotations = map[string]string{"ballast.dev/summary": `{"verdict":`}
			w.must(w.kube.Tracker().Add(l))
		})
		time.Sleep(time.Second)
		w.metric(`ballast_guard_runs{state="ended"} 1`)
		for experiment, l := range w.guard.mirror.lastRuns() {
			if l.Summary != nil {
				t.Errorf("experiment %s: summary %+v", experiment, l.Summary)
			}
		}
	})
}
