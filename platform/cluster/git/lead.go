package git

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Lead measures how long it takes from a push until what was pushed serves: until every
// application that the push changes runs it, or a later push, and is healthy. A push that
// changes no application is not measured. As it looks at the applications, it also counts what
// Argo CD heals. The metrics are published in docs/metrics/git.prom.
type Lead struct {
	list   func(ctx context.Context) ([]byte, error)
	base   string
	logger *slog.Logger

	registry *prometheus.Registry
	serving  *prometheus.HistogramVec
	pushes   *prometheus.CounterVec
	drift    *drift // only Run looks

	mu      sync.Mutex
	waiting []*followed
}

// followed is a push that does not serve yet.
type followed struct {
	received time.Time
	since    time.Time // when it began to be followed
	built    bool
	// parts are what was pushed, and what the builder wrote into the deploy repository for it.
	parts []Push
}

// How often Argo CD's applications are looked at while a push is waited for, and for how
// long. An environment is degraded after a quarter of an hour, too. While none waits, what
// was healed may be seen later.
const (
	lookEvery  = time.Second
	lookAtMost = 15 * time.Minute
	idleEvery  = 10 * time.Second
)

// What became of a push.
const (
	outcomeServing  = "serving"
	outcomeNotBuilt = "not-built"
	outcomeLate     = "late"
)

// NewLead makes one. list is the API server's list of applications, and base is how these
// name the server of the repositories: http://HOST.
func NewLead(list func(ctx context.Context) ([]byte, error), base string, logger *slog.Logger) *Lead {
	l := &Lead{
		list: list, base: base, logger: logger,
		registry: prometheus.NewRegistry(),
		serving: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "ballast_push_serving_seconds",
			Help:    "From the end of a push until every application that it changes runs it and is healthy. built: whether images were built for it.",
			Buckets: []float64{5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200},
		}, []string{"built"}),
		pushes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ballast_pushes_total",
			Help: "Pushes that change applications, by outcome. serving: it serves; not-built: an image could not be built or recorded; late: it did not serve a quarter of an hour after it was built.",
		}, []string{"outcome"}),
		drift: newDrift(),
	}
	l.registry.MustRegister(l.serving, l.pushes, l.drift.healed, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "ballast_push_waiting_seconds",
		Help: "How long the oldest push has waited that does not serve yet. 0: none waits.",
	}, func() float64 { return l.longest().Seconds() }))
	// Increases are seen from 0 on only where 0 was exported.
	for _, built := range []bool{false, true} {
		l.serving.WithLabelValues(label(built))
	}
	for _, outcome := range []string{outcomeServing, outcomeNotBuilt, outcomeLate} {
		l.pushes.WithLabelValues(outcome)
	}
	return l
}

func label(built bool) string {
	if built {
		return "yes"
	}
	return "no"
}

// ServeHTTP serves the metrics.
func (l *Lead) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	promhttp.HandlerFor(l.registry, promhttp.HandlerOpts{}).ServeHTTP(w, r)
}

// Follow waits for a push to serve. deploys is what the builder wrote into the deploy
// repository for it, if anything.
func (l *Lead) Follow(p Push, deploys ...Push) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, &followed{received: p.Received, since: time.Now(), built: len(deploys) > 0, parts: append([]Push{p}, deploys...)})
}

// NotBuilt counts a push of which an image could not be built or recorded.
func (l *Lead) NotBuilt() { l.pushes.WithLabelValues(outcomeNotBuilt).Inc() }

func (l *Lead) longest() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	var longest time.Duration
	for _, f := range l.waiting {
		longest = max(longest, time.Since(f.received))
	}
	return longest
}

// Run looks at the applications, more often while pushes wait, until ctx ends. has says
// whether a revision of a repository has a commit in its history.
func (l *Lead) Run(ctx context.Context, has func(ctx context.Context, repository, commit, revision string) bool) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	failed := "" // what kept the applications from being seen the last time
	var looked time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		l.mu.Lock()
		waiting := slices.Clone(l.waiting)
		l.mu.Unlock()
		if len(waiting) == 0 && time.Since(looked) < idleEvery {
			continue
		}
		looked = time.Now()
		said := ""
		apps, err := l.applications(ctx)
		switch {
		case err == nil:
			l.drift.look(apps)
		case len(waiting) == 0: // such as before Argo CD is installed; the counter is an extra
		default:
			said = err.Error()
			if said != failed && ctx.Err() == nil {
				l.logger.Warn("whether a push serves is not known", "error", err)
			}
		}
		failed = said
		for _, f := range waiting {
			l.look(ctx, f, apps, err == nil, has)
		}
	}
}

func (l *Lead) applications(ctx context.Context) ([]application, error) {
	text, err := l.list(ctx)
	if err != nil {
		return nil, err
	}
	return readApplications(text)
}

// look ends the wait for a push that serves, that changes nothing, or that is late. apps are
// known or they are not.
func (l *Lead) look(ctx context.Context, f *followed, apps []application, known bool, has contains) {
	changes, serves := 0, true
	for _, p := range f.parts {
		for _, a := range apps {
			for _, source := range a.changedBy(p, l.base) {
				changes++
				serves = serves && a.serves(ctx, p, source, has)
			}
		}
	}
	switch {
	case known && changes == 0: // nobody deploys it
	case known && serves:
		l.serving.WithLabelValues(label(f.built)).Observe(time.Since(f.received).Seconds())
		l.pushes.WithLabelValues(outcomeServing).Inc()
	case time.Since(f.since) >= lookAtMost:
		l.pushes.WithLabelValues(outcomeLate).Inc()
	default:
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = slices.DeleteFunc(l.waiting, func(other *followed) bool { return other == f })
}

// Contains says whether a revision of a repository has a commit in its history.
func (s *Server) Contains(ctx context.Context, repository, commit, revision string) bool {
	_, err := command(ctx, "", "--git-dir="+s.Path(repository), "merge-base", "--is-ancestor", commit, revision)
	return err == nil
}
