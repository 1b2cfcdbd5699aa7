//go:build integration && linux

package integration

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// idlers counts the connections of a server that end without a request under way:
// by the client, or by the server's own idle timeout.
type idlers struct {
	timeout          time.Duration
	mu               sync.Mutex
	since            map[net.Conn]time.Time
	client, timedOut int
}

func (i *idlers) observe(c net.Conn, state http.ConnState) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch since, idle := i.since[c]; {
	case state == http.StateIdle:
		i.since[c] = time.Now()
		return
	case state == http.StateClosed && idle && time.Since(since) < i.timeout-50*time.Millisecond:
		i.client++
	case state == http.StateClosed && idle:
		i.timedOut++
	}
	delete(i.since, c)
}

// The server stalls now and then, so that some hundred connections are needed at
// once. They are idle afterwards until the next stall, which begins just before
// its idle timeout is over and ends just after: a client that keeps connections
// for longer sends requests on them while the server closes them, and loses some.
func TestAServersIdleTimeoutIsNoLoss(t *testing.T) {
	const idle, stall, every = 2 * time.Second, 300 * time.Millisecond, 2150 * time.Millisecond
	began := time.Now()
	seen := &idlers{timeout: idle, since: map[net.Conn]time.Time{}}
	server := &http.Server{
		IdleTimeout: idle, ConnState: seen.observe, ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			if left := every - time.Since(began)%every; left < stall {
				time.Sleep(left)
			}
		}),
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Serve(l) })
	defer wg.Wait()
	defer func() { _ = server.Shutdown(context.WithoutCancel(t.Context())) }()

	// The patience is for a busy machine: a slow answer is not what is tested.
	code, stdout, stderr := newHome(t).ballast("load", "--rate", "1000", "--duration", "10s", "--timeout", "20s", "--fail-on-error", "http://"+l.Addr().String())
	var got struct{ Scheduled, Success, Errors int }
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatalf("%v: %s%s", err, stdout, stderr)
	}
	if code != 0 || got.Scheduled != 10_000 || got.Success != 10_000 || got.Errors != 0 {
		failed := stderr[max(0, strings.Index(stderr, "request failed")):]
		t.Errorf("exit code %d, %+v, want 10,000 successes: %s", code, got, failed[:min(len(failed), 1000)])
	}
	seen.mu.Lock()
	defer seen.mu.Unlock()
	t.Logf("of the idle connections, the client closed %d and the server's timeout %d", seen.client, seen.timedOut)
	if seen.client < 100 || seen.timedOut > 0 {
		t.Error("want that only the client closes idle connections, and at least 100")
	}
}
