package guard

import (
	"flag"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/cluster"
	"github.com/ballast-sre/ballast/tests/golden"
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
		detection, recovery := 4.6, 1.0
		w.run(cluster.Claim{Run: "kill-1", Experiment: "monitor-pod-kill", Holder: "me@here"}, cluster.Summary{
			Experiment: "monitor-pod-kill", Verdict: "pass", Spent: map[string]float64{"monitor-availability": 0.0004, "monitor-latency": 0},
			Started: ended.Add(-time.Minute), Ended: ended, Detection: &detection, Recovery: &recovery,
		})
		w.run(cluster.Claim{Run: "dns-1", Experiment: "monitor-dns-failure", Holder: "me@here"}, cluster.Summary{
			Experiment: "monitor-dns-failure", Verdict: "inconclusive", Reason: "not-injected", Started: ended, Ended: ended.Add(time.Minute),
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
		golden.Compare(t, "../../../../docs/metrics/guard.prom", got, *update)
	})
}

func TestTheLastRunOfAnExperimentIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.run(cluster.Claim{Run: "z", Experiment: "x", Holder: "me@here"}, cluster.Summary{Experiment: "x", Verdict: "pass", Ended: time.Unix(100, 0)})
		time.Sleep(time.Minute)
		w.metric(`ballast_experiment_verdict{experiment="x",target="cluster",verdict="pass"} 1`)
		w.run(cluster.Claim{Run: "a", Experiment: "x", Holder: "me@here"}, cluster.Summary{Experiment: "x", Verdict: "fail", Ended: time.Unix(200, 0)})
		time.Sleep(time.Second)
		w.metric(`ballast_experiment_verdict{experiment="x",target="cluster",verdict="fail"} 1`)
		if _, text := w.get("/metrics"); strings.Contains(text, `verdict="pass"`) {
			t.Errorf("the verdict of an earlier run is still there:\n%s", text)
		}
		w.metric(`ballast_experiment_end_timestamp_seconds{experiment="x",target="cluster"} 200`)
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
