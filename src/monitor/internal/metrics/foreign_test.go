package metrics

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample/sampletest"
)

func parsed(t *testing.T, text string) []*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	byName, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var list []*dto.MetricFamily
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		list = append(list, byName[name])
	}
	return list
}

func TestFamiliesOfOthersAreShownUnlessTheirNameIsTaken(t *testing.T) {
	const om = "application/openmetrics-text;version=1.0.0"
	s := sampletest.Fixture(time.Now())
	p := NewNode(func() *sample.Snapshot { return s }, sample.Names())
	p.Take(parsed(t, `# TYPE backup_runs_total counter
backup_runs_total{host="a\"b"} 3
# TYPE backup_runs gauge
backup_runs 1
# TYPE node_load1 gauge
node_load1 99
# TYPE node_time_seconds gauge
node_time_seconds 1
# TYPE backup_seconds histogram
backup_seconds_bucket{le="1"} 1
backup_seconds_bucket{le="+Inf"} 2
backup_seconds_sum 3
backup_seconds_count 2
`))
	for accept, want := range map[string][]string{
		"": {"backup_runs_total{host=\"a\\\"b\"} 3\n", "\nbackup_runs 1\n", "backup_seconds_count 2\n"},
		// To OpenMetrics the counter and the gauge have one name: the first one stays.
		om: {"\nbackup_runs 1.0\n", "backup_seconds_count 2\n"},
	} {
		body := nodeBody(t, p, accept)
		for _, part := range want {
			if !strings.Contains(body, part) {
				t.Errorf("no %q in:\n%s", part, body)
			}
		}
		if strings.Contains(body, "node_load1 99") || strings.Count(body, "# TYPE node_load1 ") != 1 || strings.Count(body, "# TYPE node_time_seconds ") != 1 {
			t.Errorf("a name is there twice:\n%s", body)
		}
		if n := strings.Count(body, "# TYPE backup_runs "); n > 1 {
			t.Errorf("one name is there %d times:\n%s", n, body)
		}
		if accept == "" {
			nodeFamilies(t, body)
		}
	}
	// From the next snapshot on they are others.
	p.Take(parsed(t, "later 1\n"))
	s = sampletest.Fixture(time.Now())
	if body := nodeBody(t, p, ""); !strings.Contains(body, "later 1\n") || strings.Contains(body, "backup") {
		t.Errorf("got:\n%s", body)
	}
}
