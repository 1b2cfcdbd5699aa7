package host

import (
	"context"
	"fmt"
	"os"

	"github.com/shirou/gopsutil/v3/mem"
)

// libraryPageBytes is the page size by which gopsutil multiplies the
// kernel's swap counters, whatever the machine's page size is.
const libraryPageBytes = 4096

// Memory is the use of the machine's memory, in bytes.
type Memory struct {
	TotalBytes uint64 `json:"totalBytes"`
	// AvailableBytes is the kernel's estimate of what a new process could
	// have without swapping.
	AvailableBytes uint64 `json:"availableBytes"`
	// UsedBytes is TotalBytes less AvailableBytes: what cannot be had.
	UsedBytes    uint64  `json:"usedBytes"`
	UsedPercent  float64 `json:"usedPercent"`
	FreeBytes    uint64  `json:"freeBytes"`
	BuffersBytes uint64  `json:"buffersBytes"`
	// CachedBytes is the page cache with the slab that can be reclaimed.
	CachedBytes uint64 `json:"cachedBytes"`
	Swap        Swap   `json:"swap"`
}

// Swap is the use of swap space, in bytes; all zero without any.
type Swap struct {
	TotalBytes  uint64  `json:"totalBytes"`
	UsedBytes   uint64  `json:"usedBytes"`
	UsedPercent float64 `json:"usedPercent"`
	FreeBytes   uint64  `json:"freeBytes"`
	// InBytes and OutBytes count what was swapped since boot.
	InBytes  uint64 `json:"inBytes"`
	OutBytes uint64 `json:"outBytes"`
}

// Memory returns the use of memory and swap.
func (h *Host) Memory(ctx context.Context) (Memory, error) {
	ctx = h.with(ctx)
	vm, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return Memory{}, fmt.Errorf("read memory: %w", err)
	}
	// The library reports an unreadable file as a machine without memory.
	if vm.Total == 0 {
		return Memory{}, fmt.Errorf("read memory: %w: is the procfs readable?", ErrEmpty)
	}
	swap, err := mem.SwapMemoryWithContext(ctx)
	if err != nil {
		return Memory{}, fmt.Errorf("read swap: %w", err)
	}
	used := vm.Total - min(vm.Available, vm.Total)
	m := Memory{
		TotalBytes:     vm.Total,
		AvailableBytes: vm.Available,
		UsedBytes:      used,
		UsedPercent:    percent(float64(used), float64(vm.Total)),
		FreeBytes:      vm.Free,
		BuffersBytes:   vm.Buffers,
		CachedBytes:    vm.Cached,
	}
	// Totals come from meminfo, which follows the host's procfs; the
	// library's swap call asks the kernel of this process instead.
	m.Swap.TotalBytes = vm.SwapTotal
	m.Swap.FreeBytes = vm.SwapFree
	m.Swap.UsedBytes = vm.SwapTotal - min(vm.SwapFree, vm.SwapTotal)
	m.Swap.UsedPercent = percent(float64(m.Swap.UsedBytes), float64(vm.SwapTotal))
	page := uint64(os.Getpagesize())
	m.Swap.InBytes = swap.Sin / libraryPageBytes * page
	m.Swap.OutBytes = swap.Sout / libraryPageBytes * page
	return m, nil
}
