package load

import (
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
		"a good one":                 {func(*Config) {}, nil},
		"no url":                     {func(c *Config) { c.URL = "" }, []string{"url"}},
		"an url without a scheme":    {func(c *Config) { c.URL = "localhost:80" }, []string{"http://host"}},
		"an url of another protocol": {func(c *Config) { c.URL = "ftp://h/" }, []string{"http://host"}},
		"an url that is none":        {func(c *Config) { c.URL = "http://%zz" }, []string{"url"}},
		"rate zero":                  {func(c *Config) { c.Rate = 0 }, []string{"rate"}},
		"rate NaN":                   {func(c *Config) { c.Rate = math.NaN() }, []string{"rate"}},
		"rate infinite":              {func(c *Config) { c.Rate = math.Inf(1) }, []string{"rate"}},
		"a negative timeout":         {func(c *Config) { c.Timeout = -1 }, []string{"timeout"}},
		"a negative bound":           {func(c *Config) { c.MaxInFlight = -1 }, []string{"in flight"}},
		"no logger":                  {func(c *Config) { c.Logger = nil }, []string{"logger"}},
		"several problems":           {func(c *Config) { *c = Config{} }, []string{"url", "rate", "logger"}},
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
// calls check while it runs; check may sleep. It returns the generator, stopped.
func inBubble(t *testing.T, c Config, handler http.HandlerFunc, check func(g *Generator)) (*Generator, *pipeServer) {
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
	wg.Go(func() {
		if err := g.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	// Half an interval off the schedule, so that no check stands on an edge.
	time.Sleep(time.Duration(float64(time.Second) / c.Rate / 2))
	check(g)
	cancel()
	synctest.Wait()
	if err := server.Shutdown(t.Context()); err != nil {
		t.Errorf("the load left a connection open: %v", err)
	}
	wg.Wait()
	return g, listener
}

func wantStats(t *testing.T, when string, g *Generator, want Stats) {
	t.Helper()
	synctest.Wait()
	if got := g.Stats(); got != want {
		t.Errorf("%s: %+v, want %+v", when, got, want)
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
		_, listener := inBubble(t, Config{}, handler, func(g *Generator) {
			time.Sleep(2 * time.Second)
			wantStats(t, "before", g, Stats{Scheduled: 201, Success: 201})
			frozen.Store(true)
			time.Sleep(time.Second)
			wantStats(t, "1 s into the freeze nothing is overdue", g, Stats{Scheduled: 301, Success: 201})
			time.Sleep(time.Second)
			wantStats(t, "2 s into it a second's worth of errors has come", g, Stats{Scheduled: 401, Success: 201, Errors: 100})
			time.Sleep(time.Second)
			wantStats(t, "3 s into it", g, Stats{Scheduled: 501, Success: 201, Errors: 200})
			frozen.Store(false)
			time.Sleep(2 * time.Second)
			wantStats(t, "after", g, Stats{Scheduled: 701, Success: 401, Errors: 300})
			if out := scrape(t, g.Handler()); !hasLine(out, `probe_duration_seconds_bucket{le="0.75"} 401`) ||
				!hasLine(out, `probe_duration_seconds_bucket{le="1"} 701`) {
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
			if !hasLine(out, `probe_duration_seconds_bucket{le="0.25"} 0`) || !hasLine(out, `probe_duration_seconds_bucket{le="0.5"} 61`) {
				t.Errorf("durations are not 0.4 s:\n%s", out)
			}
		})
	})
}

func TestOutcomes(t *testing.T) {
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	tests := map[string]struct {
		handler http.HandlerFunc
		want    Stats // after 1 s at 100/s
	}{
		"200 is a success":            {status(200), Stats{Scheduled: 101, Success: 101}},
		"204 is a success":            {status(204), Stats{Scheduled: 101, Success: 101}},
		"a redirect is not followed":  {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusFound) }, Stats{Scheduled: 101, Errors: 101}},
		"404 is an error at once":     {status(404), Stats{Scheduled: 101, Errors: 101}},
		"503 is an error at once":     {status(503), Stats{Scheduled: 101, Errors: 101}},
		"a dropped connection is one": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, Stats{Scheduled: 101, Errors: 101}},
		"a cut body is one": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			_, _ = io.WriteString(w, "cut")
		}, Stats{Scheduled: 101, Errors: 101}},
		"a body that stalls times out": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "a")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, Stats{Scheduled: 101, Errors: 1}},
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
			wantStats(t, "with 3 workers held", g, Stats{Scheduled: 301, Errors: 201})
		})
	})
}

func TestCancelIsPromptAtTheLowestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var began time.Time
		inBubble(t, Config{Rate: 0.01}, func(http.ResponseWriter, *http.Request) {}, func(*Generator) { began = time.Now() })
		if d := time.Since(began); d > 10*time.Millisecond {
			t.Errorf("Run returned %s after its context ended", d)
		}
	})
}

func TestRequestsUnderWayAtTheEndCountAsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := inBubble(t, Config{}, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			func(*Generator) { time.Sleep(500 * time.Millisecond) })
		time.Sleep(time.Minute)
		wantStats(t, "long after", g, Stats{Scheduled: 51})
	})
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
		URL: fmt.Sprintf("http://%s/", addr), Rate: 200, Timeout: 30 * time.Second,
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
	if n := strings.Count(logged.String(), "requests fail"); n != 1 {
		t.Errorf("failing was logged %d times in 0.3 s, want once:\n%s", n, &logged)
	}
}
