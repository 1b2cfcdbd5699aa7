package load

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are the client-side indicators. Their names and labels are published
// in docs/metrics/probe.prom; rules and experiments are tested against that file.
type metrics struct {
	registry *prometheus.Registry
	success  prometheus.Counter
	failure  prometheus.Counter
	reasons  [reasonCount]prometheus.Counter // none for reasonNone
	duration prometheus.Histogram
	lag      prometheus.Histogram
}

// newMetrics calls before ahead of every collection. Each series has the label
// probe with the name.
func newMetrics(name string, before func()) *metrics {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "probe_requests_total",
		Help: "Scheduled requests by outcome. A request without a 2xx answer within the timeout of its scheduled time is an error.",
	}, []string{"outcome"})
	failures := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "probe_request_failures_total",
		Help: "Errors of probe_requests_total by reason. unsent: not sent in time; connect: no connection in time; reset: sent, and the connection ended before a whole header of an answer; timeout: sent, and no whole answer in time; cut: the answer ended within its body; status: not 2xx.",
	}, []string{"reason"})
	m := &metrics{
		registry: prometheus.NewRegistry(),
		// All exist from the start: a counter that appears with its first event
		// loses that event in rate and increase.
		success: requests.WithLabelValues("success"),
		failure: requests.WithLabelValues("error"),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "probe_request_duration_seconds",
			Help:    "Time from the scheduled time of a request to its outcome. A request without an answer counts with the timeout.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, .75, 1, 2.5},
		}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "probe_send_lag_seconds",
			Help:    "Time from the scheduled time of a request to its sending: how far the load generator itself is behind.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .075, .1, .15, .25, .5, 1, 2.5},
		}),
	}
	for why := reasonNone + 1; why < reasonCount; why++ {
		m.reasons[why] = failures.WithLabelValues(why.String())
	}
	prometheus.WrapRegistererWith(prometheus.Labels{"probe": name}, m.registry).MustRegister(upToDate{before, []prometheus.Collector{requests, failures, m.duration, m.lag}})
	return m
}

func (m *metrics) record(why reason, d time.Duration) {
	if why == reasonNone {
		m.success.Inc()
	} else {
		m.failure.Inc()
		m.reasons[why].Inc()
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
