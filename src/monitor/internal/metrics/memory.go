package metrics

import (
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

type memoryEmitter struct {
	size, available, used, free, buffers, cached  *family
	swapSize, swapUsed, swapFree, swapIn, swapOut *family
	pressure                                      *family
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
		pressure:  pressureFamily("memory", "memory"),
	}
}

func (e memoryEmitter) emit(w *writer, s *sample.Snapshot) {
	m := s.Memory
	if m == nil {
		return
	}
	e.size.send(w, float64(m.TotalBytes))
	for _, f := range []struct {
		family *family
		bytes  *uint64
	}{
		{e.available, m.AvailableBytes},
		{e.used, m.UsedBytes},
		{e.free, m.FreeBytes},
		{e.buffers, m.BuffersBytes},
		{e.cached, m.CachedBytes},
		{e.swapSize, m.Swap.TotalBytes},
		{e.swapUsed, m.Swap.UsedBytes},
		{e.swapFree, m.Swap.FreeBytes},
		{e.swapIn, m.Swap.InBytes},
		{e.swapOut, m.Swap.OutBytes},
	} {
		// Absent is not zero: a counter would seem to be reset.
		if f.bytes != nil {
			f.family.send(w, float64(*f.bytes))
		}
	}
	sendPressure(w, e.pressure, m.Pressure)
}
