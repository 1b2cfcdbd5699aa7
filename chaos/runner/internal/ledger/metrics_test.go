package ledger_test

import (
	"bytes"
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/ledger"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/tests/golden"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// seconds are a measured time.
func seconds(s float64) *result.Seconds {
	v := result.Seconds(s)
	return &v
}

func exposition(t *testing.T, entries ...ledger.Entry) string {
	t.Helper()
	var b bytes.Buffer
	if err := ledger.WriteMetrics(&b, entries, ledger.Accounts(entries, noon().Add(time.Hour)), nil); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The published exposition is what dashboards parse their PromQL against.
func TestGoldenMetricsMatchThePublishedExposition(t *testing.T) {
	kill := run("kill-1", "monitor-pod-kill", result.Pass, 2, map[string]float64{"monitor-availability": 0.0004, "monitor-latency": 0})
	kill.TimeToDetect, kill.TimeToRecover = seconds(4.6), seconds(1)
	dns := run("dns-1", "monitor-dns-failure", result.Inconclusive, 3, nil)
	dns.Reason = result.NotInjected
	here := run("kill-0", "monitor-pod-kill", result.Fail, 1, map[string]float64{"monitor-availability": 0.002})
	here.Reason, here.TimeToDetect = result.SLOBroken, seconds(3)
	there := asked("http://prometheus.observability:9090", kill, dns)
	down := faulty("down-1", 4).expects("MonitorReplicaDown", "", result.Held).fires("MonitorReplicaDown", "", 4.6, 3, 7)
	down.Name = "monitor-pod-failure"
	down.expects("MonitorAvailabilityBudgetBurn", "page-fast", result.Broken)
	reports := []result.Report{there, report("local", here, down.Run)}
	entries := ledger.Fold(reports)
	var b bytes.Buffer
	if err := ledger.WriteMetrics(&b, entries, ledger.Accounts(entries, noon().Add(time.Hour)), ledger.Matrix(reports)); err != nil {
		t.Fatal(err)
	}
	got := b.String()

	golden.Compare(t, "../../../../docs/metrics/ballast.prom", got, *update)
}

func TestAnExperimentOnTwoClustersHasTheSpendingOfItsLastRun(t *testing.T) {
	first, last := ledger.Of(run("1", "a", result.Pass, 1, map[string]float64{"x": 0.5}), "cluster"), ledger.Of(run("2", "a", result.Pass, 2, map[string]float64{"x": 0.25}), "azure")
	got := exposition(t, last, first)
	if want := `ballast_budget_spent_ratio{experiment="a",slo="x"} 0.25` + "\n"; !strings.Contains(got, want) || strings.Count(got, "ballast_budget_spent_ratio{") != 1 {
		t.Errorf("want only %s in\n%s", want, got)
	}
}

func TestWhatIsNotKnownHasNoMetric(t *testing.T) {
	got := exposition(t, ledger.Entry{Experiment: "a", Target: "local", Verdict: result.Pass, Ended: noon(), Spent: map[string]float64{"x": 1}})
	for _, name := range []string{"detection", "recovery", "start_timestamp", "reason", "budget_spent"} {
		if strings.Contains(got, name+"_") || strings.Contains(got, name+"{") {
			t.Errorf("%s is there:\n%s", name, got)
		}
	}
}
