package load

import (
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// newPodMetrics serves what one round saw, under the names and labels that are
// published in docs/metrics/probe-pods.prom. All are gauges: nothing is kept between
// two scrapes, so a round adds nothing up.
func newPodMetrics(name string, tries []try) http.Handler {
	requests := podGauge("probe_pod_requests", "outcome",
		"Requests of this round by outcome. A request without a whole 2xx answer within four fifths of the scrape's timeout is an error.")
	failures := podGauge("probe_pod_failures", "reason",
		"Errors of probe_pod_requests by reason, which are those of probe_request_failures_total.")
	connect := podGauge("probe_pod_connect_duration_seconds", "statistic",
		"Time to a connection, of those that were made in this round: their min, mean and max. Absent without one.")
	wait := podGauge("probe_pod_first_byte_duration_seconds", "statistic",
		"Time from a connection to the first byte of the answer, of the successes of this round: their min, mean and max. Absent without one.")
	whole := podGauge("probe_pod_duration_seconds", "statistic",
		"Time from the first packet to the end of the answer, of the successes of this round: their min, mean and max. Absent without one.")
	size := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "probe_pod_answer_bytes", Help: "Bytes of the bodies that were read in this round.",
	}, nil)

	offset := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "probe_pod_clock_offset_seconds",
		Help: "How far the pod's clock is ahead of the probe's, to a second, as the header Date of its answers says. Without such an answer there is none.",
	}, nil)

	for _, outcome := range []string{"success", "error"} {
		requests.WithLabelValues(outcome).Set(0)
	}
	for why := reasonConnect; why < reasonCount; why++ {
		failures.WithLabelValues(why.String()).Set(0)
	}
	var connects, waits, wholes []time.Duration
	for _, t := range tries {
		if t.why != reasonConnect {
			connects = append(connects, t.connect)
		}
		size.WithLabelValues().Add(float64(t.bytes))
		if t.dated {
			offset.WithLabelValues().Set(t.offset.Seconds())
		}
		if t.why != reasonNone {
			requests.WithLabelValues("error").Inc()
			failures.WithLabelValues(t.why.String()).Inc()
			continue
		}
		requests.WithLabelValues("success").Inc()
		waits, wholes = append(waits, t.wait), append(wholes, t.whole)
	}
	setStatistics(connect, connects)
	setStatistics(wait, waits)
	setStatistics(whole, wholes)

	registry := prometheus.NewRegistry()
	prometheus.WrapRegistererWith(prometheus.Labels{"probe": name}, registry).MustRegister(requests, failures, connect, wait, whole, size, offset)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

func podGauge(name, label, help string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{label})
}

// setStatistics sets those that tell faults apart. A delay moves the min, as every
// packet is late. A loss moves mean and max, as TCP sends again what was lost a
// fifth of a second or a second later, and leaves the min alone.
func setStatistics(g *prometheus.GaugeVec, of []time.Duration) {
	if len(of) == 0 {
		return
	}
	var sum time.Duration
	for _, d := range of {
		sum += d
	}
	g.WithLabelValues("min").Set(slices.Min(of).Seconds())
	g.WithLabelValues("mean").Set((sum / time.Duration(len(of))).Seconds())
	g.WithLabelValues("max").Set(slices.Max(of).Seconds())
}
