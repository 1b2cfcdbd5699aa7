package host

import (
	"os"
	"strconv"
	"strings"
)

// table is a file of the kernel with a name and a number in each line.
type table map[string]uint64

// get returns a new pointer, so that the caller may change what it points
// to; nil when the table has no such line.
func (t table) get(name string) *uint64 {
	v, ok := t[name]
	if !ok {
		return nil
	}
	return &v
}

// parseMeminfo returns the lines in bytes. A line that is not understood is
// skipped, and costs its own figure only.
func parseMeminfo(content, path string, rep *Report) table {
	t := make(table)
	for line := range strings.Lines(content) {
		name, rest, ok := strings.Cut(line, ":")
		fields := strings.Fields(rest)
		if !ok || len(fields) == 0 || len(fields) == 2 && fields[1] != "kB" || len(fields) > 2 {
			rep.skipUnlessBlank(path, line)
			continue
		}
		v, err := strconv.ParseUint(fields[0], 10, 64)
		if err != nil || v > 1<<53 {
			rep.skipUnlessBlank(path, line)
			continue
		}
		if len(fields) == 2 {
			v *= 1024
		}
		t[strings.TrimSpace(name)] = v
	}
	return t
}

// parseVMStat returns the counters of vmstat of pages swapped and of major
// faults. The file has a hundred other lines, which are nobody's business here.
func parseVMStat(content, path string, rep *Report) table {
	t := make(table)
	for line := range strings.Lines(content) {
		if !strings.HasPrefix(line, "pswp") && !strings.HasPrefix(line, "pgmajfault ") {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) != 2 {
			rep.skipUnlessBlank(path, line)
			continue
		}
		v, err := strconv.ParseUint(fields[1], 10, 64)
		if err != nil {
			rep.skipUnlessBlank(path, line)
			continue
		}
		t[fields[0]] = v
	}
	return t
}

// skipUnlessBlank reports a line whose first word says what it is about.
func (r *Report) skipUnlessBlank(file, line string) {
	if fields := strings.Fields(line); len(fields) > 0 {
		r.skip(file, strings.TrimSuffix(fields[0], ":"), strings.TrimSpace(line))
	}
}

// estimateAvailable is the kernel's own estimate of available memory, for
// kernels before 3.14, which do not make it: free memory above the low
// watermark, with the half of the page cache and of the slab that can surely
// be had. It is never below zero. Without the figures for it, it is nil.
func (h *Host) estimateAvailable(info table, rep *Report) *uint64 {
	pagecache := float64(info["Active(file)"] + info["Inactive(file)"])
	_, active := info["Active(file)"]
	_, inactive := info["Inactive(file)"]
	if !active || !inactive { // before 2.6.28
		pagecache = float64(info["Cached"])
	}
	content, path, err := h.read("zoneinfo")
	if err != nil {
		rep.lacks(path, err)
		return nil
	}
	low := lowWatermark(content)
	slab := float64(info["SReclaimable"])
	available := float64(info["MemFree"]) - low
	available += pagecache - min(pagecache/2, low)
	available += slab - min(slab/2, low)
	bytes := uint64(min(max(available, 0), float64(info["MemTotal"])))
	return &bytes
}

// lowWatermark is the memory that the kernel keeps free over all zones, in
// bytes.
func lowWatermark(zoneinfo string) float64 {
	pages := 0.0
	for line := range strings.Lines(zoneinfo) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == "low" {
			if v, err := strconv.ParseUint(fields[1], 10, 64); err == nil {
				pages += float64(v)
			}
		}
	}
	return pages * float64(os.Getpagesize())
}
