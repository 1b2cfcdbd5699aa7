package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample/sampletest"
)

// listener follows a stream in a bubble.
type listener struct {
	mu     sync.Mutex
	header http.Header
	b      strings.Builder
	block  chan struct{} // a client that does not read, if it is not nil
}

func (l *listener) Header() http.Header { return l.header }

func (l *listener) WriteHeader(int) {}

func (l *listener) Write(b []byte) (int, error) {
	if l.block != nil {
		<-l.block
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *listener) Flush() {}

func (l *listener) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// follow listens until the returned function is called.
func follow(t *testing.T, f *fixture, l *listener) (stop func()) {
	t.Helper()
	l.header = make(http.Header)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		f.ServeHTTP(l, httptest.NewRequestWithContext(ctx, "GET", "/api/v1/stream", nil))
		close(ended)
	}()
	synctest.Wait()
	return func() { cancel(); <-ended }
}

func TestEachIntervalHasOneEventThatAllClientsShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, sample.Names()...)
		time.Sleep(300 * time.Millisecond) // not at a border
		var first, second listener
		defer follow(t, f, &first)()
		defer follow(t, f, &second)()
		for range 3 {
			// Two collectors give readings within an interval.
			f.snapshot.Store(sampletest.Fixture(time.Now()))
			f.snapshot.Store(sampletest.Fixture(time.Now()))
			time.Sleep(time.Second)
			synctest.Wait()
		}
		if n := strings.Count(first.text(), "event: snapshot\n"); n != 4 {
			t.Errorf("%d events, want 4: at once, and one at each interval:\n%s", n, first.text())
		}
		if first.text() != second.text() {
			t.Error("two clients see something different")
		}
		if got := first.header.Get("Content-Type"); !strings.HasPrefix(got, "text/event-stream") {
			t.Errorf("content type %q", got)
		}
		for _, frame := range strings.Split(strings.TrimSpace(first.text()), "\n\n")[1:] {
			_, data, _ := strings.Cut(frame, "\ndata: ")
			var s Snapshot
			if err := json.Unmarshal([]byte(data), &s); err != nil || len(s.Readings) != len(sample.Names()) {
				t.Errorf("event %q: %v", frame, err)
			}
		}
	})
}

func TestWithoutNewsThereIsAHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, sample.Memory)
		f.snapshot.Store(&sample.Snapshot{Statuses: []sample.Status{{Name: sample.Memory}}})
		var l listener
		defer follow(t, f, &l)()
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if got := l.text(); strings.Count(got, ": heartbeat\n\n") != 2 || strings.Contains(got, "event:") {
			t.Errorf("sent:\n%s", got)
		}
		f.snapshot.Store(sampletest.Fixture(time.Now()))
		time.Sleep(time.Second)
		synctest.Wait()
		if got := l.text(); strings.Count(got, "event: snapshot") != 1 {
			t.Errorf("sent:\n%s", got)
		}
	})
}

func TestASlowClientMissesEventsAndKeepsNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, sample.Memory)
		slow, quick := listener{block: make(chan struct{})}, listener{}
		stopSlow := follow(t, f, &slow)
		defer follow(t, f, &quick)()
		for range 10 {
			f.snapshot.Store(sampletest.Fixture(time.Now()))
			time.Sleep(time.Second)
			synctest.Wait()
		}
		if n := strings.Count(quick.text(), "event: snapshot"); n < 10 {
			t.Errorf("the quick client has %d events", n)
		}
		close(slow.block)
		synctest.Wait()
		time.Sleep(time.Second)
		synctest.Wait()
		if n := strings.Count(slow.text(), "event: snapshot"); n < 1 || n > 2 {
			t.Errorf("the slow client has %d events, want the newest alone", n)
		}
		stopSlow()
	})
}

func TestStreamsEndWhenDrainingBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, sample.Memory)
		var l listener
		stop := follow(t, f, &l)
		f.Drain()
		f.Drain() // twice is once
		synctest.Wait()
		if !strings.HasSuffix(l.text(), "event: end\ndata: {\"reason\":\"draining\"}\n\n") {
			t.Errorf("sent:\n%s", l.text())
		}
		stop()
		wantProblem(t, f.do(t, "GET", "/api/v1/stream"), 503, "draining")
	})
}

func TestTooManyListenersAreTurnedAway(t *testing.T) {
	f := newFixture(t, sample.Memory)
	for range maxStreams {
		f.stream.slots <- struct{}{}
	}
	rec := f.do(t, "GET", "/api/v1/stream")
	if rec.Header().Get("Retry-After") == "" {
		t.Errorf("headers %v", rec.Header())
	}
	wantProblem(t, rec, 503, "512")
}

// A server cuts requests that take long; a stream must outlive that.
func TestAStreamOutlivesTheServersTimeouts(t *testing.T) {
	f := newFixture(t, sample.Memory)
	f.stream.interval = 20 * time.Millisecond
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = NewServer(f, f.cfg.Logger)
	srv.Config.ReadTimeout, srv.Config.WriteTimeout, srv.Config.ReadHeaderTimeout = 100*time.Millisecond, 100*time.Millisecond, 100*time.Millisecond
	srv.Start()
	defer srv.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/api/v1/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	began, events := time.Now(), 0
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() && time.Since(began) < 500*time.Millisecond {
		if lines.Text() == "event: snapshot" {
			events++
			f.snapshot.Store(sampletest.Fixture(time.Now()))
		}
	}
	if passed := time.Since(began); passed < 500*time.Millisecond || events < 2 {
		t.Errorf("cut after %s and %d events: %v", passed, events, lines.Err())
	}
	f.Drain()
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
}

// A client that is gone without a word is noticed by the time a write takes.
func TestAClientThatStopsReadingIsGivenUp(t *testing.T) {
	f := newFixture(t, sample.Memory)
	f.stream.interval = time.Millisecond
	f.stream.patience = 50 * time.Millisecond
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = NewServer(f, f.cfg.Logger)
	srv.Start()
	defer srv.Close()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "GET /api/v1/stream HTTP/1.1\r\nHost: monitor\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	big := sampletest.Fixture(time.Now())
	big.Statuses[1].Problems = []sample.Problem{{Detail: strings.Repeat("x", 1<<20)}}
	deadline := time.Now().Add(30 * time.Second)
	seen := false
	for time.Now().Before(deadline) {
		next := *big
		f.snapshot.Store(&next)
		time.Sleep(2 * time.Millisecond)
		if n := len(f.stream.slots); n == 1 {
			seen = true
		} else if seen {
			return
		}
	}
	t.Errorf("after 30 s the client that does not read still has its place (%d, seen %v)", len(f.stream.slots), seen)
}
