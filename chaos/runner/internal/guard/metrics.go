package guard

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ballast-sre/ballast/chaos/runner/internal/ledger"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// metrics are published in docs/metrics/guard.prom, those of runs in ballast.prom, too.
// What runs left in their Leases is read at each scrape, so that a guard that starts
// again serves it at once.
type metrics struct {
	registry *prometheus.Registry
	mirror   *mirror
	removed  prometheus.Counter
	errors   prometheus.Counter

	runs *prometheus.Desc
}

func newMetrics(m *mirror) *metrics {
	out := &metrics{
		registry: prometheus.NewRegistry(),
		mirror:   m,
		removed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "ballast_guard_removed_objects_total", Help: "Faults that the guard deleted and that are gone.",
		}),
		errors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "ballast_guard_errors_total", Help: "Requests to the API server that failed, watches too.",
		}),
		runs: prometheus.NewDesc("ballast_guard_runs",
			"Runs by state. live: the lease is renewed; dead: it is not, and something of the run is still there; ended: the lease is kept for these metrics.", []string{"state"}, nil),
	}
	out.registry.MustRegister(out.removed, out.errors, out, ledger.NewCollector(m.entries))
	return out
}

// Describe implements [prometheus.Collector].
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- m.runs
}

// Collect implements [prometheus.Collector].
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	c := Count(m.mirror.state(), time.Now())
	for state, n := range map[string]int{"live": c.Live, "dead": c.Dead, "ended": c.Ended} {
		ch <- prometheus.MustNewConstMetric(m.runs, prometheus.GaugeValue, float64(n), state)
	}
}

// entries are the last runs of all experiments, as they left them in their Leases.
func (m *mirror) entries() []ledger.Entry {
	var out []ledger.Entry
	for experiment, l := range m.lastRuns() {
		s := l.Summary
		if s == nil {
			continue
		}
		out = append(out, ledger.Entry{
			Experiment: experiment, Target: result.TargetCluster, Verdict: result.Verdict(s.Verdict), Reason: result.Reason(s.Reason),
			Started: s.Started, Ended: s.Ended, Spent: s.Spent,
			Detection: (*result.Seconds)(s.Detection), Recovery: (*result.Seconds)(s.Recovery),
		})
	}
	return out
}

// Handler serves /metrics and /healthz. The latter is 503, with the reasons, once
// a watch has been broken for more than 30 s.
func (g *Guard) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(g.metrics.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if broken := g.mirror.broken(time.Now()); len(broken) > 0 {
			http.Error(w, strings.Join(broken, "\n"), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	return mux
}
