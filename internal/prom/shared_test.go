package prom

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	aVector = `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1700000000,"1"]}]}}`
	aMatrix = `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"b"},"values":[[1700000000,"1"]]}]}}`
	noGroup = `{"status":"success","data":{"groups":[]}}`
)

// counting is a server that counts what it is asked, and two clients of it that share.
func counting(t *testing.T, serve http.HandlerFunc) (asked *atomic.Int32, one, other *Client) {
	t.Helper()
	asked = &atomic.Int32{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		serve(w, r)
	}))
	t.Cleanup(server.Close)
	shared := &Shared{}
	clients := [2]*Client{}
	for i := range clients {
		c, err := New(Config{URL: server.URL, Shared: shared})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		clients[i] = c
	}
	return asked, clients[0], clients[1]
}

func answerAll(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasSuffix(r.URL.Path, "/query"):
		_, _ = w.Write([]byte(aVector))
	case strings.HasSuffix(r.URL.Path, "/query_range"):
		_, _ = w.Write([]byte(aMatrix))
	default:
		_, _ = w.Write([]byte(noGroup))
	}
}

func TestClientsThatShareAskEachQuestionOnce(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	window := Window{Start: at, End: at, Step: time.Second}
	instant := func(expr string, at time.Time) func(*Client) error {
		return func(c *Client) error { _, err := c.Instant(t.Context(), expr, at); return err }
	}
	span := func(expr string, w Window) func(*Client) error {
		return func(c *Client) error { _, err := c.Range(t.Context(), expr, w); return err }
	}
	rules := func(c *Client) error { _, err := c.Rules(t.Context()); return err }
	for name, tc := range map[string]struct {
		first, second func(*Client) error
		want          int32
	}{
		"the same expression at the same instant":     {instant("up", at), instant("up", at), 1},
		"the same expression at another instant":      {instant("up", at), instant("up", at.Add(time.Millisecond)), 2},
		"another expression at the same instant":      {instant("up", at), instant("down", at), 2},
		"the server's now is another each time":       {instant("up", time.Time{}), instant("up", time.Time{}), 2},
		"the same range":                              {span("up", window), span("up", window), 1},
		"a range of another step":                     {span("up", window), span("up", Window{Start: at, End: at, Step: time.Minute}), 2},
		"a range and an instant are two":              {span("up", window), instant("up", at), 2},
		"the rules, one after the other within 500ms": {rules, rules, 1},
	} {
		t.Run(name, func(t *testing.T) {
			asked, one, other := counting(t, answerAll)
			for _, err := range []error{tc.first(one), tc.second(other)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			if got := asked.Load(); got != tc.want {
				t.Errorf("the server was asked %d times, want %d", got, tc.want)
			}
		})
	}
}

func TestAnErrorIsNotShared(t *testing.T) {
	var fails atomic.Bool
	fails.Store(true)
	asked, one, other := counting(t, func(w http.ResponseWriter, r *http.Request) {
		if fails.Swap(false) {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		answerAll(w, r)
	})
	at := time.Unix(1_700_000_000, 0)
	if _, err := one.Instant(t.Context(), "up", at); !errors.Is(err, ErrUnreachable) {
		t.Fatalf("error %v", err)
	}
	if _, err := other.Instant(t.Context(), "up", at); err != nil || asked.Load() != 2 {
		t.Errorf("error %v after %d questions, want none after 2", err, asked.Load())
	}
}

func TestManyWaitForOneAnswer(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	asked, one, other := counting(t, func(w http.ResponseWriter, r *http.Request) {
		close(entered) // a second question would panic
		<-release
		answerAll(w, r)
	})
	at := time.Unix(1_700_000_000, 0)
	var all sync.WaitGroup
	ask := func(c *Client) {
		if got, err := c.Instant(t.Context(), "up", at); err != nil || got.V != 1 {
			t.Errorf("%v, error %v", got, err)
		}
	}
	all.Go(func() { ask(one) })
	<-entered
	for range 20 {
		all.Go(func() { ask(other) })
	}
	close(release)
	all.Wait()
	if got := asked.Load(); got != 1 {
		t.Errorf("the server was asked %d times", got)
	}
}

func TestWhoWaitsAsksItselfWhenTheOtherIsStopped(t *testing.T) {
	entered := make(chan struct{}, 2)
	var late atomic.Bool
	_, one, other := counting(t, func(w http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		if !late.Swap(true) {
			_, _ = io.Copy(io.Discard, r.Body) // only then does a server see that the client has gone
			<-r.Context().Done()
			return
		}
		answerAll(w, r)
	})
	at := time.Unix(1_700_000_000, 0)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := one.Instant(ctx, "up", at); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
	<-entered
	all.Go(func() {
		if _, err := other.Instant(t.Context(), "up", at); err != nil {
			t.Error(err)
		}
	})
	cancel()
	all.Wait()
}

func TestAPanicLeavesNobodyWaiting(t *testing.T) {
	var s Shared
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		_, _ = shareAs(t.Context(), &s, "a", time.Minute, func() (int, error) { panic("broken") })
	}()
	if got, err := shareAs(t.Context(), &s, "a", time.Minute, func() (int, error) { return 7, nil }); got != 7 || err != nil {
		t.Errorf("%d, error %v", got, err)
	}
}
