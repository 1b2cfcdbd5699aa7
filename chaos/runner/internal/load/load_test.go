package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(serveEnv) != "" {
		serveBenchmark()
		return
	}
	goleak.VerifyTestMain(m)
}

func newTestGenerator(t *testing.T, c Config) *Generator {
	t.Helper()
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func hasLine(text, line string) bool {
	return slices.Contains(strings.Split(text, "\n"), line)
}

func TestNewNamesEveryProblem(t *testing.T) {
	ok := Config{URL: "http://127.0.0.1:1/", Rate: 10, Logger: slog.New(slog.DiscardHandler)}
	tests := map[string]struct {
		change func(*Config)
		want   []string
	}{
		"a good one":                           {func(*Config) {}, nil},
		"no url":                               {func(c *Config) { c.URL = "" }, []string{"url"}},
		"an url without a scheme":              {func(c *Config) { c.URL = "localhost:80" }, []string{"http://host"}},
		"an url of another protocol":           {func(c *Config) { c.URL = "ftp://h/" }, []string{"http://host"}},
		"an invalid URL":                       {func(c *Config) { c.URL = "http://%zz" }, []string{"url"}},
		"rate zero":                            {func(c *Config) { c.Rate = 0 }, []string{"rate"}},
		"rate NaN":                             {func(c *Config) { c.Rate = math.NaN() }, []string{"rate"}},
		"rate infinite":                        {func(c *Config) { c.Rate = math.Inf(1) }, []string{"rate"}},
		"a negative timeout":                   {func(c *Config) { c.Timeout = -1 }, []string{"timeout"}},
		"a negative duration":                  {func(c *Config) { c.Duration = -1 }, []string{"duration"}},
		"a negative bound":                     {func(c *Config) { c.MaxInFlight = -1 }, []string{"in flight"}},
		"a highest rate below the rate":        {func(c *Config) { c.MaxRate = c.Rate / 2 }, []string{"max rate"}},
		"a highest rate that no machine sends": {func(c *Config) { c.MaxRate = 1e6 }, []string{"max rate"}},
		"a name that is not text":              {func(c *Config) { c.Name = "\xff" }, []string{"name"}},
		"no logger":                            {func(c *Config) { c.Logger = nil }, []string{"logger"}},
		"several problems":                     {func(c *Config) { *c = Config{} }, []string{"url", "rate", "logger"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := ok
			tt.change(&c)
			_, err := New(c)
			if (err != nil) != (tt.want != nil) {
				t.Fatalf("New: %v", err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("New: %q does not name %q", err, want)
				}
			}
		})
	}
	t.Run("a password is not repeated", func(t *testing.T) {
		c := ok
		c.URL = "ftp://u:secret@h/"
		if _, err := New(c); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("New: %v", err)
		}
	})
}

func TestTheNameOfAProbeFollowsFromItsURL(t *testing.T) {
	for name, tt := range map[string]struct{ url, name, want string }{
		"a Service of Kubernetes":      {"http://monitor.monitor.svc.cluster.local/api/v1/cpu", "", "monitor"},
		"another one of its namespace": {"http://shop.monitor.svc.cluster.local", "", "shop"},
		"a host without a domain":      {"http://monitor:8080", "", "monitor"},
		"an address":                   {"http://127.0.0.1:8080", "", "127.0.0.1"},
		"an address of IPv6":           {"http://[::1]:8080", "", "::1"},
		"a name that is given":         {"http://monitor", "shop front", "shop front"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newTestGenerator(t, Config{URL: tt.url, Name: tt.name, Rate: 1})
			if got := scrape(t, g.Handler()); !hasLine(got, fmt.Sprintf(`probe_send_lag_seconds_count{probe=%q} 0`, tt.want)) {
				t.Errorf("no series of probe %q in:\n%s", tt.want, got)
			}
		})
	}
}

// pipeServer is an HTTP server over in-memory connections, so that a test with
// seconds of freeze runs in a bubble of fake time.
type pipeServer struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
	dials atomic.Int64
}

func newPipeServer() *pipeServer {
	return &pipeServer{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (p *pipeServer) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipeServer) Close() error { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipeServer) Addr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}
}

func (p *pipeServer) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	p.dials.Add(1)
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.done:
		return nil, errors.New("connection refused")
	}
}

// inBubble runs a generator of 100 requests/s against handler in fake time and
// calls check while it runs; check may sleep. The generator has stopped when it returns.
func inBubble(t *testing.T, c Config, handler http.HandlerFunc, check func(g *Generator)) *pipeServer {
	t.Helper()
	c.URL = "http://probe.test/"
	if c.Rate == 0 {
		c.Rate = 100
	}
	g := newTestGenerator(t, c)
	listener := newPipeServer()
	g.dial = listener.dial
	server := &http.Server{Handler: handler}
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Serve(listener) })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	wg.Go(func() {
		defer close(ended)
		if err := g.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	// Half an interval off the schedule, so that no check stands on an edge.
	time.Sleep(time.Duration(float64(time.Second) / c.Rate / 2))
	check(g)
	cancel()
	<-ended
	if s := g.Stats(); s.Success+s.Errors != s.Scheduled {
		t.Errorf("after the end: %+v do not add up", s)
	}
	synctest.Wait()
	if err := server.Shutdown(t.Context()); err != nil {
		t.Errorf("the load left a connection open: %v", err)
	}
	wg.Wait()
	return listener
}

func wantStats(t *testing.T, when string, g *Generator, want Stats) {
	t.Helper()
	synctest.Wait()
	if d := cmp.Diff(want, g.Stats()); d != "" {
		t.Errorf("%s (-want +got):\n%s", when, d)
	}
}

func TestAFreezeIsSeenWhileItLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var frozen atomic.Bool
		handler := func(_ http.ResponseWriter, r *http.Request) {
			if frozen.Load() {
				<-r.Context().Done()
			}
		}
		listener := inBubble(t, Config{}, handler, func(g *Generator) {
			time.Sleep(2 * time.Second)
			wantStats(t, "before", g, Stats{Scheduled: 201, Success: 201})
			frozen.Store(true)
			time.Sleep(time.Second)
			wantStats(t, "1 s into the freeze nothing is overdue", g, Stats{Scheduled: 301, Success: 201})
			time.Sleep(time.Second)
			wantStats(t, "2 s into it a second's worth of errors has come", g, Stats{Scheduled: 401, Success: 201, Errors: 100, Failures: failures("timeout", 100)})
			time.Sleep(time.Second)
			wantStats(t, "3 s into it", g, Stats{Scheduled: 501, Success: 201, Errors: 200, Failures: failures("timeout", 200)})
			frozen.Store(false)
			time.Sleep(2 * time.Second)
			wantStats(t, "after", g, Stats{Scheduled: 701, Success: 401, Errors: 300, Failures: failures("timeout", 300)})
			if out := scrape(t, g.Handler()); !hasLine(out, `probe_request_duration_seconds_bucket{probe="probe",le="0.75"} 401`) ||
				!hasLine(out, `probe_request_duration_seconds_bucket{probe="probe",le="1"} 701`) {
				t.Errorf("the errors of the freeze do not all have a duration of 1 s:\n%s", out)
			}
		})
		if n := listener.dials.Load(); n > 320 {
			t.Errorf("%d connections for 300 lost ones: connections are not used again", n)
		}
	})
}

func TestSlowSuccessCountsFromItsScheduledTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler := func(http.ResponseWriter, *http.Request) { time.Sleep(400 * time.Millisecond) }
		inBubble(t, Config{}, handler, func(g *Generator) {
			time.Sleep(time.Second)
			wantStats(t, "after 1 s", g, Stats{Scheduled: 101, Success: 61})
			out := scrape(t, g.Handler())
			if !hasLine(out, `probe_request_duration_seconds_bucket{probe="probe",le="0.25"} 0`) || !hasLine(out, `probe_request_duration_seconds_bucket{probe="probe",le="0.5"} 61`) {
				t.Errorf("durations are not 0.4 s:\n%s", out)
			}
		})
	})
}

func failures(why string, n uint64) map[string]uint64 { return map[string]uint64{why: n} }

func TestOutcomes(t *testing.T) {
	all := Stats{Scheduled: 101, Success: 101}
	allFail := func(why string) Stats { return Stats{Scheduled: 101, Errors: 101, Failures: failures(why, 101)} }
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	tests := map[string]struct {
		handler http.HandlerFunc
		want    Stats // after 1 s at 100/s
	}{
		"200 is a success":            {status(200), all},
		"204 is a success":            {status(204), all},
		"a redirect is not followed":  {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusFound) }, allFail("status")},
		"404 is an error at once":     {status(404), allFail("status")},
		"503 is an error at once":     {status(503), allFail("status")},
		"a dropped connection is one": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, allFail("reset")},
		"a cut body is one": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			_, _ = io.WriteString(w, "cut")
		}, allFail("cut")},
		"a body that is cut between chunks is one": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "cut")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, allFail("cut")},
		"a body that stalls times out": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "a")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, Stats{Scheduled: 101, Errors: 1, Failures: failures("timeout", 1)}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inBubble(t, Config{}, tt.handler, func(g *Generator) {
					time.Sleep(time.Second)
					wantStats(t, "after 1 s", g, tt.want)
				})
			})
		})
	}
}

func TestWorkersExhaustedStillCountOnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		inBubble(t, Config{MaxInFlight: 3}, handler, func(g *Generator) {
			time.Sleep(3 * time.Second)
			// All but the first three are sent when their time is nearly over.
			wantStats(t, "with 3 workers held", g, Stats{Scheduled: 301, Errors: 201, Failures: failures("timeout", 201)})
		})
	})
}

func TestCancelIsPromptAtTheLowestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		inBubble(t, Config{Rate: 0.01}, func(http.ResponseWriter, *http.Request) {}, func(*Generator) { began = time.Now() })
		if d := time.Since(began); d > 10*time.Millisecond {
			t.Errorf("Run returned %s after its context ended", d)
		}
	})
}

func TestEveryScheduledRequestIsAccountedForAtTheEnd(t *testing.T) {
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	slow := func(http.ResponseWriter, *http.Request) { time.Sleep(900 * time.Millisecond) }
	tests := map[string]struct {
		config  Config
		handler http.HandlerFunc
		stop    time.Duration // after the start; 0: only the duration ends it
		want    Stats
		took    time.Duration
	}{
		"a server that never answers, for less than the timeout": {
			Config{Rate: 20, Duration: 900 * time.Millisecond},
			hang, 0,
			Stats{Scheduled: 18, Errors: 18, Failures: failures("timeout", 18)},
			1850 * time.Millisecond,
		},
		"answers that come after the end, in time": {
			Config{Rate: 20, Duration: 900 * time.Millisecond},
			slow, 0,
			Stats{Scheduled: 18, Success: 18},
			1750 * time.Millisecond,
		},
		"answers that come at once: it lasts as long as asked": {
			Config{Rate: 2, Duration: 10*time.Second + 1},
			func(http.ResponseWriter, *http.Request) {}, 0,
			Stats{Scheduled: 21, Success: 21},
			10*time.Second + 1,
		},
		"an interrupt before the duration is over": {
			Config{Rate: 20, Duration: time.Hour},
			hang, 975 * time.Millisecond,
			Stats{Scheduled: 20, Errors: 20, Failures: failures("timeout", 20)},
			1950 * time.Millisecond,
		},
		"an interrupt without a duration": {
			Config{Rate: 20},
			slow, 975 * time.Millisecond,
			Stats{Scheduled: 20, Success: 20},
			1850 * time.Millisecond,
		},
		"no worker is free for the last ones": {
			Config{Rate: 20, Duration: 900 * time.Millisecond, MaxInFlight: 3},
			hang, 0,
			Stats{Scheduled: 18, Errors: 18, Failures: failures("timeout", 18)},
			1850 * time.Millisecond,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := tt.config
				c.URL = "http://probe.test/"
				g := newTestGenerator(t, c)
				listener := newPipeServer()
				g.dial = listener.dial
				server := &http.Server{Handler: tt.handler}
				var wg sync.WaitGroup
				wg.Go(func() { _ = server.Serve(listener) })
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tt.stop > 0 {
					time.AfterFunc(tt.stop, cancel)
				}
				began := time.Now()
				if err := g.Run(ctx); err != nil {
					t.Errorf("Run: %v", err)
				}
				if took := time.Since(began); tt.took > 0 && took != tt.took {
					t.Errorf("it took %s, want %s", took, tt.took)
				}
				wantStats(t, "at the end", g, tt.want)
				time.Sleep(time.Minute)
				wantStats(t, "long after", g, tt.want)
				if err := server.Close(); err != nil {
					t.Error(err)
				}
				wg.Wait()
			})
		})
	}
}

func TestRunIsOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g := newTestGenerator(t, Config{URL: "http://127.0.0.1:1", Rate: 1})
	if err := g.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if err := g.Run(ctx); !errors.Is(err, ErrStarted) {
		t.Errorf("second Run: %v, want ErrStarted", err)
	}
}

// Over real sockets nothing is asserted about the machine's speed, only that
// every request is accounted for at every moment.
func TestEveryRequestIsAccountedForOverRealSockets(t *testing.T) {
	const rate, timeout = 300, 250 * time.Millisecond
	var mode atomic.Int32 // 0 serves, 1 freezes
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if mode.Load() == 1 {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}
	}))
	defer server.Close()
	g := newTestGenerator(t, Config{URL: server.URL, Rate: rate, Timeout: timeout})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = g.Run(ctx) })
	for g.ledger.Load() == nil {
		time.Sleep(time.Millisecond)
	}
	plan := g.ledger.Load().schedule

	watch := func(d time.Duration) Stats {
		for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			atLeast := plan.due(time.Now().Add(-timeout))
			s := g.Stats()
			if n := s.Success + s.Errors; n < atLeast || n > s.Scheduled {
				t.Fatalf("%d outcomes, want %d to %d", n, atLeast, s.Scheduled)
			}
		}
		return g.Stats()
	}
	healthy := watch(400 * time.Millisecond)
	mode.Store(1)
	frozen := watch(900 * time.Millisecond)
	mode.Store(0)
	close(release)
	watch(300 * time.Millisecond)
	cancel()
	wg.Wait()

	if healthy.Success == 0 {
		t.Errorf("healthy: %+v", healthy)
	}
	if frozen.Errors < healthy.Errors+rate/2 {
		t.Errorf("0.65 s of overdue requests brought %d errors, want about %d", frozen.Errors-healthy.Errors, rate*65/100)
	}
}

// net/http would send each lost request again, and report only that.
func TestEachRequestThatADyingConnectionLosesIsCounted(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var answered, lost atomic.Uint64
	var wg sync.WaitGroup
	serve := func(c *net.TCPConn) { // answers one request, and resets the connection at the next
		defer c.Close()
		r := bufio.NewReader(c)
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		answered.Add(1)
		if _, err := io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n"); err != nil {
			return
		}
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		lost.Add(1)
		_ = c.SetLinger(0)
	}
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { serve(c.(*net.TCPConn)) }) //nolint:errcheck // a TCP listener accepts no others
		}
	})
	g := newTestGenerator(t, Config{URL: "http://" + l.Addr().String(), Rate: 400, Duration: 500 * time.Millisecond, Timeout: 20 * time.Second})
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.Close()
	wg.Wait()
	want := Stats{Scheduled: 200, Success: answered.Load(), Errors: lost.Load(), Failures: failures("reset", lost.Load())}
	if d := cmp.Diff(want, g.Stats()); d != "" {
		t.Errorf("the server's books (-) and ours (+):\n%s", d)
	}
	if lost.Load() < 50 {
		t.Errorf("only %d requests were lost: connections are not kept", lost.Load())
	}
}

func TestARefusedConnectionIsAnErrorAtOnce(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var logged strings.Builder
	g := newTestGenerator(t, Config{
		URL: fmt.Sprintf("http://%s/", addr), Rate: 1000, Timeout: 30 * time.Second,
		Logger: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := g.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if s := g.Stats(); s.Errors == 0 || s.Success != 0 {
		t.Errorf("%+v, want errors long before the timeout", s)
	}
	// 300 failed: what is not in lines of their own is counted in the next one.
	if n := strings.Count(logged.String(), `msg="request failed" reason=connect`); n < 100 || n > 105 {
		t.Errorf("%d failures have a line, want 100 and one a second:\n%s", n, &logged)
	}
}
