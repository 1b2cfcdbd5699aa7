package metrics

import (
	"strings"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

type nodeMemory struct {
	info     map[string]*family // by the name of the kernel
	names    []string
	counts   map[string]*family
	counted  []string
	pressure stalls
}

func newNodeMemory() nodeMemory {
	e := nodeMemory{
		// What rules and dashboards of node_exporter ask for.
		names: []string{
			"MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached", "SwapCached", "Active", "Inactive", "Active(anon)", "Inactive(anon)",
			"Active(file)", "Inactive(file)", "SwapTotal", "SwapFree", "Dirty", "Writeback", "AnonPages", "Mapped", "Shmem",
			"Slab", "SReclaimable", "SUnreclaim", "KernelStack", "PageTables", "CommitLimit", "Committed_AS",
		},
		counted: []string{"pgmajfault", "pswpin", "pswpout"},
		info:    make(map[string]*family), counts: make(map[string]*family), pressure: newStalls("memory", "memory"),
	}
	for _, name := range e.names {
		clean := strings.NewReplacer("(", "_", ")", "").Replace(name)
		e.info[name] = node(gaugeKind, "memory_"+clean+"_bytes", "What the kernel says of "+name+" in /proc/meminfo.")
	}
	for _, name := range e.counted {
		// node_exporter does not know which of these lines are counters.
		e.counts[name] = node(untypedKind, "vmstat_"+name, "What the kernel says of "+name+" in /proc/vmstat.")
	}
	return e
}

func (e nodeMemory) emit(w *writer, s *sample.Snapshot) {
	m := s.Memory
	if m == nil {
		return
	}
	for _, name := range e.names {
		if v, ok := m.Meminfo[name]; ok {
			e.info[name].send(w, float64(v))
		}
	}
	for _, name := range e.counted {
		if v, ok := m.VMStat[name]; ok {
			e.counts[name].send(w, float64(v))
		}
	}
	e.pressure.send(w, m.Pressure)
}
