package access

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are how reading the files again went.
type metrics struct{ failures, successful, at *prometheus.Desc }

func newMetrics() metrics {
	return metrics{
		failures:   prometheus.NewDesc("monitor_config_reload_failures_total", "Attempts to read the web configuration and the tokens again that failed.", nil, nil),
		successful: prometheus.NewDesc("monitor_config_last_reload_successful", "1 if the web configuration and the tokens in use are those of the files.", nil, nil),
		at:         prometheus.NewDesc("monitor_config_last_reload_success_timestamp_seconds", "When the web configuration and the tokens in use were read.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (a *Access) Describe(descs chan<- *prometheus.Desc) {
	m := newMetrics()
	descs <- m.failures
	descs <- m.successful
	descs <- m.at
}

// Collect implements prometheus.Collector.
func (a *Access) Collect(samples chan<- prometheus.Metric) {
	m := newMetrics()
	successful := 1.0
	if a.failing.Load() {
		successful = 0
	}
	samples <- prometheus.MustNewConstMetric(m.failures, prometheus.CounterValue, float64(a.failures.Load()))
	samples <- prometheus.MustNewConstMetric(m.successful, prometheus.GaugeValue, successful)
	at := time.Duration(a.succeeded.Load()).Seconds()
	samples <- prometheus.MustNewConstMetric(m.at, prometheus.GaugeValue, at)
}
