package metrics

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample/sampletest"
)

func nodeBody(t *testing.T, p *NodePage, accept string) string {
	t.Helper()
	rec := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics/node", nil)
	r.Header.Set("Accept", accept)
	p.ServeHTTP(rec, r)
	if rec.Code != http.StatusOK {
		t.Fatalf("status %d", rec.Code)
	}
	return rec.Body.String()
}

func nodeFamilies(t *testing.T, body string) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return families
}

func TestNodesFiguresAreThoseOfTheChosenCollectors(t *testing.T) {
	s := sampletest.Fixture(time.Now())
	for name, want := range map[sample.Name]string{
		sample.CPU: "node_cpu_seconds_total", sample.Memory: "node_memory_MemAvailable_bytes", sample.Disk: "node_filesystem_avail_bytes",
		sample.Network: "node_network_receive_drop_total", sample.System: "node_uname_info", sample.Cgroup: "", sample.Processes: "",
	} {
		families := nodeFamilies(t, nodeBody(t, NewNode(func() *sample.Snapshot { return s }, []sample.Name{name}), ""))
		if families["node_time_seconds"] == nil || want != "" && families[want] == nil || want == "" && len(families) != 1 {
			t.Errorf("%s: %d families, want %s among them", name, len(families), want)
		}
		for other := range families {
			if !strings.HasPrefix(other, "node_") {
				t.Errorf("%s is no name of node_exporter", other)
			}
		}
	}
}

func TestNodesFiguresAreAbsentWhereTheyAreNotKnown(t *testing.T) {
	s := sampletest.Fixture(time.Now())
	s.Memory.Meminfo, s.Memory.VMStat = map[string]uint64{"MemTotal": 1 << 30}, nil
	p := NewNode(func() *sample.Snapshot { return s }, sample.Names())
	families := nodeFamilies(t, nodeBody(t, p, ""))
	if families["node_memory_MemFree_bytes"] != nil || families["node_vmstat_pgmajfault"] != nil || families["node_memory_MemTotal_bytes"] == nil {
		t.Errorf("families %v", families)
	}
	failed := map[string]float64{}
	for _, m := range families["node_filesystem_device_error"].GetMetric() {
		failed[m.GetLabel()[1].GetValue()] = m.GetGauge().GetValue()
	}
	if failed["hangs"] != 1 || failed["not_visible"] != 1 || failed[""] != 0 || len(failed) != 3 {
		t.Errorf("device errors %v", failed)
	}
	if n := len(families["node_filesystem_size_bytes"].GetMetric()); n != 1 {
		t.Errorf("%d sizes, want that of the one that answered", n)
	}
	empty := NewNode(func() *sample.Snapshot { return &sample.Snapshot{} }, sample.Names())
	if families := nodeFamilies(t, nodeBody(t, empty, "")); len(families) != 1 {
		t.Errorf("without a reading: %v", families)
	}
}

func TestNodesTimeIsThatOfTheScrape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sampletest.Fixture(time.Now())
		p := NewNode(func() *sample.Snapshot { return s }, sample.Names())
		first := nodeBody(t, p, "")
		time.Sleep(90 * time.Second)
		second := nodeBody(t, p, "")
		at := func(body string) float64 {
			return nodeFamilies(t, body)["node_time_seconds"].GetMetric()[0].GetGauge().GetValue()
		}
		if at(second)-at(first) != 90 {
			t.Errorf("times %v and %v", at(first), at(second))
		}
	})
}

func TestNodesOpenMetricsKnowsNoUntyped(t *testing.T) {
	s := sampletest.Fixture(time.Now())
	body := nodeBody(t, NewNode(func() *sample.Snapshot { return s }, sample.Names()), "application/openmetrics-text;version=1.0.0")
	for _, part := range []string{"# TYPE node_vmstat_pgmajfault unknown\n", "# TYPE node_cpu_seconds counter\n", "\n# EOF\n"} {
		if !strings.Contains(body, part) {
			t.Errorf("no %q in:\n%s", part, body)
		}
	}
	if !strings.HasSuffix(body, "# EOF\n") {
		t.Error("something follows the end")
	}
}
