package local

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// gatewayMetrics are published in docs/metrics/gateway.prom.
type gatewayMetrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration prometheus.Histogram
	checks   *prometheus.CounterVec
	backends prometheus.Gauge
	ready    prometheus.Gauge
}

func newGatewayMetrics() *gatewayMetrics {
	m := &gatewayMetrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_requests_total",
			Help: "Requests by the status that the client got and the pod that was asked. Code 499: the client went first; code cut: the pod's answer ended before its end; pod none: no pod was ready.",
		}, []string{"code", "pod"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "gateway_request_duration_seconds",
			Help:    "Time from a request's arrival to the end of its answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, .75, 1, 2.5},
		}),
		checks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_readiness_checks_total",
			Help: "Readiness checks by pod and result.",
		}, []string{"pod", "result"}),
		backends: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "gateway_backends", Help: "Pods that are endpoints, ready or not.",
		}),
		ready: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "gateway_backends_ready", Help: "Pods that get requests.",
		}),
	}
	m.registry.MustRegister(m.requests, m.duration, m.checks, m.backends, m.ready)
	return m
}

func (m *gatewayMetrics) observe(pod, code string, d time.Duration) {
	m.requests.WithLabelValues(code, pod).Inc()
	m.duration.Observe(d.Seconds())
}

func (m *gatewayMetrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}
