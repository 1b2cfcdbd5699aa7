package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

// statusEmitter says how the collectors themselves are doing.
type statusEmitter struct {
	success, supported, age, sampled, duration, reads, failures, skipped, unreadable family
}

func newStatusEmitter() statusEmitter {
	const label = "collector"
	return statusEmitter{
		success:    gauge("collector_success", "Whether the collector's last attempt gave a reading.", label),
		supported:  gauge("collector_supported", "Whether there is anything here that the collector can read.", label),
		age:        gauge("collector_age_seconds", "Age of the collector's last good reading.", label),
		sampled:    gauge("collector_last_success_timestamp_seconds", "When the collector's last good reading was finished.", label),
		duration:   gauge("collector_duration_seconds", "How long the collector's last attempt took.", label),
		reads:      counter("collector_reads_total", "Attempts that the collector finished.", label),
		failures:   counter("collector_failures_total", "Attempts of the collector that gave no reading.", label),
		skipped:    counter("collector_lines_skipped_total", "Lines of the kernel's files that could not be read.", label),
		unreadable: gauge("collector_unreadable", "A file or mount point whose figures are absent, and why; always 1.", label, "path", "reason"),
	}
}

func (e statusEmitter) describe(ch chan<- *prometheus.Desc) {
	describeAll(ch, e.success, e.supported, e.age, e.sampled, e.duration, e.reads, e.failures, e.skipped, e.unreadable)
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
		e.skipped.send(ch, float64(st.LinesSkipped), name)
		e.supported.send(ch, flag(!st.Unsupported), name)
		if !st.Unsupported {
			e.success.send(ch, flag(st.Err == nil), name)
		}
		e.duration.send(ch, st.Duration.Seconds(), name)
		if age, ok := st.Age(now); ok {
			e.age.send(ch, age.Seconds(), name)
			e.sampled.send(ch, float64(st.SampledAt.UnixMilli())/1000, name)
		}
		e.unread(ch, st)
	}
}

// unread names what the reading lacks, each thing once.
func (e statusEmitter) unread(ch chan<- prometheus.Metric, st sample.Status) {
	said := make(map[[2]string]bool, len(st.Problems))
	for _, p := range st.Problems {
		key := [2]string{p.Path, string(p.Reason)}
		if !said[key] {
			said[key] = true
			e.unreadable.send(ch, 1, string(st.Name), p.Path, string(p.Reason))
		}
	}
}
