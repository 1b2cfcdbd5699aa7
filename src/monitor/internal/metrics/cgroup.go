package metrics

import (
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

type cgroupEmitter struct {
	cpuSeconds, cpuLimit, cpuUsed, cpuShare, periods, throttledPeriods, throttledSeconds, cpuPressure *family
	usage, workingSet, swap, limit, usedShare, setShare, events, oomKills, memoryPressure             *family
}

func newCgroupEmitter() cgroupEmitter {
	return cgroupEmitter{
		cpuSeconds:       counter("cgroup_cpu_seconds_total", "Processor time of the own cgroup."),
		cpuUsed:          gauge("cgroup_cpu_used_cores", "Processors that the own cgroup kept busy in the last interval."),
		cpuLimit:         gauge("cgroup_cpu_limit_cores", "Processors that the own cgroup may use, by its quota or by one above it; absent without a limit."),
		cpuShare:         gauge("cgroup_cpu_limit_used_ratio", "Used part of the processor limit in the last interval, by the cgroup that has it."),
		periods:          counter("cgroup_cpu_periods_total", "Periods of the processor limit in which its cgroup wanted to run."),
		throttledPeriods: counter("cgroup_cpu_throttled_periods_total", "Periods in which the processor limit was used up."),
		throttledSeconds: counter("cgroup_cpu_throttled_seconds_total", "Time in which tasks were kept from running by the processor limit."),
		cpuPressure:      pressureFamily("cgroup_cpu", "a processor in the own cgroup"),

		usage:          gauge("cgroup_memory_usage_bytes", "Memory of the own cgroup, with its page cache."),
		workingSet:     gauge("cgroup_memory_working_set_bytes", "Memory of the own cgroup but for file pages that were not used of late."),
		swap:           gauge("cgroup_memory_swap_bytes", "Swap space of the own cgroup."),
		limit:          gauge("cgroup_memory_limit_bytes", "Memory that the own cgroup may have, by its limit or by one above it; absent without a limit."),
		usedShare:      gauge("cgroup_memory_limit_used_ratio", "Used part of the memory limit, by the cgroup that has it."),
		setShare:       gauge("cgroup_memory_limit_working_set_ratio", "Part of the memory limit that is working set, by the cgroup that has it."),
		events:         counter("cgroup_memory_events_total", "How often the own cgroup was short of memory, by event.", "event"),
		oomKills:       counter("cgroup_oom_kills_total", "Processes of the own cgroup that the kernel killed for want of memory."),
		memoryPressure: pressureFamily("cgroup_memory", "memory in the own cgroup"),
	}
}

func (e cgroupEmitter) emit(w *writer, s *sample.Snapshot) {
	if s.Cgroup == nil {
		return
	}
	e.cpu(w, s.Cgroup)
	e.memory(w, s.Cgroup)
}

func (e cgroupEmitter) cpu(w *writer, c *sample.CgroupReading) {
	if c.CPU == nil {
		return
	}
	e.cpuSeconds.send(w, c.CPU.UsageSeconds)
	optional(w, e.cpuUsed, c.UsedCores)
	if l := c.CPU.Limit; l != nil {
		e.cpuLimit.send(w, l.Cores)
		optionalShare(w, e.cpuShare, c.LimitUsedPercent)
		optional(w, e.periods, l.Periods)
		optional(w, e.throttledPeriods, l.ThrottledPeriods)
		optional(w, e.throttledSeconds, l.ThrottledSeconds)
	}
	sendPressure(w, e.cpuPressure, c.CPU.Pressure)
}

func (e cgroupEmitter) memory(w *writer, c *sample.CgroupReading) {
	m := c.Memory
	if m == nil {
		return
	}
	e.usage.send(w, float64(m.UsageBytes))
	optional(w, e.workingSet, m.WorkingSetBytes)
	optional(w, e.swap, m.SwapBytes)
	if l := m.Limit; l != nil {
		e.limit.send(w, float64(l.Bytes))
		optionalShare(w, e.usedShare, l.UsedPercent)
		optionalShare(w, e.setShare, l.WorkingSetPercent)
	}
	optional(w, e.events, m.Events.Low, "low")
	optional(w, e.events, m.Events.High, "high")
	optional(w, e.events, m.Events.Max, "max")
	optional(w, e.events, m.Events.OOM, "oom")
	optional(w, e.oomKills, m.Events.OOMKills)
	sendPressure(w, e.memoryPressure, m.Pressure)
}

// optional sends what is known.
func optional[T uint64 | float64](w *writer, f *family, v *T, labels ...string) {
	if v != nil {
		f.send(w, float64(*v), labels...)
	}
}

// optionalShare sends percent as a ratio.
func optionalShare(w *writer, f *family, percent *float64) {
	if percent != nil {
		f.send(w, *percent/100)
	}
}
