package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

type cpuEmitter struct {
	seconds, busy, mode, coreBusy, cores, load1, load5, load15 family
}

func newCPUEmitter() cpuEmitter {
	return cpuEmitter{
		seconds:  counter("cpu_seconds_total", "Time that a processor spent in a mode.", "cpu", "mode"),
		busy:     gauge("cpu_busy_ratio", "Share of the last interval in which the processors worked, over all of them."),
		mode:     gauge("cpu_mode_ratio", "Share of the last interval that the processors spent in a mode, over all of them.", "mode"),
		coreBusy: gauge("cpu_core_busy_ratio", "Share of the last interval in which a processor worked.", "cpu"),
		cores:    gauge("cpu_cores", "Logical processors that are online."),
		load1:    gauge("load1", "Load average over one minute."),
		load5:    gauge("load5", "Load average over five minutes."),
		load15:   gauge("load15", "Load average over fifteen minutes."),
	}
}

func (e cpuEmitter) describe(ch chan<- *prometheus.Desc) {
	describeAll(ch, e.seconds, e.busy, e.mode, e.coreBusy, e.cores, e.load1, e.load5, e.load15)
}

func (e cpuEmitter) emit(ch chan<- prometheus.Metric, s *sample.Snapshot, _ time.Time) {
	c := s.CPU
	if c == nil {
		return
	}
	for _, core := range c.Cores {
		if t := core.Times; t != nil {
			e.seconds.send(ch, t.User, core.ID, "user")
			e.seconds.send(ch, t.Nice, core.ID, "nice")
			e.seconds.send(ch, t.System, core.ID, "system")
			e.seconds.send(ch, t.Idle, core.ID, "idle")
			e.seconds.send(ch, t.IOWait, core.ID, "iowait")
			e.seconds.send(ch, t.IRQ, core.ID, "irq")
			e.seconds.send(ch, t.SoftIRQ, core.ID, "softirq")
			e.seconds.send(ch, t.Steal, core.ID, "steal")
		}
		if core.Usage != nil {
			e.coreBusy.send(ch, core.Usage.Busy/100, core.ID)
		}
	}
	e.cores.send(ch, float64(len(c.Cores)))
	if u := c.Usage; u != nil {
		e.busy.send(ch, u.Busy/100)
		e.mode.send(ch, u.User/100, "user")
		e.mode.send(ch, u.Nice/100, "nice")
		e.mode.send(ch, u.System/100, "system")
		e.mode.send(ch, u.Idle/100, "idle")
		e.mode.send(ch, u.IOWait/100, "iowait")
		e.mode.send(ch, u.IRQ/100, "irq")
		e.mode.send(ch, u.SoftIRQ/100, "softirq")
		e.mode.send(ch, u.Steal/100, "steal")
	}
	if l := c.Load; l != nil {
		e.load1.send(ch, l.One)
		e.load5.send(ch, l.Five)
		e.load15.send(ch, l.Fifteen)
	}
}
