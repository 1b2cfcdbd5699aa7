package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

// statusEmitter says how the collectors themselves are doing.
type statusEmitter struct {
	success, age, sampled, duration, reads, failures family
}

func newStatusEmitter() statusEmitter {
	const label = "collector"
	return statusEmitter{
		success:  gauge("collector_success", "Whether the collector's last attempt gave a reading.", label),
		age:      gauge("collector_age_seconds", "Age of the collector's last good reading.", label),
		sampled:  gauge("collector_last_success_timestamp_seconds", "When the collector's last good reading was finished.", label),
		duration: gauge("collector_duration_seconds", "How long the collector's last attempt took.", label),
		reads:    counter("collector_reads_total", "Attempts that the collector finished.", label),
		failures: counter("collector_failures_total", "Attempts of the collector that gave no reading.", label),
	}
}

func (e statusEmitter) describe(ch chan<- *prometheus.Desc) {
	describeAll(ch, e.success, e.age, e.sampled, e.duration, e.reads, e.failures)
}

func (e statusEmitter) emit(ch chan<- prometheus.Metric, s *sample.Snapshot, now time.Time) {
	for _, st := range s.Statuses {
		name := string(st.Name)
		reads := st.Successes + st.Failures
		e.reads.send(ch, float64(reads), name)
		e.failures.send(ch, float64(st.Failures), name)
		if reads == 0 {
			// Neither success nor failure: there was no attempt yet.
			continue
		}
		success := 1.0
		if st.Err != nil {
			success = 0
		}
		e.success.send(ch, success, name)
		e.duration.send(ch, st.Duration.Seconds(), name)
		if age, ok := st.Age(now); ok {
			e.age.send(ch, age.Seconds(), name)
			e.sampled.send(ch, float64(st.SampledAt.UnixMilli())/1000, name)
		}
	}
}
