package host

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// sectorBytes is the unit of diskstats, whatever the disk's own sectors are.
const sectorBytes = 512

// BlockDevice is what one disk did since boot.
type BlockDevice struct {
	Name  string    `json:"name"`
	Read  Transfers `json:"read"`
	Write Transfers `json:"write"`
	// InProgress is the number of requests right now.
	InProgress uint64 `json:"inProgress"`
	// BusySeconds is how long at least one request was in progress.
	BusySeconds float64 `json:"busySeconds"`
	// WeightedSeconds is that time, each part of it times the number of
	// requests: divided by the time that passed, the average in progress.
	WeightedSeconds float64 `json:"weightedSeconds"`
}

// Transfers is one direction's completed requests. Seconds adds up the time
// of each, so it grows faster than the clock when they overlap.
type Transfers struct {
	Bytes    uint64  `json:"bytes"`
	Requests uint64  `json:"requests"`
	Seconds  float64 `json:"seconds"`
}

// virtual are devices that are no hardware of their own.
var virtual = regexp.MustCompile(`^(z?ram|loop|fd)\d+$`)

// devices returns whole disks that were ever used.
func (h *Host) devices(content, path string, rep *Report) []BlockDevice {
	var lines [][]string
	listed := make(map[string]bool)
	for line := range strings.Lines(content) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			rep.skipUnlessBlank(path, line)
			continue
		}
		if listed[fields[2]] {
			rep.skip(path, fields[2], strings.TrimSpace(line))
			continue
		}
		listed[fields[2]] = true
		lines = append(lines, fields)
	}
	whole := h.disks(listed, rep)
	list := make([]BlockDevice, 0, len(lines))
	var raw []string
	for _, fields := range lines {
		name := fields[2]
		if len(fields) == 7 || virtual.MatchString(name) || !h.filters.Disks.admits(clean(name)) || !whole(name) { // 7: a partition, before 2.6.25
			continue
		}
		d, ok := parseDevice(fields)
		if !ok {
			rep.skip(path, name, strings.Join(fields, " "))
			continue
		}
		if d != (BlockDevice{}) {
			list = append(list, d)
			raw = append(raw, name)
		}
	}
	for i, name := range apart(raw) {
		list[i].Name = name
	}
	slices.SortFunc(list, func(a, b BlockDevice) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// parseDevice reads a line's counters, without the name.
func parseDevice(fields []string) (BlockDevice, bool) {
	if len(fields) < 14 {
		return BlockDevice{}, false
	}
	v, err := counters(fields[3:14])
	if err != nil {
		return BlockDevice{}, false
	}
	return BlockDevice{
		Read:       Transfers{Bytes: v[2] * sectorBytes, Requests: v[0], Seconds: seconds(v[3])},
		Write:      Transfers{Bytes: v[6] * sectorBytes, Requests: v[4], Seconds: seconds(v[7])},
		InProgress: v[8], BusySeconds: seconds(v[9]), WeightedSeconds: seconds(v[10]),
	}, true
}

// seconds of a kernel counter in milliseconds.
func seconds(ms uint64) float64 { return float64(ms) / 1000 }

// disks returns what tells disks from partitions, whose traffic is counted
// with their disk's already: sysfs, and for a device that is not in it, the
// form of its name.
func (h *Host) disks(listed map[string]bool, rep *Report) func(name string) bool {
	blocks := filepath.Join(h.sys, "block")
	entries, err := os.ReadDir(blocks)
	if err != nil || len(entries) == 0 {
		if err == nil {
			err = ErrEmpty
		}
		rep.lacks(blocks, err)
		rep.Files[len(rep.Files)-1].Detail += "; disks are told from partitions by the form of their names"
	}
	known := make(map[string]bool, len(entries))
	for _, e := range entries {
		known[e.Name()] = true
	}
	exists := func(elem ...string) bool {
		_, err := os.Stat(filepath.Join(append([]string{h.sys}, elem...)...))
		return !errors.Is(err, fs.ErrNotExist)
	}
	return func(name string) bool {
		inSys := strings.ReplaceAll(name, "/", "!")
		parent := diskOf(name, listed)
		switch {
		case known[inSys]:
			return true
		case len(entries) == 0:
			return parent == ""
		case exists("class", "block", inSys, "partition"):
			return false
		case parent != "" && exists("block", strings.ReplaceAll(parent, "/", "!"), inSys):
			return false
		default:
			return parent == ""
		}
	}
}

// diskOf returns the disk of which name is a partition, going by its form:
// the kernel writes the number behind the disk's name, after a "p" if that
// name itself ends in a digit (sda1, nvme0n1p1). Only a disk that is listed
// counts: md127 is no partition of md, and a partition without its disk is
// counted once.
func diskOf(name string, listed map[string]bool) string {
	base := strings.TrimRight(name, "0123456789")
	if base == name || base == "" {
		return ""
	}
	if listed[base] {
		return base
	}
	base, ok := strings.CutSuffix(base, "p")
	if ok && base != "" && base[len(base)-1] >= '0' && base[len(base)-1] <= '9' && listed[base] {
		return base
	}
	return ""
}
