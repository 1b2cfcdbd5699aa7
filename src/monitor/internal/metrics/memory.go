package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

type memoryEmitter struct {
	size, available, used, free, buffers, cached  family
	swapSize, swapUsed, swapFree, swapIn, swapOut family
}

func newMemoryEmitter() memoryEmitter {
	return memoryEmitter{
		size:      gauge("memory_size_bytes", "Memory of the machine."),
		available: gauge("memory_available_bytes", "Memory that a new process could have without swapping, as the kernel estimates it."),
		used:      gauge("memory_used_bytes", "Memory that is not available."),
		free:      gauge("memory_free_bytes", "Memory that nothing is kept in."),
		buffers:   gauge("memory_buffers_bytes", "Memory of block device buffers."),
		cached:    gauge("memory_cached_bytes", "Memory of the page cache and of slab that can be reclaimed."),
		swapSize:  gauge("swap_size_bytes", "Swap space."),
		swapUsed:  gauge("swap_used_bytes", "Swap space in use."),
		swapFree:  gauge("swap_free_bytes", "Swap space not in use."),
		swapIn:    counter("swap_in_bytes_total", "Memory read back from swap."),
		swapOut:   counter("swap_out_bytes_total", "Memory written to swap."),
	}
}

func (e memoryEmitter) describe(ch chan<- *prometheus.Desc) {
	describeAll(ch, e.size, e.available, e.used, e.free, e.buffers, e.cached,
		e.swapSize, e.swapUsed, e.swapFree, e.swapIn, e.swapOut)
}

func (e memoryEmitter) emit(ch chan<- prometheus.Metric, s *sample.Snapshot, _ time.Time) {
	m := s.Memory
	if m == nil {
		return
	}
	e.size.send(ch, float64(m.TotalBytes))
	e.available.send(ch, float64(m.AvailableBytes))
	e.used.send(ch, float64(m.UsedBytes))
	e.free.send(ch, float64(m.FreeBytes))
	e.buffers.send(ch, float64(m.BuffersBytes))
	e.cached.send(ch, float64(m.CachedBytes))
	e.swapSize.send(ch, float64(m.Swap.TotalBytes))
	e.swapUsed.send(ch, float64(m.Swap.UsedBytes))
	e.swapFree.send(ch, float64(m.Swap.FreeBytes))
	e.swapIn.send(ch, float64(m.Swap.InBytes))
	e.swapOut.send(ch, float64(m.Swap.OutBytes))
}
