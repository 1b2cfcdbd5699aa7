package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// link is the way to a pod: connection n of a round gets what it says.
type link struct {
	connect func(n int64) time.Duration // how long connecting takes; negative: for ever
	serve   func(n int64, conn net.Conn)
	dials   atomic.Int64
	served  sync.WaitGroup
}

func (l *link) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	n := l.dials.Add(1) - 1
	d := l.connect(n)
	if d < 0 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	select {
	case <-time.After(d):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	client, server := net.Pipe()
	l.served.Go(func() {
		defer server.Close()
		l.serve(n, server)
	})
	return client, nil
}

// answers reads a request and writes the pieces of an answer, each after its pause.
func answers(conn net.Conn, pause time.Duration, pieces ...string) {
	request := make([]byte, 4096)
	if _, err := conn.Read(request); err != nil {
		return
	}
	for _, piece := range pieces {
		time.Sleep(pause)
		if _, err := io.WriteString(conn, piece); err != nil {
			return
		}
	}
}

const whole = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"

func at(d time.Duration) func(int64) time.Duration { return func(int64) time.Duration { return d } }

// Each fault is seen by figures that the others leave alone.
func TestFaultsAreToldApart(t *testing.T) {
	const ms = time.Millisecond
	// A part of them gets it, the others nothing.
	part := func(d time.Duration) func(int64) time.Duration {
		return func(n int64) time.Duration {
			if n == 0 {
				return d
			}
			return ms
		}
	}
	quick := func(_ int64, c net.Conn) { answers(c, ms, whole) }
	tests := map[string]struct {
		link *link
		want string
	}{
		"nothing": {&link{connect: at(ms), serve: quick}, `
			requests 5/0; connect 0.001 0.001 0.001; first byte 0.001 0.001 0.001; whole 0.002 0.002 0.002; 20 bytes`},
		"a delay of 100 ms moves the min": {&link{connect: at(101 * ms), serve: func(_ int64, c net.Conn) { answers(c, 101*ms, whole) }}, `
			requests 5/0; connect 0.101 0.101 0.101; first byte 0.101 0.101 0.101; whole 0.202 0.202 0.202; 20 bytes`},
		"a lost answer to the first packet moves mean and max": {&link{connect: part(1001 * ms), serve: quick}, `
			requests 5/0; connect 0.001 0.201 1.001; first byte 0.001 0.001 0.001; whole 0.002 0.202 1.002; 20 bytes`},
		"a lost answer leaves connecting alone": {&link{connect: at(ms), serve: func(n int64, c net.Conn) {
			if n == 0 {
				time.Sleep(200 * ms)
			}
			quick(n, c)
		}}, `requests 5/0; connect 0.001 0.001 0.001; first byte 0.001 0.041 0.201; whole 0.002 0.042 0.202; 20 bytes`},
		"packets that are lost twice are errors": {&link{connect: part(-1), serve: quick}, `
			requests 4/1; connect 0.001 0.001 0.001; first byte 0.001 0.001 0.001; whole 0.002 0.002 0.002; 16 bytes; connect=1`},
		"a narrow link moves the whole alone": {&link{connect: at(ms), serve: func(_ int64, c net.Conn) {
			answers(c, 100*ms, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", "fi", "ne")
		}}, `requests 5/0; connect 0.001 0.001 0.001; first byte 0.100 0.100 0.100; whole 0.301 0.301 0.301; 20 bytes`},
		"a partition lets nothing connect": {&link{connect: at(-1), serve: quick}, `
			requests 0/5; connect ; first byte ; whole ; 0 bytes; connect=5`},
		"a pod that is frozen connects and does not answer": {&link{connect: at(ms), serve: func(_ int64, c net.Conn) { answers(c, time.Hour, whole) }}, `
			requests 0/5; connect 0.001 0.001 0.001; first byte ; whole ; 0 bytes; timeout=5`},
		"a program that dies resets": {&link{connect: at(ms), serve: func(_ int64, c net.Conn) { answers(c, ms) }}, `
			requests 0/5; connect 0.001 0.001 0.001; first byte ; whole ; 0 bytes; reset=5`},
		"half a header is not an answer": {&link{connect: at(ms), serve: func(_ int64, c net.Conn) { answers(c, ms, "HTTP/1.1 200") }}, `
			requests 0/5; connect 0.001 0.001 0.001; first byte ; whole ; 0 bytes; reset=5`},
		"half a body is cut": {&link{connect: at(ms), serve: func(_ int64, c net.Conn) { answers(c, ms, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfi") }}, `
			requests 0/5; connect 0.001 0.001 0.001; first byte ; whole ; 10 bytes; cut=5`},
		"a body that stops is a timeout": {&link{connect: at(ms), serve: func(_ int64, c net.Conn) {
			answers(c, ms, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfi")
			time.Sleep(time.Hour)
		}}, `requests 0/5; connect 0.001 0.001 0.001; first byte ; whole ; 10 bytes; timeout=5`},
		"a pod that is not ready says so": {&link{connect: at(ms), serve: func(_ int64, c net.Conn) {
			answers(c, ms, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
		}}, `requests 0/5; connect 0.001 0.001 0.001; first byte ; whole ; 0 bytes; status=5`},
		"a redirect is not followed": {&link{connect: at(ms), serve: func(_ int64, c net.Conn) {
			answers(c, ms, "HTTP/1.1 302 Found\r\nLocation: http://10.9.9.9/\r\nContent-Length: 0\r\n\r\n")
		}}, `requests 0/5; connect 0.001 0.001 0.001; first byte ; whole ; 0 bytes; status=5`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := tt.link
				rec := askPod(t, newTestPods(t, l.dial), "10.1.2.3:8080", "2.5")
				if rec.Code != http.StatusOK {
					t.Fatalf("status %d: %s", rec.Code, rec.Body)
				}
				if d := cmp.Diff(strings.TrimSpace(tt.want), summary(t, rec.Body.String())); d != "" {
					t.Errorf("(-want +got):\n%s\n%s", d, rec.Body)
				}
				if n := l.dials.Load(); n != podTries {
					t.Errorf("%d connections, want %d", n, podTries)
				}
				l.served.Wait()
			})
		})
	}
}

// summary writes an exposition in one line.
func summary(t *testing.T, text string) string {
	t.Helper()
	values := map[string]float64{}
	for line := range strings.Lines(text) {
		var v float64
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !strings.HasPrefix(line, "#") {
			if _, err := fmt.Sscan(value, &v); err != nil {
				t.Fatal(err)
			}
			values[strings.Replace(name, `probe="monitor",`, "", 1)] = v
		}
	}
	statistics := func(name string) string {
		var all []string
		for _, s := range []string{"min", "mean", "max"} {
			if v, ok := values[name+`{statistic="`+s+`"}`]; ok {
				all = append(all, fmt.Sprintf("%.3f", v))
			}
		}
		return strings.Join(all, " ")
	}
	out := fmt.Sprintf("requests %v/%v; connect %s; first byte %s; whole %s; %v bytes",
		values[`probe_pod_requests{outcome="success",probe="monitor"}`], values[`probe_pod_requests{outcome="error",probe="monitor"}`],
		statistics("probe_pod_connect_duration_seconds"), statistics("probe_pod_first_byte_duration_seconds"), statistics("probe_pod_duration_seconds"),
		values[`probe_pod_answer_bytes{probe="monitor"}`])
	for why := reasonConnect; why < reasonCount; why++ {
		if n := values[`probe_pod_failures{reason="`+why.String()+`"}`]; n > 0 {
			out += fmt.Sprintf("; %s=%v", why, n)
		}
	}
	return out
}

// What a pod gets is what it gets through its Service.
func TestAPodIsAskedAsItsServiceIs(t *testing.T) {
	tests := map[string]struct {
		url, path string
		want      string
	}{
		"the path of the URL": {"http://sre:hunter2@monitor.test/api/v1/cpu?x=1", "", "GET /api/v1/cpu?x=1 HTTP/1.1 monitor.test sre:hunter2"},
		"a path of its own":   {"http://monitor.test/api/v1/cpu?x=1", "/metrics?a=b", "GET /metrics?a=b HTTP/1.1 monitor.test :"},
		"no path":             {"http://monitor.test", "", "GET / HTTP/1.1 monitor.test :"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			seen, conns := map[string]int{}, map[string]bool{}
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				user, password, _ := r.BasicAuth()
				seen[fmt.Sprintf("%s %s %s %s %s:%s", r.Method, r.RequestURI, r.Proto, r.Host, user, password)]++
				conns[r.RemoteAddr] = true
				if !r.Close {
					t.Error("the connection may be kept")
				}
			}))
			defer server.Close()
			p, err := NewPods(PodsConfig{URL: tt.url, Path: tt.path, Port: 8080})
			if err != nil {
				t.Fatal(err)
			}
			p.dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
			}
			rec := askPod(t, p, "10.1.2.3:8080", "10")
			if d := cmp.Diff(map[string]int{strings.TrimSuffix(tt.want, " "): podTries}, seen); d != "" {
				t.Errorf("(-want +got):\n%s%s", d, rec.Body)
			}
			if len(conns) != podTries {
				t.Errorf("%d connections for %d requests", len(conns), podTries)
			}
		})
	}
}

func TestARefusedConnectionOfAPodIsAnErrorAtOnce(t *testing.T) {
	rec := askPod(t, newTestPods(t, func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("connection refused")
	}), "10.1.2.3:8080", "3600")
	if !hasLine(rec.Body.String(), `probe_pod_requests{outcome="error",probe="monitor"} 5`) {
		t.Errorf("%s", rec.Body)
	}
}

func TestThePodsClockIsReadFromItsAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, tc := range map[string]struct {
			header func(now time.Time) string
			want   time.Duration
			dated  bool
		}{
			"an hour behind": {func(now time.Time) string { return now.Add(-time.Hour).UTC().Format(http.TimeFormat) }, -time.Hour, true},
			"right":          {func(now time.Time) string { return now.UTC().Format(http.TimeFormat) }, 0, true},
			"none":           {func(time.Time) string { return "" }, 0, false},
			"no time":        {func(time.Time) string { return "yesterday" }, 0, false},
		} {
			l := link{connect: at(0), serve: func(_ int64, c net.Conn) {
				head := "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n"
				if h := tc.header(time.Now()); h != "" {
					head += "Date: " + h + "\r\n"
				}
				answers(c, 0, head+"\r\nfine")
			}}
			p := Pods{port: 80, url: &url.URL{Scheme: "http", Host: "monitor", Path: "/"}, dial: l.dial}
			got := p.try(t.Context(), netip.MustParseAddrPort("10.0.0.1:80"))
			l.served.Wait()
			if got.why != reasonNone || got.dated != tc.dated || (got.offset-tc.want).Abs() > time.Second {
				t.Errorf("%s: %+v", name, got)
			}
		}
	})
}
