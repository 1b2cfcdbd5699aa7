package metrics

import (
	"time"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

// statusEmitter says how the collectors themselves are doing.
type statusEmitter struct {
	success, supported, sampled, duration, reads, failures, skipped, unreadable, hostView *family
}

func newStatusEmitter() statusEmitter {
	const label = "collector"
	return statusEmitter{
		success:    gauge("collector_success", "Whether the collector's last attempt gave a reading.", label),
		supported:  gauge("collector_supported", "Whether there is anything here that the collector can read.", label),
		sampled:    gauge("collector_last_success_timestamp_seconds", "When the collector's last good reading was finished.", label),
		duration:   gauge("collector_duration_seconds", "How long the collector's last attempt took.", label),
		reads:      counter("collector_reads_total", "Attempts that the collector finished.", label),
		failures:   counter("collector_failures_total", "Attempts of the collector that gave no reading.", label),
		skipped:    counter("collector_lines_skipped_total", "Lines of the kernel's files that could not be read.", label),
		unreadable: gauge("collector_unreadable", "A file or mount point whose figures are absent, and why; always 1.", label, "path", "reason"),
		hostView:   gauge("collector_host_view", "Whether figures are the host's (1) or those of the container that this process is in (0); absent where that is not known.", label, "figures"),
	}
}

func (e statusEmitter) emit(w *writer, s *sample.Snapshot) {
	for _, st := range s.Statuses {
		name := string(st.Name)
		reads := st.Successes + st.Failures
		e.reads.send(w, float64(reads), name)
		e.failures.send(w, float64(st.Failures), name)
		if reads == 0 {
			// Neither success nor failure: there was no attempt yet.
			continue
		}
		e.skipped.send(w, float64(st.LinesSkipped), name)
		e.supported.send(w, flag(!st.Unsupported), name)
		if !st.Unsupported {
			e.success.send(w, flag(st.Err == nil), name)
		}
		e.duration.send(w, st.Duration.Seconds(), name)
		if st.Ready() {
			e.sampled.send(w, float64(st.SampledAt.UnixMilli())/1000, name)
		}
		e.unread(w, st)
		for _, scope := range st.Scopes {
			e.hostView.send(w, flag(scope.Host), name, scope.Figures)
		}
	}
}

// unread names what the reading lacks, each thing once.
func (e statusEmitter) unread(w *writer, st sample.Status) {
	said := make(map[[2]string]bool, len(st.Problems))
	for _, p := range st.Problems {
		key := [2]string{p.Path, string(p.Reason)}
		if !said[key] {
			said[key] = true
			e.unreadable.send(w, 1, string(st.Name), p.Path, string(p.Reason))
		}
	}
}

// ageEmitter has what grows between two snapshots.
type ageEmitter struct{ age, runtime *family }

func newAgeEmitter() ageEmitter {
	return ageEmitter{
		age:     gauge("collector_age_seconds", "Age of the collector's last good reading.", "collector"),
		runtime: gauge("runtime_age_seconds", "Age of the metrics of the process and of the Go runtime."),
	}
}

func (e ageEmitter) emit(w *writer, s *sample.Snapshot, now time.Time) {
	for _, st := range s.Statuses {
		if age, ok := st.Age(now); ok {
			e.age.send(w, age.Seconds(), string(st.Name))
		}
	}
}
