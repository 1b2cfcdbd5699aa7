package local

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/load"
	"github.com/ballast-sre/ballast/tests/golden"
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
	client := &http.Client{Transport: transport, Timeout: patience}
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
	eventually(t, "a is ready", func() bool { return g.ready("a") })
	for range 10 {
		if code := get("/"); code != http.StatusOK {
			t.Errorf("code %d", code)
		}
	}
	if a.hits.Load() != 10 || b.hits.Load() != 0 {
		t.Errorf("hits %d and %d", a.hits.Load(), b.hits.Load())
	}
	b.unready.Store(false)
	eventually(t, "b is ready", func() bool { return g.ready("b") })
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
	eventually(t, "b is no longer ready", func() bool { return !g.ready("b") })
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
			case <-time.After(patience):
			}
		}, http.StatusGatewayTimeout},
		"a pod that hangs up is a 502": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, http.StatusBadGateway},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newReplica(t, row.answer)
			g, get := newTestGateway(t, map[string]*replica{"a": a})
			eventually(t, "ready", func() bool { return g.ready("a") })
			if code := get("/"); code != row.code {
				t.Errorf("code %d, want %d", code, row.code)
			}
			if a.hits.Load() != 1 {
				t.Errorf("the pod was asked %d times", a.hits.Load())
			}
		})
	}
}

func TestGoldenTheGatewaysMetricsAreAsPublished(t *testing.T) {
	m := newGatewayMetrics()
	m.backends.Set(3)
	m.ready.Set(2)
	m.checks.WithLabelValues("monitor-5c9f7b6d8-abcde", "ready").Add(4)
	m.checks.WithLabelValues("monitor-5c9f7b6d8-abcde", "not_ready").Inc()
	m.observe("monitor-5c9f7b6d8-abcde", "200", 3*time.Millisecond)
	m.observe("monitor-5c9f7b6d8-abcde", "502", 20*time.Millisecond)
	m.observe("monitor-5c9f7b6d8-abcde", codeCut, 30*time.Millisecond)
	m.observe("monitor-5c9f7b6d8-abcde", codeClientClosed, 40*time.Millisecond)
	m.observe(noPod, "503", 100*time.Microsecond)
	rec := httptest.NewRecorder()
	m.handler().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))

	golden.Compare(t, "../../../../docs/metrics/gateway.prom", rec.Body.String(), *update)
}

func TestEachAnswerIsCountedByWhatBecameOfIt(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for name, row := range map[string]struct {
		ctx  context.Context //nolint:containedctx // a row's input
		rec  recorder
		want string
	}{
		"an answer":                                {t.Context(), recorder{code: 200}, "200"},
		"an answer without a header":               {t.Context(), recorder{}, "200"},
		"a failure":                                {t.Context(), recorder{code: 502}, "502"},
		"an answer that the pod cut":               {t.Context(), recorder{code: 200, cut: true}, "cut"},
		"an answer cut because the client is gone": {gone, recorder{code: 200, cut: true}, "499"},
		"an answer that the client did not take":   {t.Context(), recorder{code: 200, cut: true, failed: io.ErrClosedPipe}, "499"},
		"a failure because the client is gone":     {gone, recorder{code: 502}, "499"},
		"no answer, for the client is gone":        {gone, recorder{}, "499"},
		"an answer to a client that left then":     {gone, recorder{code: 200}, "200"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := row.rec.outcome(row.ctx); got != row.want {
				t.Errorf("got %s, want %s", got, row.want)
			}
		})
	}
}

// dying answers its first request, and lets the connection of the second one die: hard
// by a RST, which is sent once reset is closed.
func dying(t *testing.T, last string, hard bool, reset <-chan struct{}) *replica {
	t.Helper()
	var n atomic.Int64
	return newReplica(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 1 {
			return
		}
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		if r.Header.Get("Idempotency-Key") != "k" {
			t.Errorf("headers %v, want the idempotency key", r.Header)
		}
		if _, err := io.WriteString(c, last); err != nil {
			t.Error(err)
		}
		if tcp, ok := c.(*net.TCPConn); ok && hard {
			<-reset
			_ = tcp.SetLinger(0)
		}
	})
}

// net/http would send all of these again, on the pod's next connection.
func TestAPodThatDiesUnderARequestCostsThatRequest(t *testing.T) {
	t.Parallel()
	const header = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
	for name, row := range map[string]struct {
		last string
		hard bool
		want string // that is counted
	}{
		"a RST":                       {"", true, "502"},
		"a FIN":                       {"", false, "502"},
		"a RST within the header":     {header[:20], true, "502"},
		"a FIN within the header":     {header[:20], false, "502"},
		"a RST within the body":       {header + strings.Repeat("x", 50_000), true, "cut"},
		"a FIN within the body":       {header + strings.Repeat("x", 50_000), false, "cut"},
		"a FIN within a small answer": {header + "x", false, "cut"},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			t.Run(method+"/"+name, func(t *testing.T) {
				t.Parallel()
				reset := make(chan struct{})
				if row.want != codeCut { // nobody gets to see what was written
					close(reset)
				}
				pod := dying(t, row.last, row.hard, reset)
				g, get := newTestGateway(t, map[string]*replica{"a": pod})
				eventually(t, "ready", func() bool { return g.ready("a") })
				if code := get("/warm"); code != http.StatusOK {
					t.Fatalf("the first request: code %d", code)
				}
				server := httptest.NewServer(g) // ends when its requests are over
				req, err := http.NewRequestWithContext(t.Context(), method, server.URL, nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Idempotency-Key", "k")
				transport := &http.Transport{}
				res, err := transport.RoundTrip(req)
				if row.want == codeCut {
					close(reset) // a RST takes with it what the gateway has not read
				}
				if err == nil {
					if row.want != codeCut && strconv.Itoa(res.StatusCode) != row.want {
						t.Errorf("the client got code %d, want %s", res.StatusCode, row.want)
					}
					if _, err = io.Copy(io.Discard, res.Body); (err != nil) != (row.want == codeCut) {
						t.Errorf("the client's body ended with %v", err)
					}
					_ = res.Body.Close()
				} else if row.want != codeCut {
					t.Errorf("the client got %v, want an answer", err)
				}
				transport.CloseIdleConnections()
				server.Close()
				if n := pod.hits.Load(); n != 2 {
					t.Errorf("the pod was asked %d times, want 2", n)
				}
				rec := httptest.NewRecorder()
				g.metrics.handler().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
				for _, line := range []string{
					fmt.Sprintf(`gateway_requests_total{code=%q,pod="a"} 1`, row.want),
					`gateway_requests_total{code="200",pod="a"} 1`,
					`gateway_request_duration_seconds_count 2`,
				} {
					if !slices.Contains(strings.Split(rec.Body.String(), "\n"), line) {
						t.Errorf("%s is missing in\n%s", line, rec.Body)
					}
				}
			})
		}
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
