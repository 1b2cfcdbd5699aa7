package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/ballast-sre/ballast/dashboards/internal/lint"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/promserver"
	"github.com/ballast-sre/ballast/platform/cluster/git"
)

// sandbox is a real measurement of pushes, which is scraped, and an Argo CD that deploys each
// push after a while, or never.
type sandbox struct {
	lead   *git.Lead
	series map[string]*prom.Series // by their labels

	mu      sync.Mutex
	runs    int // the last push that runs
	healthy bool
}

func (s *sandbox) list(context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	health := map[bool]string{true: "Healthy", false: "Degraded"}[s.healthy]
	return fmt.Appendf(nil, `{"kind": "ApplicationList", "items": [{"metadata": {"name": "shop"},
  "spec": {"source": {"repoURL": "http://git.test/shop.git", "path": "chart"}},
  "status": {"sync": {"status": "Synced", "revision": "%03d"}, "health": {"status": %q}}}]}`, s.runs, health), nil
}

// push is followed, and deployed after a time.
func (s *sandbox) push(n int, after time.Duration, healthy bool) {
	s.lead.Follow(git.Push{Repository: "shop", Ref: "refs/heads/main", New: fmt.Sprintf("%03d", n), Files: []string{"chart/values.yaml"}, Received: time.Now()})
	time.Sleep(after)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs, s.healthy = n, healthy
}

// scrape adds what the program exports now.
func (s *sandbox) scrape(t *testing.T) {
	t.Helper()
	rec := httptest.NewRecorder()
	s.lead.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	p := expfmt.NewTextParser(model.UTF8Validation)
	families, err := p.TextToMetricFamilies(rec.Body)
	if err != nil {
		t.Fatal(err)
	}
	for name, family := range families {
		samples, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{Timestamp: model.Now()}, family)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, sample := range samples {
			key := sample.Metric.String()
			if s.series[key] == nil {
				s.series[key] = &prom.Series{Labels: map[string]string{"job": "ballast-git", "namespace": "ballast-system"}}
				for label, value := range sample.Metric {
					s.series[key].Labels[string(label)] = string(value)
				}
			}
			s.series[key].Points = append(s.series[key].Points, prom.Sample{T: time.Now(), V: float64(sample.Value)})
		}
	}
}

// What the builder itself measures and exports is what the dashboard shows: of pushes that
// serve, of those that are slow, and of those that never do.
func TestTheDashboardShowsWhatTheBuilderMeasures(t *testing.T) {
	all := generated(t)
	board := all[slices.IndexFunc(all, func(d lint.Dashboard) bool { return d.UID == uidPlatform })]
	for name, tt := range map[string]struct {
		after   time.Duration
		healthy bool
		want    map[string]string // of panels, a regular expression
		colours map[string]string
	}{
		"pushes serve in half a minute": {
			28 * time.Second, true,
			map[string]string{
				"Half serve within": `^ (2\d|30)(\.\d+)?\n$`, "Nine of ten serve within": `^ (2\d|30)(\.\d+)?\n$`,
				"Pushes that do not serve": `^ 0\n$`, "Waiting": `^ 0\n$`,
				"From push to serving": `^built=no .* (2\d|30)(\.\d+)?\n`, "Pushes": `(?m)^outcome=serving .* [1-9]`,
			},
			map[string]string{"Half serve within": "green", "Pushes that do not serve": "green", "Waiting": "green"},
		},
		"pushes serve after minutes": {
			250 * time.Second, true,
			map[string]string{"Half serve within": `^ 2\d\d(\.\d+)?\n$`, "Nine of ten serve within": `^ 2\d\d(\.\d+)?\n$`, "Pushes that do not serve": `^ 0\n$`, "Waiting": `^ 0\n$`},
			map[string]string{"Half serve within": "orange", "Nine of ten serve within": "orange", "Pushes that do not serve": "green"},
		},
		"what is pushed breaks the application": {
			28 * time.Second, false,
			map[string]string{"Half serve within": `^( NaN\n)?$`, "Pushes that do not serve": `^ [1-9]`, "Waiting": `^ [1-9]\d\d`, "Pushes": `(?m)^outcome=late .* [1-9]`},
			map[string]string{"Pushes that do not serve": "red", "Waiting": "red"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := answers{}
			synctest.Test(t, func(t *testing.T) {
				s := &sandbox{series: map[string]*prom.Series{}}
				s.lead = git.NewLead(s.list, "http://git.test", slog.New(slog.NewTextHandler(t.Output(), nil)))
				ctx, stop := context.WithCancel(t.Context())
				var work sync.WaitGroup
				work.Go(func() {
					s.lead.Run(ctx, func(_ context.Context, _, commit, revision string) bool { return commit <= revision })
				})
				for n := range 6 {
					if n > 0 {
						work.Go(func() { s.push(n, tt.after, tt.healthy) })
					}
					for range 20 {
						time.Sleep(15 * time.Second)
						synctest.Wait()
						s.scrape(t)
					}
				}
				stop()
				work.Wait()
				s.answer(t, board, got)
			})
			for title, want := range tt.want {
				p := got["Platform: From push to serving: "+title]
				if p == nil {
					t.Errorf("there is no panel %s", title)
				} else if !regexp.MustCompile(want).MatchString(p.texts[0]) {
					t.Errorf("%s shows %q, want %s", title, p.texts[0], want)
				}
			}
			for title, want := range tt.colours {
				if p := got["Platform: From push to serving: "+title]; p == nil || p.colours[""] != want {
					t.Errorf("%s is not %s: %+v", title, want, p)
				}
			}
		})
	}
}

// answer asks the queries about pushes of a Prometheus that has scraped the sandbox.
func (s *sandbox) answer(t *testing.T, board lint.Dashboard, got answers) {
	t.Helper()
	var all []prom.Series
	for _, one := range s.series {
		all = append(all, *one)
	}
	server, err := promserver.Open(promserver.Config{Dir: t.TempDir(), History: all})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	}()
	c, err := prom.New(prom.Config{URL: "http://embedded", Timeout: time.Hour, RoundTripper: promserver.Transport(server.Handler())})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := reader{c, board, time.Now()}
	// As long as Grafana makes it at a step of 5 minutes: a step and a scrape.
	chosen := map[string]string{"namespace": ".*", "__rate_interval": "315s"}
	for _, p := range board.Panels {
		if !strings.HasPrefix(board.Key(p), "Platform: From push to serving: ") {
			continue
		}
		shown := shown{}
		for i, target := range p.Targets {
			series, err := r.answer(t.Context(), target, chosen)
			if err == nil {
				err = got.of(board, p).add(i, series, shown)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}
