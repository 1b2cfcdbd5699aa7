package load

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	outcomeSuccess = "success"
	outcomeError   = "error"
)

// metrics are the client-side indicators. Their names and labels are published
// in docs/metrics/probe.prom; rules and experiments are tested against that file.
type metrics struct {
	registry *prometheus.Registry
	success  prometheus.Counter
	failure  prometheus.Counter
	duration prometheus.Histogram
	lag      prometheus.Histogram
}

// newMetrics calls before ahead of every collection.
func newMetrics(before func()) *metrics {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "probe_requests_total",
		Help: "Scheduled requests by outcome. A request without a 2xx answer within the timeout of its scheduled time is an error.",
	}, []string{"outcome"})
	m := &metrics{
		registry: prometheus.NewRegistry(),
		// Both exist from the start: a counter that appears with its first event
		// loses that event in rate and increase.
		success: requests.WithLabelValues(outcomeSuccess),
		failure: requests.WithLabelValues(outcomeError),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "probe_duration_seconds",
			Help:    "Time from the scheduled time of a request to its outcome. A request without an answer counts with the timeout.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, .75, 1, 2.5},
		}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "probe_send_lag_seconds",
			Help:    "Time from the scheduled time of a request to its sending: how far the load generator itself is behind.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .075, .1, .15, .25, .5, 1, 2.5},
		}),
	}
	m.registry.MustRegister(upToDate{before, []prometheus.Collector{requests, m.duration, m.lag}})
	return m
}

func (m *metrics) record(outcome string, d time.Duration) {
	if outcome == outcomeSuccess {
		m.success.Inc()
	} else {
		m.failure.Inc()
	}
	m.duration.Observe(d.Seconds())
}

func (m *metrics) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	return mux
}

// upToDate brings the ledger to the present before its collectors are read, so
// that no scrape is behind by a tick of ours.
type upToDate struct {
	before     func()
	collectors []prometheus.Collector
}

func (u upToDate) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range u.collectors {
		c.Describe(ch)
	}
}

func (u upToDate) Collect(ch chan<- prometheus.Metric) {
	u.before()
	for _, c := range u.collectors {
		c.Collect(ch)
	}
}
