package metrics

import (
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

type cpuEmitter struct {
	seconds, busy, mode, coreBusy, cores, hertz, load1, load5, load15, pressure *family
}

func newCPUEmitter() cpuEmitter {
	return cpuEmitter{
		seconds:  counter("cpu_seconds_total", "Time that a processor spent in a mode.", "cpu", "mode"),
		busy:     gauge("cpu_busy_ratio", "Share of the last interval in which the processors worked, over all of them."),
		mode:     gauge("cpu_mode_ratio", "Share of the last interval that the processors spent in a mode, over all of them.", "mode"),
		coreBusy: gauge("cpu_core_busy_ratio", "Share of the last interval in which a processor worked.", "cpu"),
		cores:    gauge("cpu_cores", "Logical processors that are online."),
		hertz:    gauge("cpu_frequency_hertz", "How fast a processor runs; absent where its driver does not say.", "cpu"),
		load1:    gauge("load1", "Load average over one minute."),
		load5:    gauge("load5", "Load average over five minutes."),
		load15:   gauge("load15", "Load average over fifteen minutes."),
		pressure: pressureFamily("cpu", "a processor"),
	}
}

func (e cpuEmitter) emit(w *writer, s *sample.Snapshot) {
	c := s.CPU
	if c == nil {
		return
	}
	for _, core := range c.Cores {
		if t := core.Times; t != nil {
			e.seconds.send(w, t.User, core.ID, "user")
			e.seconds.send(w, t.Nice, core.ID, "nice")
			e.seconds.send(w, t.System, core.ID, "system")
			e.seconds.send(w, t.Idle, core.ID, "idle")
			e.seconds.send(w, t.IOWait, core.ID, "iowait")
			e.seconds.send(w, t.IRQ, core.ID, "irq")
			e.seconds.send(w, t.SoftIRQ, core.ID, "softirq")
			e.seconds.send(w, t.Steal, core.ID, "steal")
		}
		if core.Usage != nil {
			e.coreBusy.send(w, core.Usage.Busy/100, core.ID)
		}
		if core.Hertz != nil {
			e.hertz.send(w, *core.Hertz, core.ID)
		}
	}
	e.cores.send(w, float64(len(c.Cores)))
	if u := c.Usage; u != nil {
		e.busy.send(w, u.Busy/100)
		e.mode.send(w, u.User/100, "user")
		e.mode.send(w, u.Nice/100, "nice")
		e.mode.send(w, u.System/100, "system")
		e.mode.send(w, u.Idle/100, "idle")
		e.mode.send(w, u.IOWait/100, "iowait")
		e.mode.send(w, u.IRQ/100, "irq")
		e.mode.send(w, u.SoftIRQ/100, "softirq")
		e.mode.send(w, u.Steal/100, "steal")
	}
	if l := c.Load; l != nil {
		e.load1.send(w, l.One)
		e.load5.send(w, l.Five)
		e.load15.send(w, l.Fifteen)
	}
	sendPressure(w, e.pressure, c.Pressure)
}
