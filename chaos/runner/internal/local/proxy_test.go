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
	return p, &http.Client{Transport: transport, Timeout: 5 * time.Second}
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

// A toxic must take hold of and let go of connections that are open, without a
// request failing for it.
func TestToxicsComeAndGoUnderTrafficWithoutAnError(t *testing.T) {
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
			client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
			for ctx.Err() == nil {
				if err := probe(ctx, client, "http://"+p.address()+"/"); err != nil && ctx.Err() == nil {
					t.Errorf("request: %v", err)
					return
				}
			}
		})
	}
	for range 15 {
		for _, tx := range []toxic{
			{Name: "a", Type: toxicLatency, Stream: "downstream", Attributes: map[string]any{"latency": 2, "jitter": 1}},
			{Name: "b", Type: toxicLoss, Stream: "upstream", Attributes: map[string]any{"probability": 0.01}},
			{Name: "c", Type: toxicBandwidth, Stream: "downstream", Attributes: map[string]any{"rate": 5e6, "burst": 10000}},
		} {
			if err := p.add(tx); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(5 * time.Millisecond)
		if n := len(p.active()); n != 3 {
			t.Errorf("%d toxics are active", n)
		}
		for _, name := range []string{"a", "c", "b", "b"} {
			if err := p.remove(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
	}
	cancel()
	wg.Wait()
	if n := len(p.active()); n != 0 {
		t.Errorf("%d toxics are left", n)
	}
}

func TestAHoleCutsTheConnectionsThatLostDataOnly(t *testing.T) {
	t.Parallel()
	p, client := newTestProxy(t, okHandler)
	if err := ask(t, client, p); err != nil {
		t.Fatal(err)
	}
	if err := p.add(toxic{Name: "hole", Type: toxicBlackhole, Stream: "downstream"}); err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error, 1)
	go func() { waiting <- ask(t, client, p) }()
	select {
	case err := <-waiting:
		t.Fatalf("an answer out of the hole: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	if err := p.remove(t.Context(), "hole"); err != nil {
		t.Fatal(err)
	}
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
	for _, tx := range []toxic{
		{Name: "slow", Type: toxicLatency, Stream: "downstream", Attributes: map[string]any{"latency": 60_000}},
		{Name: "hole", Type: toxicBlackhole, Stream: "upstream"},
	} {
		if err := p.add(tx); err != nil {
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
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("close took %s", took)
	}
	if _, err := d.DialContext(t.Context(), "tcp", p.address()); err == nil {
		t.Error("the port is still open")
	}
	if err := p.add(toxic{Name: "late", Type: toxicLatency, Stream: "upstream"}); err == nil {
		t.Error("a toxic on a closed proxy")
	}
}

func TestMeasurementsJudgeByNumbers(t *testing.T) {
	t.Parallel()
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	for name, row := range map[string]struct{ latency, jitter, want time.Duration }{
		"without jitter":              {ms(100), 0, ms(80)},
		"with some":                   {ms(100), ms(20), ms(64)},
		"with as much as the latency": {ms(100), ms(100), ms(50)},
		"with more than the latency":  {ms(100), ms(300), ms(50)},
	} {
		if got := delayWanted(row.latency, row.jitter); got != row.want {
			t.Errorf("%s: %s, want %s", name, got, row.want)
		}
	}
	if m, n := median([]sample{{ms(3), nil}, {ms(1), nil}, {ms(9), errors.New("x")}, {ms(2), nil}}); m != ms(2) || n != 3 {
		t.Errorf("median %s of %d", m, n)
	}
	if m, n := median([]sample{{ms(9), errors.New("x")}}); m != 0 || n != 0 {
		t.Errorf("median of nothing: %s of %d", m, n)
	}
	for p, want := range map[float64]int{0.01: 200, 0.05: 90, 0.25: 17, 0.9: 12} {
		if got := lossSamples(p); got != want {
			t.Errorf("samples at %v: %d, want %d", p, got, want)
		}
	}
}
