package metrics

import "github.com/ballast-sre/ballast/src/monitor/internal/host"

// pressureFamily is how long tasks waited for a resource.
func pressureFamily(of, what string) *family {
	return counter(of+"_pressure_seconds_total", "Time in which some tasks, or all that were not idle, waited for "+what+".", "stalled")
}

// sendPressure sends what the kernel counts of it.
func sendPressure(w *writer, f *family, p *host.Pressure) {
	if p == nil {
		return
	}
	f.send(w, p.Some.Seconds, "some")
	if p.Full != nil {
		f.send(w, p.Full.Seconds, "full")
	}
}
