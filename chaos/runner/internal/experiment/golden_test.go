package experiment

import (
	"flag"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/internal/slo"
	"github.com/ballast-sre/ballast/tests/golden"
)

var update = flag.Bool("update", false, "write the golden files anew")

// testSLOs returns the set that the documents of testdata refer to.
func testSLOs(tb testing.TB) slo.Set {
	tb.Helper()
	set, err := slo.NewSet(
		slo.SLO{Name: "monitor-availability", Objective: 0.999, Window: 30 * 24 * time.Hour},
		slo.SLO{Name: "monitor-latency", Objective: 0.99, Window: 30 * 24 * time.Hour},
	)
	if err != nil {
		tb.Fatal(err)
	}
	return set
}

func testOptions(tb testing.TB) Options {
	return Options{SLOs: testSLOs(tb), Alerts: []slo.AlertModel{
		{
			Name: "MonitorReplicaDown", Labels: map[string]string{"severity": "ticket", "service": "monitor"},
			FromSeries: map[string][]string{"job": {"monitor"}, "instance": nil},
		},
		{Name: "MonitorLatencyBurn", Labels: map[string]string{"severity": "page", "service": "monitor", "slo": "monitor-latency"}},
		{Name: "MonitorLatencyBurn", Labels: map[string]string{"severity": "ticket", "service": "monitor", "slo": "monitor-latency"}},
		{Name: "MonitorReplicaRestarting", Labels: map[string]string{"severity": "loop"}, Opaque: true},
	}}
}

// Each file breaks one rule; the golden file beside it is what a person reads.
func TestGoldenInvalidDocumentsAreRefusedWithTheirMend(t *testing.T) {
	files, err := filepath.Glob("testdata/invalid-*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test documents: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			_, err := Load([]string{file}, testOptions(t))
			if err == nil {
				t.Fatal("the document was accepted")
			}
			compare(t, strings.TrimSuffix(file, ".yaml")+".golden", err.Error()+"\n")
		})
	}
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	golden.Compare(t, file, got, *update)
}
