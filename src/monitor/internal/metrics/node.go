package metrics

import (
	"net/http"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/ballast-sre/ballast/src/monitor/internal/host"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

// NodePage answers scrapes with the figures of the host under the names,
// labels and units that node_exporter has for them, where the meaning is the
// same, so that its rules and dashboards work.
type NodePage struct {
	renderings
	now *family
}

// NewNode returns the page of the chosen collectors.
func NewNode(snapshot func() *sample.Snapshot, collectors []sample.Name) *NodePage {
	p := &NodePage{now: node(gaugeKind, "time_seconds", "The time now, in seconds since 1970.")}
	var parts []emitter
	for _, name := range collectors {
		switch name {
		case sample.CPU:
			parts = append(parts, newNodeCPU())
		case sample.Memory:
			parts = append(parts, newNodeMemory())
		case sample.Disk:
			parts = append(parts, newNodeDisk())
		case sample.Network:
			parts = append(parts, newNodeNetwork())
		case sample.System:
			parts = append(parts, newNodeSystem(), newNodeTemperature())
		case sample.Cgroup, sample.Processes: // node_exporter has neither
		}
	}
	p.begin(snapshot, parts...)
	return p
}

// Take replaces the families of other programs, which the page shows behind those of
// the host from the next snapshot on. The caller must not change them any more. A
// family with a name that the page has itself is left out.
func (p *NodePage) Take(families []*dto.MetricFamily) {
	others := make([]*dto.MetricFamily, 0, len(families))
	for _, f := range families {
		if f.GetName() != p.now.name { // which each scrape has at its end
			others = append(others, f)
		}
	}
	p.others.Store(&foreign{families: others})
}

// ServeHTTP implements http.Handler.
func (p *NodePage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	form, contentType := negotiate(r)
	rendered := p.snapshot(form)
	tail := newWriter(form)
	p.now.send(tail, float64(time.Now().UnixMilli())/1000)
	end := tail.bytes()
	if form == openMetrics {
		end = append(end, "# EOF\n"...)
	}
	p.send(w, r, contentType, []*chunk{&rendered.chunk}, end)
}

// node is a family by node_exporter's name.
func node(k kind, name, help string, labels ...string) *family {
	return &family{"node_" + name, help, k, labels}
}

type nodeCPU struct{ seconds, hertz, load1, load5, load15, waiting *family }

func newNodeCPU() nodeCPU {
	return nodeCPU{
		seconds: node(counterKind, "cpu_seconds_total", "Time that a processor spent in a mode.", "cpu", "mode"),
		hertz:   node(gaugeKind, "cpu_scaling_frequency_hertz", "How fast a processor runs.", "cpu"),
		load1:   node(gaugeKind, "load1", "Load average over one minute."),
		load5:   node(gaugeKind, "load5", "Load average over five minutes."),
		load15:  node(gaugeKind, "load15", "Load average over fifteen minutes."),
		waiting: node(counterKind, "pressure_cpu_waiting_seconds_total", "Time in which some tasks waited for a processor."),
	}
}

func (e nodeCPU) emit(w *writer, s *sample.Snapshot) {
	c := s.CPU
	if c == nil {
		return
	}
	for _, core := range c.Cores {
		if t := core.Times; t != nil {
			e.seconds.send(w, t.Idle, core.ID, "idle")
			e.seconds.send(w, t.IOWait, core.ID, "iowait")
			e.seconds.send(w, t.IRQ, core.ID, "irq")
			e.seconds.send(w, t.Nice, core.ID, "nice")
			e.seconds.send(w, t.SoftIRQ, core.ID, "softirq")
			e.seconds.send(w, t.Steal, core.ID, "steal")
			e.seconds.send(w, t.System, core.ID, "system")
			e.seconds.send(w, t.User, core.ID, "user")
		}
		if core.Hertz != nil {
			e.hertz.send(w, *core.Hertz, core.ID)
		}
	}
	if l := c.Load; l != nil {
		e.load1.send(w, l.One)
		e.load5.send(w, l.Five)
		e.load15.send(w, l.Fifteen)
	}
	if c.Pressure != nil {
		e.waiting.send(w, c.Pressure.Some.Seconds)
	}
}

// newNodeSystem sends what the monitor's own families have, under other names.
func newNodeSystem() systemEmitter {
	return systemEmitter{
		boot:       node(gaugeKind, "boot_time_seconds", "When the kernel was started, in seconds since 1970."),
		uname:      node(gaugeKind, "uname_info", "What uname says of the kernel and the host; always 1.", "machine", "nodename", "release", "sysname", "version"),
		handles:    node(gaugeKind, "filefd_allocated", "Files that all processes have open."),
		handlesMax: node(gaugeKind, "filefd_maximum", "Files that all processes may have open."),
	}
}

// nodeTemperature has the names of chips and sensors in families of their own.
type nodeTemperature struct{ celsius, most, critical, chip, label *family }

func newNodeTemperature() nodeTemperature {
	of := func(name, help string) *family { return node(gaugeKind, "hwmon_"+name, help, "chip", "sensor") }
	return nodeTemperature{
		celsius:  of("temp_celsius", "What a sensor says."),
		most:     of("temp_max_celsius", "The highest that a sensor should say, by its driver."),
		critical: of("temp_crit_celsius", "What a sensor must not say, by its driver."),
		chip:     node(gaugeKind, "hwmon_chip_names", "The name of a chip's driver; always 1.", "chip", "chip_name"),
		label:    node(gaugeKind, "hwmon_sensor_label", "The driver's name for a sensor; always 1.", "chip", "label", "sensor"),
	}
}

func (e nodeTemperature) emit(w *writer, s *sample.Snapshot) {
	if s.System == nil {
		return
	}
	chip := ""
	for _, t := range s.System.Temperatures {
		e.celsius.send(w, t.Celsius, t.Chip, t.Sensor)
		if t.MaxCelsius != nil {
			e.most.send(w, *t.MaxCelsius, t.Chip, t.Sensor)
		}
		if t.CriticalCelsius != nil {
			e.critical.send(w, *t.CriticalCelsius, t.Chip, t.Sensor)
		}
		if t.Label != "" {
			e.label.send(w, 1, t.Chip, t.Label, t.Sensor)
		}
		if t.Chip != chip && t.Driver != "" { // they are sorted
			e.chip.send(w, 1, t.Chip, t.Driver)
		}
		chip = t.Chip
	}
}

// stalls are the families of what is waited for: some tasks, and all.
type stalls struct{ waiting, stalled *family }

func newStalls(of, what string) stalls {
	return stalls{
		waiting: node(counterKind, "pressure_"+of+"_waiting_seconds_total", "Time in which some tasks waited for "+what+"."),
		stalled: node(counterKind, "pressure_"+of+"_stalled_seconds_total", "Time in which all tasks waited for "+what+" that were not idle."),
	}
}

func (e stalls) send(w *writer, p *host.Pressure) {
	if p == nil {
		return
	}
	e.waiting.send(w, p.Some.Seconds)
	if p.Full != nil {
		e.stalled.send(w, p.Full.Seconds)
	}
}
