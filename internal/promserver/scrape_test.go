package promserver_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/promserver"
)

const quick = 50 * time.Millisecond

// exposition serves a counter that grows with each scrape.
func exposition(t testing.TB, path string) *httptest.Server {
	var scrapes atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
		// No content type of an exposition: a plain text endpoint is scraped all the same.
		fmt.Fprintf(w, "# HELP scrapes_total How often this was asked.\n# TYPE scrapes_total counter\nscrapes_total %d\n", scrapes.Add(1))
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv
}

func address(srv *httptest.Server) string { return strings.TrimPrefix(srv.URL, "http://") }

// eventually asks until the answer is as wanted, and says what came last.
func eventually(t testing.TB, c *prom.Client, expr string, want func(prom.Sample, error) bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute) // met only when something hangs
	for {
		s, err := c.Instant(t.Context(), expr, time.Time{})
		if want(s, err) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s stays at %v, %v", expr, s, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func is(v float64) func(prom.Sample, error) bool {
	return func(s prom.Sample, err error) bool { return err == nil && s.V == v }
}

func atLeast(v float64) func(prom.Sample, error) bool {
	return func(s prom.Sample, err error) bool { return err == nil && s.V >= v }
}

func missing(_ prom.Sample, err error) bool { return errors.Is(err, prom.ErrNoData) }

func TestTargetsComeGoAndMove(t *testing.T) {
	s := open(t, promserver.Config{
		Scrape: quick, Evaluation: quick, Listen: "127.0.0.1:0", Jobs: []string{"monitor", `odd "job"`},
	})
	c, err := prom.New(prom.Config{URL: s.URL(), Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	first, second := exposition(t, "/metrics"), exposition(t, "/metrics")
	other := exposition(t, "/other")
	labels := map[string]string{"instance": "monitor-0", "pod": "monitor-0"}
	set := func(job string, targets ...promserver.Target) {
		t.Helper()
		if err := s.SetTargets(job, targets); err != nil {
			t.Fatal(err)
		}
	}
	set("monitor", promserver.Target{Address: address(first), Labels: labels})
	set(`odd "job"`, promserver.Target{Address: address(other), Path: "/other"})
	eventually(t, c, `scrapes_total{job="monitor", instance="monitor-0", pod="monitor-0"}`, atLeast(3))
	eventually(t, c, `up{job="odd \"job\""}`, is(1))
	eventually(t, c, `count(count by (instance) (up))`, is(2))

	// It moves to another port: the series goes on, its counter begins anew.
	set("monitor", promserver.Target{Address: address(second), Labels: labels})
	eventually(t, c, `resets(scrapes_total{job="monitor"}[1m])`, atLeast(1))
	eventually(t, c, `count(count_over_time(scrapes_total{job="monitor"}[1m]))`, is(1))
	// The old address' farewell must not hide what the new one writes.
	time.Sleep(4 * quick)
	eventually(t, c, `scrapes_total{job="monitor"}`, atLeast(5))

	second.Close()
	eventually(t, c, `up{job="monitor"}`, is(0))
	eventually(t, c, `scrapes_total{job="monitor"}`, missing)

	set(`odd "job"`)
	eventually(t, c, `up{job="odd \"job\""}`, missing)
}

func TestATargetThatHangsIsDownBeforeItsNextScrape(t *testing.T) {
	s := open(t, promserver.Config{Scrape: 200 * time.Millisecond, Jobs: []string{"slow"}})
	c := inProcess(t, s, prom.Config{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer srv.Close()
	if err := s.SetTargets("slow", []promserver.Target{{Address: address(srv)}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, c, `up`, is(0))
	eventually(t, c, `min_over_time(scrape_duration_seconds[1m]) < bool 0.2`, is(1))
}

func TestSetTargetsRefuses(t *testing.T) {
	s := open(t, promserver.Config{Jobs: []string{"monitor"}})
	for name, err := range map[string]error{
		"an unknown job":     s.SetTargets("montor", nil),
		"no address":         s.SetTargets("monitor", []promserver.Target{{}}),
		"an invalid label":   s.SetTargets("monitor", []promserver.Target{{Address: "a:1", Labels: map[string]string{"": "x"}}}),
		"a label's encoding": s.SetTargets("monitor", []promserver.Target{{Address: "a:1", Labels: map[string]string{"x": "\xff"}}}),
		"no jobs at all":     open(t, promserver.Config{}).SetTargets("monitor", nil),
	} {
		if err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.SetTargets("monitor", nil); err == nil {
		t.Error("targets were taken after Close")
	}
}

// A Close that races a change of targets leaves no scrape behind; goleak looks.
func TestCloseRightAfterSetTargets(t *testing.T) {
	srv := exposition(t, "/metrics")
	for range 20 {
		s := open(t, promserver.Config{Scrape: quick, Jobs: []string{"a", "b"}})
		for _, job := range []string{"a", "b"} {
			if err := s.SetTargets(job, []promserver.Target{{Address: address(srv)}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	resp, err := srv.Client().Get(srv.URL + "/metrics") //nolint:noctx // A local server of the test.
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	before, _ := io.ReadAll(resp.Body)
	time.Sleep(4 * quick)
	again, err := srv.Client().Get(srv.URL + "/metrics") //nolint:noctx // A local server of the test.
	if err != nil {
		t.Fatal(err)
	}
	defer again.Body.Close()
	after, _ := io.ReadAll(again.Body)
	var n, m int
	for text, into := range map[string]*int{string(before): &n, string(after): &m} {
		if _, err := fmt.Sscanf(text[strings.LastIndex(text, " ")+1:], "%d", into); err != nil {
			t.Fatal(err)
		}
	}
	if m != n+1 {
		t.Errorf("%d scrapes after every server was closed", m-n-1)
	}
}
