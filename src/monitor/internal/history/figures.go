package history

import (
	"time"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

// figure is one value of a reading.
type figure struct {
	ref   Ref
	value float64
}

// counters are a collector's counters at the reading before, by series: rates
// are kept, not counters.
type counters struct {
	before, now map[Ref]uint64
	list        []figure
	passed      float64 // seconds since the reading before; 0 without one
}

// figures returns what a new reading of the collector says, when so much
// time has passed since the one before. The slice is good until the next call.
func (c *counters) figures(name sample.Name, s *sample.Snapshot, passed time.Duration) []figure {
	c.list, c.passed = c.list[:0], passed.Seconds()
	// The maps take turns, so that their memory is taken once.
	c.before, c.now = c.now, c.before
	if c.now == nil {
		c.now = make(map[Ref]uint64)
	}
	clear(c.now)
	switch name {
	case sample.CPU:
		c.cpu(s)
	case sample.Memory:
		c.memory(s)
	case sample.Disk:
		c.disk(s)
	case sample.Network:
		c.network(s)
	case sample.Cgroup:
		c.cgroup(s)
	case sample.System:
		if s.System != nil && s.System.FileHandles != nil {
			c.total("system.file_handles", float64(s.System.FileHandles.Allocated))
		}
	case sample.Processes: // they come and go
	}
	return c.list
}

func (c *counters) total(name string, v float64) { c.item(name, "", v) }

func (c *counters) item(name, item string, v float64) {
	c.list = append(c.list, figure{Ref{name, item}, v})
}

// known adds what may be unknown.
func (c *counters) known(name string, v *float64) {
	if v != nil {
		c.total(name, *v)
	}
}

// rate adds how fast a counter grew, per second, and returns it; false where
// the interval says nothing: it is new, or was reset.
func (c *counters) rate(name, item string, counter uint64) (float64, bool) {
	ref := Ref{name, item}
	c.now[ref] = counter
	before, ok := c.before[ref]
	if !ok || counter < before || c.passed <= 0 {
		return 0, false
	}
	v := float64(counter-before) / c.passed
	c.list = append(c.list, figure{ref, v})
	return v, true
}

func (c *counters) cpu(s *sample.Snapshot) {
	if s.CPU == nil {
		return
	}
	if s.CPU.Usage != nil {
		c.total("cpu.busy_percent", s.CPU.Usage.Busy)
	}
	if s.CPU.Load != nil {
		c.total("cpu.load1", s.CPU.Load.One)
	}
	if s.CPU.Pressure != nil {
		c.total("cpu.pressure_percent", s.CPU.Pressure.Some.Percent10s)
	}
	for _, core := range s.CPU.Cores {
		if core.Usage != nil {
			c.item("cpu.busy_percent", core.ID, core.Usage.Busy)
		}
	}
}

func (c *counters) memory(s *sample.Snapshot) {
	m := s.Memory
	if m == nil {
		return
	}
	c.known("memory.used_percent", m.UsedPercent)
	if m.UsedBytes != nil {
		c.total("memory.used_bytes", float64(*m.UsedBytes))
	}
	c.known("memory.swap_used_percent", m.Swap.UsedPercent)
	if m.Pressure != nil {
		c.total("memory.pressure_percent", m.Pressure.Some.Percent10s)
	}
}

func (c *counters) disk(s *sample.Snapshot) {
	if s.Disk == nil {
		return
	}
	if s.Disk.Pressure != nil {
		c.total("disk.pressure_percent", s.Disk.Pressure.Some.Percent10s)
	}
	for _, f := range s.Disk.Filesystems {
		if f.Usage != nil {
			c.item("disk.used_percent", f.Mountpoint, f.Usage.UsedPercent)
		}
	}
	var read, written sum
	for _, d := range s.Disk.Devices {
		read.add(c.rate("disk.read_bytes_per_second", d.Name, d.Read.Bytes))
		written.add(c.rate("disk.written_bytes_per_second", d.Name, d.Write.Bytes))
	}
	read.total(c, "disk.read_bytes_per_second")
	written.total(c, "disk.written_bytes_per_second")
}

func (c *counters) network(s *sample.Snapshot) {
	if s.Network == nil {
		return
	}
	var received, sent sum
	for _, i := range s.Network.Interfaces {
		in, okIn := c.rate("network.received_bytes_per_second", i.Name, i.Receive.Bytes)
		out, okOut := c.rate("network.sent_bytes_per_second", i.Name, i.Transmit.Bytes)
		if i.Name != "lo" { // nothing that the machine says to itself
			received.add(in, okIn)
			sent.add(out, okOut)
		}
	}
	received.total(c, "network.received_bytes_per_second")
	sent.total(c, "network.sent_bytes_per_second")
}

func (c *counters) cgroup(s *sample.Snapshot) {
	g := s.Cgroup
	if g == nil {
		return
	}
	c.known("cgroup.used_cores", g.UsedCores)
	c.known("cgroup.cpu_limit_used_percent", g.LimitUsedPercent)
	if m := g.Memory; m != nil {
		c.total("cgroup.memory_usage_bytes", float64(m.UsageBytes))
		if m.Limit != nil {
			c.known("cgroup.memory_limit_used_percent", m.Limit.UsedPercent)
			c.known("cgroup.memory_limit_working_set_percent", m.Limit.WorkingSetPercent)
		}
	}
}

// sum adds up rates that are known.
type sum struct {
	value float64
	known bool
}

func (s *sum) add(v float64, ok bool) {
	if ok {
		s.value += v
		s.known = true
	}
}

func (s *sum) total(c *counters, name string) {
	if s.known {
		c.total(name, s.value)
	}
}
