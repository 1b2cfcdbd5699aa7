package host

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/shirou/gopsutil/v3/disk"
)

// Disk is the file systems that hold data and the block devices under them.
type Disk struct {
	// Filesystems are sorted by mount point.
	Filesystems []Filesystem `json:"filesystems"`
	// Devices are whole disks, sorted by name. The library leaves out
	// those that were never used.
	Devices []BlockDevice `json:"devices"`
}

// Filesystem is one mounted file system.
type Filesystem struct {
	Device     string `json:"device"`
	Mountpoint string `json:"mountpoint"`
	Type       string `json:"type"`
	ReadOnly   bool   `json:"readOnly"`
	// Usage is nil when the mount did not answer; Error says why.
	Usage *FilesystemUsage `json:"usage"`
	Error string           `json:"error,omitempty"`
}

// FilesystemUsage is how full a file system is.
type FilesystemUsage struct {
	SizeBytes uint64 `json:"sizeBytes"`
	UsedBytes uint64 `json:"usedBytes"`
	// AvailableBytes is what an unprivileged process can still write. It
	// is less than the size minus the used where blocks are reserved.
	AvailableBytes uint64 `json:"availableBytes"`
	// UsedPercent is the used part of what is used or available, as df
	// shows it.
	UsedPercent float64 `json:"usedPercent"`
	// Inodes is 0 where the file system has no fixed number of them.
	Inodes     uint64 `json:"inodes"`
	InodesFree uint64 `json:"inodesFree"`
}

// BlockDevice is what one disk did since boot.
type BlockDevice struct {
	Name  string    `json:"name"`
	Read  Transfers `json:"read"`
	Write Transfers `json:"write"`
	// InProgress is the number of requests right now.
	InProgress uint64 `json:"inProgress"`
	// BusySeconds is how long at least one request was in progress.
	BusySeconds float64 `json:"busySeconds"`
}

// Transfers is one direction's completed requests. Seconds adds up the time
// of each, so it grows faster than the clock when they overlap.
type Transfers struct {
	Bytes    uint64  `json:"bytes"`
	Requests uint64  `json:"requests"`
	Seconds  float64 `json:"seconds"`
}

// Disk returns usage of each file system and the counters of each disk. A
// mount that hangs costs one reading the mount timeout, and is skipped
// until it answers: it appears with an error and without usage, and the
// other mounts are not kept waiting.
func (h *Host) Disk(ctx context.Context) (Disk, error) {
	ctx = h.with(ctx)
	parts, err := disk.PartitionsWithContext(ctx, true)
	if err != nil {
		return Disk{}, fmt.Errorf("list mounts: %w", err)
	}
	counters, err := disk.IOCountersWithContext(ctx)
	if err != nil {
		return Disk{}, fmt.Errorf("read disk counters: %w", err)
	}
	return Disk{
		Filesystems: h.filesystems(ctx, chooseMounts(parts)),
		Devices:     devices(counters),
	}, nil
}

func (h *Host) filesystems(ctx context.Context, mounts []disk.PartitionStat) []Filesystem {
	paths := make([]string, len(mounts))
	for i, m := range mounts {
		paths[i] = filepath.Join(h.root, m.Mountpoint)
	}
	answers := h.mounts.measure(ctx, paths)
	list := make([]Filesystem, 0, len(mounts))
	for i, m := range mounts {
		fs := Filesystem{
			// Paths are bytes to the kernel, but text to JSON and Prometheus:
			// one odd mount must not cost a whole scrape.
			Device:     strings.ToValidUTF8(m.Device, "\uFFFD"),
			Mountpoint: strings.ToValidUTF8(m.Mountpoint, "\uFFFD"),
			Type:       m.Fstype,
			ReadOnly:   slices.Contains(m.Opts, "ro"),
		}
		switch a := answers[i]; {
		case a.err != nil:
			fs.Error = a.err.Error()
		case a.usage.Total == 0:
			// A file system without blocks cannot be full: df hides it too.
			continue
		default:
			fs.Usage = usageOf(a.usage)
		}
		list = append(list, fs)
	}
	return list
}

func usageOf(u *disk.UsageStat) *FilesystemUsage {
	return &FilesystemUsage{
		SizeBytes:      u.Total,
		UsedBytes:      u.Used,
		AvailableBytes: u.Free,
		UsedPercent:    percent(float64(u.Used), float64(u.Used)+float64(u.Free)),
		Inodes:         u.InodesTotal,
		InodesFree:     u.InodesFree,
	}
}

func devices(counters map[string]disk.IOCountersStat) []BlockDevice {
	list := make([]BlockDevice, 0, len(counters))
	for name, c := range counters {
		if !wholeDisk(name) {
			continue
		}
		list = append(list, BlockDevice{
			Name:        name,
			Read:        Transfers{Bytes: c.ReadBytes, Requests: c.ReadCount, Seconds: seconds(c.ReadTime)},
			Write:       Transfers{Bytes: c.WriteBytes, Requests: c.WriteCount, Seconds: seconds(c.WriteTime)},
			InProgress:  c.IopsInProgress,
			BusySeconds: seconds(c.IoTime),
		})
	}
	slices.SortFunc(list, func(a, b BlockDevice) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// seconds of a kernel counter in milliseconds.
func seconds(ms uint64) float64 { return float64(ms) / 1000 }
