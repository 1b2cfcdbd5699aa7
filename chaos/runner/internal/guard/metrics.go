package guard

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// metrics are published in docs/metrics/guard.prom. What runs left in their Leases
// is read at each scrape, so that a guard that starts again serves it at once.
type metrics struct {
	registry *prometheus.Registry
	mirror   *mirror
	removed  prometheus.Counter
	errors   prometheus.Counter

	verdict *prometheus.Desc
	last    *prometheus.Desc
	spent   *prometheus.Desc
	runs    *prometheus.Desc
}

func newMetrics(m *mirror) *metrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	out := &metrics{
		registry: prometheus.NewRegistry(),
		mirror:   m,
		removed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "ballast_guard_removed_objects_total", Help: "Faults that the guard deleted and that are gone.",
		}),
		errors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "ballast_guard_errors_total", Help: "Requests to the API server that failed, watches too.",
		}),
		verdict: desc("ballast_experiment_verdict", "1 for the verdict of the experiment's last run that ended, 0 for the others.", "experiment", "verdict"),
		last:    desc("ballast_experiment_last_run_timestamp_seconds", "When the experiment's last run ended.", "experiment"),
		spent:   desc("ballast_experiment_budget_spent_ratio", "Share of the SLO's whole error budget that the experiment's last run spent; 1 is all.", "experiment", "slo"),
		runs:    desc("ballast_guard_runs", "Runs by state. live: the lease is renewed; dead: it is not, and something of the run is still there; ended: the lease is kept for these metrics.", "state"),
	}
	out.registry.MustRegister(out.removed, out.errors, out)
	return out
}

// Describe implements [prometheus.Collector].
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- m.verdict
	ch <- m.last
	ch <- m.spent
	ch <- m.runs
}

// Collect implements [prometheus.Collector].
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for experiment, l := range m.mirror.lastRuns() {
		if l.Summary == nil {
			continue
		}
		for _, v := range result.Verdicts() {
			is := 0.0
			if string(v) == l.Summary.Verdict {
				is = 1
			}
			gauge(m.verdict, is, experiment, string(v))
		}
		gauge(m.last, float64(l.Summary.Ended.UnixMilli())/1000, experiment)
		for slo, share := range l.Summary.Spent {
			gauge(m.spent, share, experiment, slo)
		}
	}
	c := Count(m.mirror.state(), time.Now())
	gauge(m.runs, float64(c.Live), "live")
	gauge(m.runs, float64(c.Dead), "dead")
	gauge(m.runs, float64(c.Ended), "ended")
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
