package local

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/time/rate"
)

func newTestProxy(t *testing.T, h http.HandlerFunc) (*proxy, *http.Client) {
	t.Helper()
	server := httptest.NewServer(h)
	p, err := newProxy(t.Context(), "p")
	if err != nil {
		t.Fatal(err)
	}
	p.setUpstream(server.Listener.Addr().String())
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := p.close(); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	return p, &http.Client{Transport: transport, Timeout: patience}
}

func ask(t *testing.T, c *http.Client, p *proxy) error {
	t.Helper()
	return probe(t.Context(), c, "http://"+p.address()+"/")
}

func okHandler(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }

func TestAProxyFollowsItsContainerAndKeepsItsAddress(t *testing.T) {
	t.Parallel()
	p, client := newTestProxy(t, okHandler)
	address := p.address()
	if err := ask(t, client, p); err != nil {
		t.Fatal(err)
	}
	client.CloseIdleConnections()
	p.setUpstream("")
	if err := ask(t, client, p); err == nil {
		t.Error("an answer without a container")
	}
	second := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	defer second.Close()
	p.setUpstream(second.Listener.Addr().String())
	if err := ask(t, client, p); err == nil || !strings.Contains(err.Error(), "418") {
		t.Errorf("not the second container: %v", err)
	}
	client.CloseIdleConnections()
	second.Close()
	if err := ask(t, client, p); err == nil {
		t.Error("an answer of a container that is gone")
	}
	if p.address() != address {
		t.Error("the address has changed")
	}
}

// An effect must take hold of and let go of connections that are open, without a
// request failing for it.
func TestEffectsComeAndGoUnderTrafficWithoutAnError(t *testing.T) {
	t.Parallel()
	p, _ := newTestProxy(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 10_000))
	})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport, Timeout: patience}
			for ctx.Err() == nil {
				if err := probe(ctx, client, "http://"+p.address()+"/"); err != nil && ctx.Err() == nil {
					t.Errorf("request: %v", err)
					return
				}
			}
		})
	}
	for range 15 {
		for _, e := range []effect{
			{name: "a", stream: downstream, latency: 2 * time.Millisecond, jitter: time.Millisecond},
			{name: "b", stream: upstream, loss: 0.01},
			{name: "c", stream: downstream, bucket: rate.NewLimiter(5e6, 10000)},
		} {
			if err := p.add(e); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(5 * time.Millisecond)
		if n := len(p.active()); n != 3 {
			t.Errorf("%d effects are active", n)
		}
		for _, name := range []string{"a", "c", "b", "b"} {
			p.remove(name)
		}
	}
	cancel()
	wg.Wait()
	if n := len(p.active()); n != 0 {
		t.Errorf("%d effects are left", n)
	}
}

// Connections that end while effects come and go, as those do whose clients give
// up on a cut path, must not take the runner with them.
func TestEffectsComeAndGoWhileConnectionsEnd(t *testing.T) {
	t.Parallel()
	p, _ := newTestProxy(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 3000))
	})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			client := pathClient(30 * time.Millisecond)
			for ctx.Err() == nil {
				_ = probe(ctx, client, "http://"+p.address()+"/") // most are cut off
			}
		})
	}
	for range 20 {
		for _, n := range []network{
			{cut: drop, streams: []string{downstream, upstream}, latency: 5 * time.Millisecond},
			{loss: 0.3, latency: 5 * time.Millisecond, rate: 1e6, burst: mtu},
		} {
			effects := n.effects("f")
			for _, e := range effects {
				if err := p.add(e); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(10 * time.Millisecond)
			for _, e := range effects {
				p.remove(e.name)
			}
		}
	}
	cancel()
	wg.Wait()
	client := pathClient(patience)
	if err := ask(t, client, p); err != nil {
		t.Errorf("after all effects: %v", err)
	}
}

// Each direction is seen by itself.
func TestACrossingSeesWhichWayIsCut(t *testing.T) {
	t.Parallel()
	p, _ := newTestProxy(t, okHandler)
	for name, row := range map[string]struct {
		holes    []string
		up, down bool
	}{
		"nothing": {nil, true, true}, "what the pod sends": {[]string{downstream}, true, false},
		"what it receives": {[]string{upstream}, false, true}, "both": {[]string{upstream, downstream}, false, false},
	} {
		for _, s := range row.holes {
			if err := p.add(effect{name: "hole " + s, stream: s, hole: true}); err != nil {
				t.Fatal(err)
			}
		}
		up, down, err := p.crossing(t.Context(), time.Second)
		if up != row.up || down != row.down || err != nil {
			t.Errorf("%s is cut: up %t, down %t, %v", name, up, down, err)
		}
		for _, s := range row.holes {
			p.remove("hole " + s)
		}
	}
}

func TestAHoleCutsTheConnectionsThatLostDataOnly(t *testing.T) {
	t.Parallel()
	p, client := newTestProxy(t, okHandler)
	if err := ask(t, client, p); err != nil {
		t.Fatal(err)
	}
	if err := p.add(effect{name: "hole", stream: downstream, hole: true}); err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error, 1)
	go func() { waiting <- ask(t, client, p) }()
	select {
	case err := <-waiting:
		t.Fatalf("an answer out of the hole: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	p.remove("hole")
	if err := <-waiting; err == nil {
		// The client's transport may ask again on a new connection when the old one
		// broke before a byte came; then the answer is whole.
		t.Log("asked again")
	}
	if err := ask(t, client, p); err != nil {
		t.Errorf("after the hole: %v", err)
	}
}

func TestARejectedPathIsResetUntilAllWhoRejectHaveGone(t *testing.T) {
	t.Parallel()
	p, client := newTestProxy(t, okHandler)
	p.reject("one")
	p.reject("two")
	p.accepts("one")
	if err := ask(t, client, p); err == nil {
		t.Error("an answer on a rejected path")
	}
	p.accepts("two")
	if err := ask(t, client, p); err != nil {
		t.Error(err)
	}
}

func TestAProxyEndsAtOnceWhateverItHolds(t *testing.T) {
	t.Parallel()
	p, err := newProxy(t.Context(), "p")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(okHandler))
	defer server.Close()
	p.setUpstream(server.Listener.Addr().String())
	for _, e := range []effect{
		{name: "slow", stream: downstream, latency: time.Minute},
		{name: "hole", stream: upstream, hole: true},
	} {
		if err := p.add(e); err != nil {
			t.Fatal(err)
		}
	}
	var d net.Dialer
	for range 5 {
		c, err := d.DialContext(t.Context(), "tcp", p.address())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(20 * time.Millisecond)
	began := time.Now()
	if err := p.close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > patience/2 {
		t.Errorf("close took %s", took)
	}
	if _, err := d.DialContext(t.Context(), "tcp", p.address()); err == nil {
		t.Error("the port is still open")
	}
	if err := p.add(effect{name: "late", stream: upstream, latency: time.Second}); err == nil {
		t.Error("an effect on a closed proxy")
	}
}

func TestMeasurementsJudgeByNumbers(t *testing.T) {
	t.Parallel()
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	if m, n := median([]sample{{ms(3), nil}, {ms(1), nil}, {ms(9), errors.New("x")}, {ms(2), nil}}); m != ms(2) || n != 3 {
		t.Errorf("median %s of %d", m, n)
	}
	if v, ok := quantileOfAll([]sample{{ms(3), nil}, {ms(1), nil}, {ms(9), errors.New("x")}, {ms(2), nil}}, 0.5); v != ms(3) || !ok {
		t.Errorf("half of all: %s, %t", v, ok)
	}
	if _, ok := quantileOfAll([]sample{{ms(3), nil}, {ms(9), errors.New("x")}}, 0.5); ok {
		t.Error("a request without an answer has a time")
	}
	if m, n := median([]sample{{ms(9), errors.New("x")}}); m != 0 || n != 0 {
		t.Errorf("median of nothing: %s of %d", m, n)
	}
	for p, want := range map[float64]int{0: 0, 0.01: 400, 0.2: 240, 0.5: 60, 0.9: 31, 0.99: 31} {
		if got := lossSamples(p); got != want {
			t.Errorf("samples at %v: %d, want %d", p, got, want)
		}
	}
}
