package once

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole"

// wire is a TCP server that keeps the head of every request that it was sent. It
// answers the first one of each connection; what it does with the second one is
// the test's.
type wire struct {
	net.Listener
	second func(c *net.TCPConn)
	wg     sync.WaitGroup
	mu     sync.Mutex
	heads  []string
}

func newWire(t *testing.T, second func(c *net.TCPConn)) *wire {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: l, second: second}
	w.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			w.wg.Go(func() { w.serve(c.(*net.TCPConn)) }) //nolint:errcheck // a TCP listener accepts no others
		}
	})
	t.Cleanup(func() { l.Close(); w.wg.Wait() })
	return w
}

func (w *wire) serve(c *net.TCPConn) {
	defer c.Close()
	r := bufio.NewReader(c)
	for n := 1; ; n++ {
		var head strings.Builder
		for !strings.HasSuffix(head.String(), "\r\n\r\n") {
			b, err := r.ReadByte()
			if err != nil {
				return
			}
			head.WriteByte(b)
		}
		w.mu.Lock()
		w.heads = append(w.heads, head.String())
		w.mu.Unlock()
		if n == 2 {
			w.second(c)
			return
		}
		answer := whole
		if strings.HasPrefix(head.String(), "HEAD ") {
			answer = strings.TrimSuffix(whole, "whole")
		}
		if _, err := io.WriteString(c, answer); err != nil {
			return
		}
	}
}

// seen returns the heads of the requests with this path.
func (w *wire) seen(path string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var heads []string
	for _, h := range w.heads {
		if strings.Contains(h, " "+path+" HTTP/1.1\r\n") {
			heads = append(heads, h)
		}
	}
	return heads
}

func newTransport(t *testing.T) *Transport {
	t.Helper()
	tr := New(&http.Transport{DisableCompression: true})
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// ask sends a request and reads the whole answer.
func ask(ctx context.Context, t *testing.T, rt http.RoundTripper, method, url string, body io.Reader, header http.Header) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return string(answer), err
}

func reset(c *net.TCPConn) { _ = c.SetLinger(0) } // closing it then sends a RST

// deaths are the ways in which a connection ends under a request. A RST takes with it
// what the client has not read: it is sent when read is closed.
var deaths = map[string]struct {
	end  func(c *net.TCPConn, read <-chan struct{})
	lost bool // ErrLost; else the body is cut
}{
	"a RST before the answer": {func(c *net.TCPConn, _ <-chan struct{}) { reset(c) }, true},
	"a FIN before the answer": {func(*net.TCPConn, <-chan struct{}) {}, true},
	"a header that is cut": {func(c *net.TCPConn, _ <-chan struct{}) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Le")
	}, true},
	"a header that is cut, hard": {func(c *net.TCPConn, read <-chan struct{}) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Le")
		<-read
		reset(c)
	}, true},
	"a body that is cut": {func(c *net.TCPConn, _ <-chan struct{}) {
		_, _ = io.WriteString(c, whole[:len(whole)-2])
	}, false},
	"a body that is cut, hard": {func(c *net.TCPConn, read <-chan struct{}) {
		_, _ = io.WriteString(c, whole[:len(whole)-2])
		<-read
		reset(c)
	}, false},
}

// requests are all that net/http would send again, and some that it would not.
var requests = map[string]struct {
	method string
	header http.Header
	body   string
}{
	"GET":                               {http.MethodGet, nil, ""},
	"HEAD":                              {http.MethodHead, nil, ""},
	"OPTIONS":                           {http.MethodOptions, nil, ""},
	"TRACE":                             {http.MethodTrace, nil, ""},
	"POST":                              {http.MethodPost, nil, ""},
	"POST with an idempotency key":      {http.MethodPost, http.Header{"Idempotency-Key": {"k"}}, ""},
	"DELETE with its older key":         {http.MethodDelete, http.Header{"X-Idempotency-Key": {"k"}}, ""},
	"PUT with a body":                   {http.MethodPut, nil, "body"},
	"GET with a body":                   {http.MethodGet, nil, "body"},
	"PUT with a body and such a key":    {http.MethodPut, http.Header{"Idempotency-Key": {"k"}}, "body"},
	"a method that nobody has heard of": {"BREW", nil, ""},
}

func TestARequestIsSentOnceThoughItsKeptConnectionDies(t *testing.T) {
	for death, d := range deaths {
		for what, r := range requests {
			t.Run(what+"/"+death, func(t *testing.T) {
				t.Parallel()
				if r.method == http.MethodHead && !d.lost {
					t.Skip("an answer to HEAD has no body")
				}
				read := make(chan struct{})
				seen := sync.OnceFunc(func() { close(read) })
				w := newWire(t, func(c *net.TCPConn) { d.end(c, read) })
				t.Cleanup(seen) // the server must end, whatever the client saw
				tr := newTransport(t)
				url := "http://" + w.Addr().String()
				if _, err := ask(t.Context(), t, tr, http.MethodPost, url+"/warm", nil, nil); err != nil {
					t.Fatalf("the first request: %v", err)
				}
				var body io.Reader
				if r.body != "" {
					body = strings.NewReader(r.body)
				}
				ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotFirstResponseByte: seen})
				answer, err := ask(ctx, t, tr, r.method, url+"/second", body, r.header)
				if err == nil {
					t.Fatalf("the answer is %q, want an error", answer)
				}
				if errors.Is(err, ErrLost) != d.lost {
					t.Errorf("error %v: lost %t, want %t", err, !d.lost, d.lost)
				}
				if n := len(w.seen("/second")); n != 1 {
					t.Errorf("the server got the request %d times, want once", n)
				}
			})
		}
	}
}

// The test above proves nothing unless net/http does resend.
func TestNetHTTPSendsAgain(t *testing.T) {
	w := newWire(t, reset)
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	for _, path := range []string{"/warm", "/second"} {
		if _, err := ask(t.Context(), t, tr, http.MethodGet, "http://"+w.Addr().String()+path, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(w.seen("/second")); n != 2 {
		t.Errorf("the server got the request %d times, want twice: is this package still needed?", n)
	}
}

func TestTheBytesOnTheWireAreThoseOfNetHTTP(t *testing.T) {
	for what, r := range requests {
		t.Run(what, func(t *testing.T) {
			w := newWire(t, reset)
			plain := &http.Transport{DisableCompression: true}
			defer plain.CloseIdleConnections()
			for _, rt := range []http.RoundTripper{plain, newTransport(t)} {
				var body io.Reader
				if r.body != "" {
					body = strings.NewReader(r.body)
				}
				if _, err := ask(t.Context(), t, rt, r.method, "http://"+w.Addr().String()+"/x", body, r.header); err != nil {
					t.Fatal(err)
				}
			}
			heads := w.seen("/x")
			if len(heads) != 2 {
				t.Fatalf("%d requests, want 2", len(heads))
			}
			// The names of headers have no case.
			if want, got := sorted(heads[0]), sorted(heads[1]); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// A dead connection that is found out before anything was written costs nothing.
func TestARequestThatNeverLeftGoesOnAnotherConnection(t *testing.T) {
	for what, r := range requests {
		t.Run(what, func(t *testing.T) {
			w := newWire(t, reset)
			url := "http://" + w.Addr().String()
			dead := make(chan *fragile, 10)
			tr := New(&http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				c, err := (&net.Dialer{}).DialContext(ctx, network, address)
				if err != nil {
					return nil, err
				}
				f := &fragile{Conn: c}
				dead <- f
				return f, nil
			}})
			defer tr.CloseIdleConnections()
			if _, err := ask(t.Context(), t, tr, http.MethodPost, url+"/warm", nil, nil); err != nil {
				t.Fatal(err)
			}
			(<-dead).broken.Store(true)
			var body io.Reader
			if r.body != "" {
				body = strings.NewReader(r.body)
			}
			_, err := ask(t.Context(), t, tr, r.method, url+"/second", body, r.header)
			wantSent := 1
			if r.body != "" { // whose bytes may have been read
				wantSent = 0
			}
			if (err == nil) != (wantSent == 1) {
				t.Errorf("error %v", err)
			}
			if n := len(w.seen("/second")); n != wantSent {
				t.Errorf("the server got the request %d times, want %d", n, wantSent)
			}
		})
	}
}

// fragile fails to write a single byte once it is broken.
type fragile struct {
	net.Conn
	broken atomic.Bool
}

func (f *fragile) Write(p []byte) (int, error) {
	if f.broken.Load() {
		return 0, syscall.EPIPE
	}
	return f.Conn.Write(p)
}

func TestHTTP2IsOffAndConnectionsAreKept(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	for name, base := range map[string]*http.Transport{
		"as it comes":            {},
		"though it is asked for": {ForceAttemptHTTP2: true},
	} {
		t.Run(name, func(t *testing.T) {
			base.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
			tr := New(base)
			defer tr.CloseIdleConnections()
			for i, want := range []bool{false, true, true} {
				var kept bool
				ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { kept = i.Reused }})
				req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
				if err != nil {
					t.Fatal(err)
				}
				resp, err := tr.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				seen, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
				if resp.ProtoMajor != 1 || string(seen) != "HTTP/1.1" {
					t.Errorf("request %d: the client speaks %s, the server %s", i, resp.Proto, seen)
				}
				if kept != want {
					t.Errorf("request %d: on a kept connection: %t, want %t", i, kept, want)
				}
			}
		})
	}
}

func TestATLSConnectionThatDiesLosesTheRequest(t *testing.T) {
	var got atomic.Int64
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if got.Add(1) == 2 {
			panic(http.ErrAbortHandler)
		}
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer server.Close()
	tr := New(&http.Transport{TLSClientConfig: server.Client().Transport.(*http.Transport).TLSClientConfig}) //nolint:errcheck // what httptest documents
	defer tr.CloseIdleConnections()
	if _, err := ask(t.Context(), t, tr, http.MethodGet, server.URL, nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t.Context(), t, tr, http.MethodGet, server.URL, nil, nil); !errors.Is(err, ErrLost) {
		t.Errorf("error %v, want lost", err)
	}
	if n := got.Load(); n != 2 {
		t.Errorf("the server got %d requests, want 2", n)
	}
}

func TestOtherErrorsAreNotLosses(t *testing.T) {
	t.Run("no answer before the time is over", func(t *testing.T) {
		w := newWire(t, func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) })
		tr := newTransport(t)
		url := "http://" + w.Addr().String()
		if _, err := ask(t.Context(), t, tr, http.MethodGet, url, nil, nil); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := ask(ctx, t, tr, http.MethodGet, url, nil, nil); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrLost) {
			t.Errorf("error %v, want that the time is over", err)
		}
	})
	t.Run("no header before the transport's own time is over", func(t *testing.T) {
		w := newWire(t, func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) })
		tr := New(&http.Transport{ResponseHeaderTimeout: 2 * time.Second}) // the first answer comes by then
		defer tr.CloseIdleConnections()
		url := "http://" + w.Addr().String()
		if _, err := ask(t.Context(), t, tr, http.MethodGet, url, nil, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := ask(t.Context(), t, tr, http.MethodGet, url, nil, nil); err == nil || errors.Is(err, ErrLost) {
			t.Errorf("error %v, want that the time is over", err)
		}
	})
	t.Run("a refused connection", func(t *testing.T) {
		w := newWire(t, reset)
		url := "http://" + w.Addr().String()
		w.Close()
		if _, err := ask(t.Context(), t, newTransport(t), http.MethodGet, url, nil, nil); !errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, ErrLost) {
			t.Errorf("error %v, want a refused connection", err)
		}
	})
}

// sorted is a request's head with its headers in order, all in lower case.
func sorted(head string) string {
	lines := strings.Split(strings.ToLower(strings.TrimSpace(head)), "\r\n")
	slices.Sort(lines[1:])
	return strings.Join(lines, "\n")
}
