package host

import (
	"context"
	"fmt"
	"os"
)

// Memory is the use of the machine's memory, in bytes. What the kernel does
// not say is nil.
type Memory struct {
	TotalBytes uint64 `json:"totalBytes"`
	// AvailableBytes is what a new process could have without swapping, as
	// the kernel estimates it, or, before Linux 3.14, we do.
	AvailableBytes *uint64 `json:"availableBytes"`
	// UsedBytes is TotalBytes less AvailableBytes: what cannot be had.
	UsedBytes    *uint64  `json:"usedBytes"`
	UsedPercent  *float64 `json:"usedPercent"`
	FreeBytes    *uint64  `json:"freeBytes"`
	BuffersBytes *uint64  `json:"buffersBytes"`
	// CachedBytes is the page cache with the slab that can be reclaimed.
	CachedBytes *uint64 `json:"cachedBytes"`
	Swap        Swap    `json:"swap"`
	// Pressure is how long tasks waited for memory; nil on a kernel that
	// does not count it.
	Pressure *Pressure `json:"pressure"`

	// Meminfo has all lines of meminfo, in bytes, and VMStat those of vmstat
	// that are of interest, both by the kernel's names. Neither is changed
	// once it was read.
	Meminfo map[string]uint64 `json:"-"`
	VMStat  map[string]uint64 `json:"-"`
}

// Swap is the use of swap space, in bytes; all zero without any. What the
// kernel does not say is nil.
type Swap struct {
	TotalBytes  *uint64  `json:"totalBytes"`
	UsedBytes   *uint64  `json:"usedBytes"`
	UsedPercent *float64 `json:"usedPercent"`
	FreeBytes   *uint64  `json:"freeBytes"`
	// InBytes and OutBytes count what was swapped since boot.
	InBytes  *uint64 `json:"inBytes"`
	OutBytes *uint64 `json:"outBytes"`
}

// Memory returns the use of memory and swap. It fails only without the size
// of the memory. It blocks as long as the procfs does.
func (h *Host) Memory(context.Context) (Memory, Report, error) {
	var rep Report
	content, path, err := h.read("meminfo")
	if err != nil {
		return Memory{}, rep, unsupported("read memory", err)
	}
	h.covered("memory", "meminfo", &rep)
	info := parseMeminfo(content, path, &rep)
	total, ok := info["MemTotal"]
	if !ok || total == 0 {
		return Memory{}, rep, fmt.Errorf("read memory: %s: no MemTotal: %w", path, ErrEmpty)
	}
	m := Memory{
		TotalBytes:   total,
		FreeBytes:    info.get("MemFree"),
		BuffersBytes: info.get("Buffers"),
		CachedBytes:  info.get("Cached"),
		Meminfo:      info,
	}
	if slab := info.get("SReclaimable"); slab != nil && m.CachedBytes != nil {
		*m.CachedBytes += *slab
	}
	m.AvailableBytes = info.get("MemAvailable")
	if m.AvailableBytes == nil && m.FreeBytes != nil {
		m.AvailableBytes = h.estimateAvailable(info, &rep)
	}
	m.UsedBytes, m.UsedPercent = used(&total, m.AvailableBytes)
	m.Swap.TotalBytes, m.Swap.FreeBytes = info.get("SwapTotal"), info.get("SwapFree")
	m.Swap.UsedBytes, m.Swap.UsedPercent = used(m.Swap.TotalBytes, m.Swap.FreeBytes)
	m.VMStat = h.vmstat(&rep)
	m.Swap.InBytes, m.Swap.OutBytes = swapped(m.VMStat)
	m.Pressure = h.pressure(memoryPressure, &rep)
	return m, rep, nil
}

// used returns what of total is not left, in bytes and percent.
func used(total, left *uint64) (*uint64, *float64) {
	if total == nil || left == nil {
		return nil, nil
	}
	bytes := *total - min(*left, *total)
	share := percent(float64(bytes), float64(*total))
	return &bytes, &share
}

// vmstat returns what is of interest in vmstat; nil if it cannot be read.
func (h *Host) vmstat(rep *Report) table {
	content, path, err := h.read("vmstat")
	if err != nil {
		rep.lacks(path, err)
		return nil
	}
	return parseVMStat(content, path, rep)
}

// swapped returns what was read from and written to swap since boot. It is
// nil, never zero, when the kernel does not say.
func swapped(stat table) (in, out *uint64) {
	page := uint64(os.Getpagesize())
	bytes := func(pages *uint64) *uint64 {
		if pages != nil {
			*pages *= page
		}
		return pages
	}
	return bytes(stat.get("pswpin")), bytes(stat.get("pswpout"))
}
