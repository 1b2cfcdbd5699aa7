package local

import (
	"bytes"
	"context"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/load"
)

var update = flag.Bool("update", false, "write the golden files anew")

// replica is a pod as the gateway sees it.
type replica struct {
	*httptest.Server
	unready atomic.Bool
	hits    atomic.Int64
	answer  http.HandlerFunc // nil: 200
}

func newReplica(t *testing.T, answer http.HandlerFunc) *replica {
	t.Helper()
	r := &replica{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/readyz" {
			if r.unready.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			return
		}
		r.hits.Add(1)
		if r.answer != nil {
			r.answer(w, req)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func newTestGateway(t *testing.T, replicas map[string]*replica) (*gateway, func(path string) int) {
	t.Helper()
	g := newGateway(t.Context(), quietLogger(t))
	server := httptest.NewServer(g)
	transport := &http.Transport{}
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	t.Cleanup(func() { transport.CloseIdleConnections(); server.Close(); g.close() })
	for name, r := range replicas {
		g.add(name, strings.TrimPrefix(r.URL, "http://"))
	}
	return g, func(path string) int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			t.Fatal(err)
		}
		return res.StatusCode
	}
}

func TestTheGatewayBalancesOverReadyPodsOnly(t *testing.T) {
	t.Parallel()
	a, b := newReplica(t, nil), newReplica(t, nil)
	b.unready.Store(true)
	g, get := newTestGateway(t, map[string]*replica{"a": a, "b": b})
	eventually(t, 3*time.Second, "a is ready", func() bool { return g.ready("a") })
	for range 10 {
		if code := get("/"); code != http.StatusOK {
			t.Errorf("code %d", code)
		}
	}
	if a.hits.Load() != 10 || b.hits.Load() != 0 {
		t.Errorf("hits %d and %d", a.hits.Load(), b.hits.Load())
	}
	b.unready.Store(false)
	eventually(t, 3*time.Second, "b is ready", func() bool { return g.ready("b") })
	for range 10 {
		get("/")
	}
	if a.hits.Load() != 15 || b.hits.Load() != 5 {
		t.Errorf("hits %d and %d: no round robin", a.hits.Load(), b.hits.Load())
	}
	// A pod that is deleted leaves at once, not at the next check.
	g.remove("a")
	get("/")
	if a.hits.Load() != 15 {
		t.Error("a deleted pod was asked")
	}
	b.unready.Store(true)
	eventually(t, 3*time.Second, "b is no longer ready", func() bool { return !g.ready("b") })
	if code := get("/"); code != http.StatusServiceUnavailable {
		t.Errorf("code %d without a ready pod", code)
	}
}

func TestTheGatewayHidesNoFailureAndRetriesNothing(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		answer http.HandlerFunc
		code   int
	}{
		"an error of the pod is passed on": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }, http.StatusTeapot},
		"a pod that hangs is a 504": {func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-time.After(5 * time.Second):
			}
		}, http.StatusGatewayTimeout},
		"a pod that hangs up is a 502": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, http.StatusBadGateway},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newReplica(t, row.answer)
			g, get := newTestGateway(t, map[string]*replica{"a": a})
			eventually(t, 3*time.Second, "ready", func() bool { return g.ready("a") })
			if code := get("/"); code != row.code {
				t.Errorf("code %d, want %d", code, row.code)
			}
			if a.hits.Load() != 1 {
				t.Errorf("the pod was asked %d times", a.hits.Load())
			}
		})
	}
}

func TestTheGatewaysMetricsAreAsPublished(t *testing.T) {
	m := newGatewayMetrics()
	m.backends.Set(3)
	m.ready.Set(2)
	m.checks.WithLabelValues("monitor-5c9f7b6d8-abcde", "ready").Add(4)
	m.checks.WithLabelValues("monitor-5c9f7b6d8-abcde", "not_ready").Inc()
	m.observe("monitor-5c9f7b6d8-abcde", http.StatusOK, 3*time.Millisecond)
	m.observe("monitor-5c9f7b6d8-abcde", http.StatusBadGateway, 20*time.Millisecond)
	m.observe("none", http.StatusServiceUnavailable, 100*time.Microsecond)
	rec := httptest.NewRecorder()
	m.handler().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))

	golden := filepath.Join("..", "..", "..", "..", "docs", "metrics", "gateway.prom")
	if *update {
		if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, rec.Body.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(rec.Body.Bytes(), want) {
		t.Errorf("got\n%s\nwant\n%s\nrun with -update when it is meant", rec.Body, want)
	}
}

func TestAClientThatGoesFirstIsCountedAsSuch(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for name, row := range map[string]struct {
		ctx  context.Context //nolint:containedctx // a row's input
		code int
		want int
	}{
		"an answer":                            {t.Context(), 200, 200},
		"an answer without a header":           {t.Context(), 0, 200},
		"a failure":                            {t.Context(), 502, 502},
		"a failure because the client is gone": {gone, 502, 499},
		"no answer, for the client is gone":    {gone, 0, 499},
		"an answer to a client that left then": {gone, 200, 200},
	} {
		t.Run(name, func(t *testing.T) {
			r := recorder{code: row.code}
			if got := r.status(row.ctx); got != row.want {
				t.Errorf("got %d, want %d", got, row.want)
			}
		})
	}
}

// BenchmarkGateway sends 1,000 requests per second through the whole path, load,
// gateway, proxies and three processes, for a second each time.
func BenchmarkGateway(b *testing.B) {
	e, err := Start(b.Context(), Config{Monitor: monitor(b), Self: self(b), TempRoot: b.TempDir(), Rate: 1, Logger: quietLogger(b)})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := e.Close(b.Context()); err != nil {
			b.Error(err)
		}
	}()
	g, err := load.New(load.Config{URL: e.GatewayURL() + probePath, Rate: 1000, Logger: quietLogger(b)})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := g.Run(ctx); err != nil {
			b.Error(err)
		}
	})
	for b.Loop() {
		time.Sleep(time.Second)
	}
	s := g.Stats()
	cancel()
	wg.Wait()
	b.ReportMetric(float64(s.Success)/b.Elapsed().Seconds(), "answers/s")
	b.ReportMetric(float64(s.Errors), "errors")
	b.ReportMetric(rssMB(b), "MB-rss")
}

// rssMB is this process's memory.
func rssMB(b *testing.B) float64 {
	b.Helper()
	info, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(info)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			d, err := time.ParseDuration(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), " kB")) + "us")
			if err != nil {
				b.Fatal(err)
			}
			return float64(d.Microseconds()) / 1000
		}
	}
	b.Fatal("no VmRSS")
	return 0
}
