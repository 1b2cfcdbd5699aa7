package promserver_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/promserver"
)

func TestOpenRefuses(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	bad := ruleFile(t, "bad.yml", "groups: [{name: g, rules: [{record: a, expr: 'sum('}, {alert: B, expr: up, fro: 5s}]}]")
	worse := ruleFile(t, "worse.yml", "groups: [{name: g, rules: [{record: 'a-b c', expr: rate(up)}]}]")
	good := ruleFile(t, "good.yml", "groups: [{name: g, rules: [{record: a, expr: up}]}]")
	for name, tc := range map[string]struct {
		cfg  promserver.Config
		says []string
	}{
		"no directory":            {promserver.Config{}, []string{"no directory"}},
		"a file as directory":     {promserver.Config{Dir: file}, []string{file}},
		"a port that is taken":    {promserver.Config{Dir: t.TempDir(), Listen: taken.Addr().String(), Jobs: []string{"a"}}, []string{taken.Addr().String(), "choose another"}},
		"every bad rule file":     {promserver.Config{Dir: t.TempDir(), RuleFiles: []string{bad, good, worse}}, []string{bad, worse}},
		"a rule file that is not": {promserver.Config{Dir: t.TempDir(), RuleFiles: []string{"gone.yml"}}, []string{"gone.yml"}},
		"two files of one name":   {promserver.Config{Dir: t.TempDir(), RuleFiles: []string{good, good}}, []string{"rename"}},
		"no time to scrape":       {promserver.Config{Dir: t.TempDir(), Scrape: time.Millisecond}, []string{"scrape", "10ms"}},
		"a negative interval":     {promserver.Config{Dir: t.TempDir(), Evaluation: -time.Second}, []string{"evaluation"}},
		"a history out of order":  {promserver.Config{Dir: t.TempDir(), History: []prom.Series{series("a", prom.Sample{T: time.UnixMilli(2)}, prom.Sample{T: time.UnixMilli(1)})}}, []string{"point 1"}},
		"one job twice":           {promserver.Config{Dir: t.TempDir(), Jobs: []string{"a", "a"}}, []string{`"a"`}},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := promserver.Open(tc.cfg)
			if err == nil {
				s.Close()
				t.Fatal("it was opened")
			}
			for _, says := range tc.says {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("%q does not say %q", err, says)
				}
			}
		})
	}
}

func TestCloseEndsEverythingAndMayBeRepeated(t *testing.T) {
	dir := t.TempDir()
	s := open(t, promserver.Config{
		Dir: dir, Listen: "127.0.0.1:0", Scrape: quick, Evaluation: quick, Jobs: []string{"a"},
		RuleFiles: []string{ruleFile(t, "r.yml", "groups: [{name: g, rules: [{record: a, expr: vector(1)}]}]")},
	})
	c := inProcess(t, s, prom.Config{})
	eventually(t, c, `a`, is(1))

	// Queries go on while it closes; each ends with an answer or as unreachable.
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for {
				if _, err := c.Instant(t.Context(), `count({__name__=~".+"})`, time.Time{}); err != nil {
					if !errors.Is(err, prom.ErrUnreachable) {
						t.Error(err)
					}
					return
				}
			}
		})
	}
	time.Sleep(quick)
	var closers sync.WaitGroup
	for range 3 {
		closers.Go(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	closers.Wait()
	work.Wait()
	if _, err := c.Instant(t.Context(), `a`, time.Time{}); !errors.Is(err, prom.ErrUnreachable) || !strings.Contains(err.Error(), "closed") {
		t.Errorf("after Close: %v", err)
	}
	if err := s.Backfill(t.Context(), nil); err == nil {
		t.Error("backfilled after Close")
	}
	over, err := prom.New(prom.Config{URL: s.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer over.Close()
	if _, err := over.Instant(t.Context(), `a`, time.Time{}); !errors.Is(err, prom.ErrUnreachable) {
		t.Errorf("the listener answers after Close: %v", err)
	}
	// The directory can serve another server; it begins empty.
	again := open(t, promserver.Config{Dir: dir})
	if v, err := inProcess(t, again, prom.Config{}).Instant(t.Context(), `a`, time.Time{}); !errors.Is(err, prom.ErrNoData) {
		t.Errorf("a new server in the same directory: %v, %v", v, err)
	}
}

// Two servers in one process know nothing of each other.
func TestServersAreIndependent(t *testing.T) {
	a, b := open(t, promserver.Config{Listen: "127.0.0.1:0", Jobs: []string{"j"}}), open(t, promserver.Config{Listen: "127.0.0.1:0", Jobs: []string{"j"}})
	if a.URL() == b.URL() {
		t.Fatalf("both on %s", a.URL())
	}
	srv := exposition(t, "/metrics")
	if err := a.SetTargets("j", []promserver.Target{{Address: address(srv)}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, inProcess(t, a, prom.Config{}), `up`, is(1))
	if v, err := inProcess(t, b, prom.Config{}).Instant(t.Context(), `up`, time.Time{}); !errors.Is(err, prom.ErrNoData) {
		t.Errorf("the other server: %v, %v", v, err)
	}
}

func series(name string, points ...prom.Sample) prom.Series {
	return prom.Series{Labels: map[string]string{"__name__": name}, Points: points}
}

func TestBackfill(t *testing.T) {
	now := time.Now().Truncate(time.Millisecond)
	ago := func(d time.Duration) prom.Sample { return prom.Sample{T: now.Add(-d), V: d.Seconds()} }
	s := open(t, promserver.Config{})
	c := inProcess(t, s, prom.Config{})
	steps := []struct {
		name   string
		series []prom.Series
		refuse string
	}{
		{"history of hours", []prom.Series{series("a", ago(3*time.Hour), ago(time.Hour), ago(time.Minute))}, ""},
		{"older history of another series", []prom.Series{series("b", ago(60*24*time.Hour), ago(2*time.Hour))}, ""},
		{"what follows", []prom.Series{series("a", ago(0))}, ""},
		{"no series", nil, ""},
		{"a series without points", []prom.Series{series("c")}, ""},
		{"what does not follow the stored", []prom.Series{series("a", ago(2*time.Hour))}, "a"},
		{"what does not ascend", []prom.Series{series("d", ago(time.Hour), ago(2*time.Hour))}, "point 1"},
		{"two points in one millisecond", []prom.Series{series("d", prom.Sample{T: now}, prom.Sample{T: now.Add(999)})}, "point 1"},
		{"too old", []prom.Series{series("d", ago(300*24*time.Hour))}, "d"},
		{"a series without a name", []prom.Series{{Labels: map[string]string{"x": "y"}, Points: []prom.Sample{ago(0)}}}, "__name__"},
	}
	for _, step := range steps {
		err := s.Backfill(t.Context(), step.series)
		if (err == nil) != (step.refuse == "") || err != nil && !strings.Contains(err.Error(), step.refuse) {
			t.Errorf("%s: %v, want it to name %q", step.name, err, step.refuse)
		}
	}
	for expr, want := range map[string]float64{
		`count_over_time(a[4h])`:             4,
		`a`:                                  0,
		`b offset 119m`:                      7200,
		`count_over_time(b[61d])`:            2,
		`absent(d)`:                          1,
		`sum_over_time(a[30s] offset 3600s)`: 3600,
	} {
		if got, err := c.Instant(t.Context(), expr, now); err != nil || got.V != want {
			t.Errorf("%s = %v, %v, want %v", expr, got, err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Backfill(ctx, []prom.Series{series("e", ago(0))}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// A rule that saw one series of the history without the other would take what it
// sees for an outage, and what it records for a budget that is spent.
func TestRulesNeverSeeAPartOfTheHistory(t *testing.T) {
	points := make([]prom.Sample, 100_000) // more than one transaction holds
	for i := range points {
		points[i] = prom.Sample{T: time.Now().Add(time.Duration(i-len(points)) * time.Second), V: 1}
	}
	s := open(t, promserver.Config{
		Evaluation: 10 * time.Millisecond, History: []prom.Series{series("total", points...), series("good", points...)},
		RuleFiles: []string{ruleFile(t, "r.yml", "groups: [{name: g, rules: [{record: evaluated, expr: good}, {record: outage, expr: total unless on() good}]}]")},
	})
	c := inProcess(t, s, prom.Config{})
	eventually(t, c, `count_over_time(evaluated[1m]) > 3`, func(_ prom.Sample, err error) bool { return err == nil })
	if got, err := c.Instant(t.Context(), `count_over_time(outage[1m])`, time.Time{}); !errors.Is(err, prom.ErrNoData) {
		t.Errorf("an outage was recorded %v times (%v)", got.V, err)
	}
}

func TestTransportHonoursTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	rt := promserver.Transport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/cancel" {
			cancel()
			<-r.Context().Done()
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("X-Host", r.Host)
		w.WriteHeader(http.StatusTeapot)
		w.WriteHeader(http.StatusOK) // as with a network, the first counts
		_, _ = w.Write(bytes.ToUpper(body))
	}))
	post := func(ctx context.Context, path string) (*http.Response, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://host"+path, strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		return (&http.Client{Transport: rt}).Do(req)
	}
	resp, err := post(t.Context(), "/")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusTeapot || string(body) != "BODY" || resp.Header.Get("X-Host") != "host" {
		t.Errorf("%d %q %v, %v", resp.StatusCode, body, resp.Header, err)
	}
	for _, when := range []string{"under way", "before"} {
		resp, err := post(ctx, "/cancel")
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled %s: %v", when, err)
		}
		if err == nil {
			resp.Body.Close()
		}
	}
}

func TestPrometheusNewsAreForDebuggingOnly(t *testing.T) {
	for level, want := range map[slog.Level]bool{slog.LevelInfo: false, slog.LevelDebug: true} {
		var log bytes.Buffer
		s := open(t, promserver.Config{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level}))})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(log.String(), "Rule manager stopped"); got != want {
			t.Errorf("at level %s the log is %q", level, log.String())
		}
	}
}
