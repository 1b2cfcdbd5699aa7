package load

import (
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func scrape(t *testing.T, h http.Handler) string {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if rec.Code != http.StatusOK {
		t.Fatalf("GET /metrics: status %d: %s", rec.Code, rec.Body)
	}
	return rec.Body.String()
}

// The published exposition is what rules, dashboards and experiments parse their
// PromQL against.
func TestMetricsMatchThePublishedExposition(t *testing.T) {
	start := time.Unix(1000, 0)
	m := newMetrics(func() {})
	l := newLedger(schedule{start: start, rate: 10}, time.Second, m.record)
	l.settle(0, true, start.Add(4*time.Millisecond), start.Add(4*time.Millisecond))
	l.settle(1, true, start.Add(180*time.Millisecond), start.Add(180*time.Millisecond))
	l.settle(2, false, start.Add(201*time.Millisecond), start.Add(201*time.Millisecond))
	l.overdue(start.Add(1300 * time.Millisecond))
	for _, lag := range []float64{.0002, .0004, .12} {
		m.lag.Observe(lag)
	}
	got := scrape(t, m.handler())

	golden := filepath.Join("..", "..", "..", "..", "docs", "metrics", "probe.prom")
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
}

func TestBothOutcomesExistBeforeTheFirstRequest(t *testing.T) {
	g := newTestGenerator(t, Config{URL: "http://127.0.0.1:1", Rate: 1})
	got := scrape(t, g.Handler())
	for _, line := range []string{
		`probe_requests_total{outcome="success"} 0`,
		`probe_requests_total{outcome="error"} 0`,
		`probe_duration_seconds_count 0`,
		`probe_send_lag_seconds_count 0`,
	} {
		if !hasLine(got, line) {
			t.Errorf("line %q is missing in:\n%s", line, got)
		}
	}
}
