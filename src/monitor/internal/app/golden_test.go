package app

import (
	"context"
	"flag"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/src/monitor/internal/access"
	"github.com/ballast-sre/ballast/src/monitor/internal/httpapi"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample/sampletest"
)

var update = flag.Bool("update", false, "rewrite docs/metrics/monitor.prom")

// The runtime's and the process's own metrics have other values each time,
// but their names and labels are part of what the service promises.
var (
	ownValue  = regexp.MustCompile(`(?m)^((?:go|process)_\S+) .*$`)
	goVersion = regexp.MustCompile(`(?m)^(go_info\{version=)"[^"]*"`)
)

// TestGoldenExposition compares what the wired service exposes with
// docs/metrics/monitor.prom, which the queries of rules, dashboards and
// experiments are checked against.
func TestGoldenExposition(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the process's metrics differ elsewhere")
	}
	golden := filepath.Join("..", "..", "..", "..", "docs", "metrics", "monitor.prom")
	got := goldenExposition(t)
	if *update {
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("the exposition changed; after a look at it, go test ./src/monitor/internal/app -update (-want +got):\n%s", d)
	}
}

// wired returns the API over a snapshot, with everything that the service
// registers.
func wired(t testing.TB, s *sample.Snapshot) http.Handler {
	t.Helper()
	snapshot := func() *sample.Snapshot { return s }
	build := httpapi.Build{Version: "v0.1.0", Revision: "0000000", GoVersion: "go1.26", Platform: "linux/amd64"}
	cfg := config{CollectTimeout: time.Second}
	for _, name := range sample.Names() {
		cfg.Collectors = append(cfg.Collectors, string(name))
	}
	shown, err := newExposition(cfg, snapshot, build, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	restricted, err := access.New(access.Files{Tokens: tokenFile(t)}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := shown.registry.Register(restricted); err != nil {
		t.Fatal(err)
	}
	read, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { shown.runtime.Run(read, time.Hour); close(ended) }()
	for !strings.Contains(scraped(t, shown.page), "go_goroutines") {
		runtime.Gosched()
	}
	cancel()
	<-ended
	api, err := httpapi.New(httpapi.Config{
		Snapshot: snapshot, Collectors: sample.Names(), Registry: shown.registry, Metrics: shown.page, Node: shown.node, Build: build, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return api
}

func tokenFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(path, []byte("0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func scraped(t testing.TB, h http.Handler) string {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	return rec.Body.String()
}

func goldenExposition(t *testing.T) []byte {
	t.Helper()
	var body []byte
	// In a bubble the clock stands, so that ages and durations are fixed.
	synctest.Test(t, func(t *testing.T) {
		s := sampletest.Fixture(time.Now())
		time.Sleep(2500 * time.Millisecond)
		api := wired(t, s)
		get := func(path string) *httptest.ResponseRecorder {
			rec := httptest.NewRecorder()
			api.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
			return rec
		}
		get("/api/v1/cpu")
		get("/nope")
		rec := get("/metrics")
		if rec.Code != http.StatusOK {
			t.Fatalf("status %d: %s", rec.Code, rec.Body)
		}
		body = rec.Body.Bytes()
	})
	body = ownValue.ReplaceAll(body, []byte("$1 0"))
	return goVersion.ReplaceAll(body, []byte(`$1"go1.26"`))
}

// BenchmarkScrape is what one scrape of the whole service costs, without
// the network.
func BenchmarkScrape(b *testing.B) {
	api := wired(b, sampletest.Fixture(time.Now()))
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/metrics", nil)
	b.ReportAllocs()
	for b.Loop() {
		rec := httptest.NewRecorder()
		api.ServeHTTP(rec, r)
		if rec.Code != http.StatusOK {
			b.Fatalf("status %d: %s", rec.Code, rec.Body)
		}
	}
}
