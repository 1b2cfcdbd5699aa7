package git

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ballast-sre/ballast/tests/golden"
)

var update = flag.Bool("update", false, "rewrite docs/metrics/git.prom")

// argocd is one whose only application, shop, takes a chart and a digest.
type argocd struct {
	mu            sync.Mutex
	chart, digest string // the commits that run
	health        string
	healed        int
	err           error
}

func (a *argocd) list(context.Context) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return fmt.Appendf(nil, `{"kind": "ApplicationList", "items": [{
  "metadata": {"name": "shop", "annotations": {"argocd.argoproj.io/manifest-generate-paths": "/chart;/shop"}},
  "spec": {"sources": [{"repoURL": "http://git.test/shop.git", "path": "chart"}, {"repoURL": "http://git.test/deploy.git"}]},
  "status": {"sync": {"status": "Synced", "revisions": [%q, %q]}, "health": {"status": %q},
    "operationState": {"phase": "Succeeded", "operation": {"sync": {"autoHealAttemptsCount": %d}}}}}]}`, a.chart, a.digest, a.health, a.healed), a.err
}

func (a *argocd) runs(chart, digest, health string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.chart, a.digest, a.health = chart, digest, health
}

func (a *argocd) heals(times int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.healed = times
}

func (a *argocd) fails(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.err = err
}

// measured runs a test with a Lead that looks at an Argo CD, in time of its own. Commits are
// letters, each of which contains those before it.
func measured(t *testing.T, test func(t *testing.T, l *Lead, a *argocd)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a := &argocd{chart: "a", digest: "a", health: "Healthy"}
		l := NewLead(a.list, "http://git.test", slog.New(slog.NewTextHandler(t.Output(), nil)))
		ctx, stop := context.WithCancel(t.Context())
		var work sync.WaitGroup
		work.Go(func() {
			l.Run(ctx, func(_ context.Context, _, commit, revision string) bool { return commit <= revision })
		})
		test(t, l, a)
		stop()
		work.Wait()
	})
}

// pushed is a push of the chart.
func pushed(commit string) Push {
	return Push{Repository: "shop", Ref: "refs/heads/main", New: commit, Files: []string{"chart/values.yaml"}, Received: time.Now()}
}

// program is a push of the program, and what the builder makes of it.
func program(commit, digest string) (Push, Push) {
	p := pushed(commit)
	p.Files = []string{"app/main.go"}
	return p, Push{Repository: Deploy, Ref: "refs/heads/main", New: digest, Files: []string{"shop/values.yaml"}}
}

func (l *Lead) text(t *testing.T) string {
	t.Helper()
	synctest.Wait()
	rec := httptest.NewRecorder()
	l.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	return rec.Body.String()
}

// want fails a test whose metrics lack one of the lines.
func (l *Lead) want(t *testing.T, lines ...string) {
	t.Helper()
	text := l.text(t)
	for _, line := range lines {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %q in\n%s", line, text)
		}
	}
}

// The published exposition is what the dashboard is checked against.
func TestGoldenMetricsOfPushesAreThePublishedExposition(t *testing.T) {
	measured(t, func(t *testing.T, l *Lead, a *argocd) {
		l.Follow(pushed("b"))
		time.Sleep(12*time.Second + 500*time.Millisecond)
		a.runs("b", "a", "Healthy")
		time.Sleep(time.Minute)
		p, digest := program("c", "b")
		time.Sleep(20 * time.Second) // it is built
		l.Follow(p, digest)
		time.Sleep(8 * time.Second)
		a.runs("b", "b", "Progressing")
		time.Sleep(6 * time.Second)
		a.runs("b", "b", "Healthy")
		time.Sleep(time.Minute)
		l.NotBuilt()
		l.Follow(pushed("d"))
		time.Sleep(16 * time.Minute)
		a.heals(1)
		l.Follow(pushed("e"))
		time.Sleep(40 * time.Second)
		golden.Compare(t, "../../../docs/metrics/git.prom", l.text(t), *update)
	})
}

func TestEveryPushThatOverlapsIsMeasured(t *testing.T) {
	measured(t, func(t *testing.T, l *Lead, a *argocd) {
		l.Follow(pushed("b"))
		time.Sleep(20 * time.Second)
		l.Follow(pushed("c"))
		time.Sleep(4*time.Second + 500*time.Millisecond)
		a.runs("b", "a", "Healthy") // the first one alone
		time.Sleep(time.Second)
		l.want(t, `ballast_pushes_total{outcome="serving"} 1`, `ballast_push_serving_seconds_sum{built="no"} 25`, `ballast_push_waiting_seconds 5.5`)
		l.Follow(pushed("d"))
		time.Sleep(10 * time.Second)
		a.runs("d", "a", "Healthy") // the others at once
		time.Sleep(time.Second)
		l.want(t, `ballast_pushes_total{outcome="serving"} 3`, `ballast_push_serving_seconds_count{built="no"} 3`, `ballast_push_waiting_seconds 0`)
	})
}

func TestAPushIsOnlyMeasuredWhereItServes(t *testing.T) {
	for name, tt := range map[string]struct {
		push func(l *Lead, a *argocd)
		want []string
	}{
		"one that changes no application": {
			func(l *Lead, _ *argocd) {
				p := pushed("b")
				p.Files = []string{"README.md"}
				l.Follow(p)
			},
			[]string{`ballast_pushes_total{outcome="serving"} 0`, `ballast_pushes_total{outcome="late"} 0`, `ballast_push_waiting_seconds 0`},
		},
		"one that breaks what it deploys": {
			func(l *Lead, a *argocd) {
				l.Follow(pushed("b"))
				a.runs("b", "a", "Degraded")
			},
			[]string{`ballast_pushes_total{outcome="serving"} 0`, `ballast_pushes_total{outcome="late"} 1`, `ballast_push_serving_seconds_count{built="no"} 0`, `ballast_push_waiting_seconds 0`},
		},
		"one whose digest is not deployed": {
			func(l *Lead, a *argocd) {
				p, digest := program("b", "b")
				l.Follow(p, digest)
				a.runs("b", "a", "Healthy")
			},
			[]string{`ballast_pushes_total{outcome="late"} 1`, `ballast_push_serving_seconds_count{built="yes"} 0`},
		},
		"one of which nothing is known, as the API server does not answer": {
			func(l *Lead, a *argocd) {
				l.Follow(pushed("b"))
				a.runs("b", "a", "Healthy")
				a.fails(errors.New("connection refused"))
			},
			[]string{`ballast_pushes_total{outcome="serving"} 0`, `ballast_pushes_total{outcome="late"} 1`},
		},
		"one whose image could not be built": {
			func(l *Lead, _ *argocd) { l.NotBuilt() },
			[]string{`ballast_pushes_total{outcome="not-built"} 1`, `ballast_push_waiting_seconds 0`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			measured(t, func(t *testing.T, l *Lead, a *argocd) {
				tt.push(l, a)
				time.Sleep(lookAtMost + time.Minute)
				l.want(t, tt.want...)
			})
		})
	}
}

func TestAnAPIServerThatIsGoneForAWhileIsWaitedFor(t *testing.T) {
	measured(t, func(t *testing.T, l *Lead, a *argocd) {
		a.fails(errors.New("connection refused"))
		l.Follow(pushed("b"))
		a.runs("b", "a", "Healthy")
		time.Sleep(30 * time.Second)
		l.want(t, `ballast_pushes_total{outcome="serving"} 0`, `ballast_push_waiting_seconds 30`)
		a.fails(nil)
		time.Sleep(2 * time.Second)
		l.want(t, `ballast_pushes_total{outcome="serving"} 1`)
	})
}
