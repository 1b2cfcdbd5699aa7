package load

import (
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/tests/golden"
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
func TestGoldenMetricsMatchThePublishedExposition(t *testing.T) {
	start := time.Unix(1000, 0)
	m := newMetrics("monitor", func() {})
	l := newLedger(schedule{start: start, rate: 10}, 10, time.Second, m.record)
	l.settle(0, true, start.Add(4*time.Millisecond), start.Add(4*time.Millisecond))
	l.settle(1, true, start.Add(180*time.Millisecond), start.Add(180*time.Millisecond))
	l.mark(2, reasonReset, start.Add(200*time.Millisecond))
	l.settle(2, false, start.Add(201*time.Millisecond), start.Add(201*time.Millisecond))
	l.mark(3, reasonTimeout, start.Add(300*time.Millisecond))
	l.overdue(start.Add(1300 * time.Millisecond))
	for _, lag := range []float64{.0002, .0004, .12} {
		m.lag.Observe(lag)
	}
	var looked lookups
	m.addLookups("monitor", "monitor.monitor.svc.cluster.local", &looked)
	for range recentLookups {
		looked.take([]netip.Addr{netip.MustParseAddr("10.96.0.17")}, nil)
	}
	looked.take(nil, errors.New("server misbehaving"))
	got := scrape(t, m.handler())

	published(t, "probe.prom", got)
}

// published compares an exposition with its golden file in docs/metrics.
func published(t *testing.T, name, got string) {
	t.Helper()
	golden.Compare(t, "../../../../docs/metrics/"+name, got, *update)
}

func TestAllOutcomesExistBeforeTheFirstRequest(t *testing.T) {
	g := newTestGenerator(t, Config{URL: "http://shop.example:1", Rate: 1})
	got := scrape(t, g.Handler())
	for _, line := range []string{
		`probe_requests_total{outcome="success",probe="shop"} 0`,
		`probe_requests_total{outcome="error",probe="shop"} 0`,
		`probe_request_failures_total{probe="shop",reason="unsent"} 0`,
		`probe_request_failures_total{probe="shop",reason="connect"} 0`,
		`probe_request_failures_total{probe="shop",reason="reset"} 0`,
		`probe_request_failures_total{probe="shop",reason="timeout"} 0`,
		`probe_request_failures_total{probe="shop",reason="cut"} 0`,
		`probe_request_failures_total{probe="shop",reason="status"} 0`,
		`probe_request_duration_seconds_count{probe="shop"} 0`,
		`probe_send_lag_seconds_count{probe="shop"} 0`,
	} {
		if !hasLine(got, line) {
			t.Errorf("line %q is missing in:\n%s", line, got)
		}
	}
}

// Users look reasons up.
func TestEveryReasonStandsInTheReference(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "docs", "reference", "load.md"))
	if err != nil {
		t.Fatal(err)
	}
	for why := reasonNone + 1; why < reasonCount; why++ {
		if !strings.Contains(string(page), "\n| `"+why.String()+"` |") {
			t.Errorf("docs/reference/load.md has no row for reason %q", why)
		}
	}
}

// blackbox_exporter's metrics begin with probe_, too. One Prometheus often has both.
func TestNoMetricHasANameOfBlackboxExporter(t *testing.T) {
	theirs := regexp.MustCompile(`^probe_(success|duration_seconds|failed_due_to_.+|ip_.+|dns_.+|http_.+|icmp_.+|ssl_.+|tls_.+|grpc_.+|expect_.+|unix_.+)$`)
	families, err := newMetrics("x", func() {}).registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(families) == 0 {
		t.Fatal("there are no metrics")
	}
	for _, f := range families {
		if theirs.MatchString(f.GetName()) {
			t.Errorf("%s is a name of blackbox_exporter", f.GetName())
		}
	}
}
