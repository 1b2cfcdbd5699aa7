package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/shirou/gopsutil/v3/disk"
)

// Disk is the file systems that hold data and the block devices under them.
type Disk struct {
	// Filesystems are sorted by mount point; nil when the mounts cannot be
	// listed, which the report says.
	Filesystems []Filesystem `json:"filesystems"`
	// Devices are whole disks that were ever used, sorted by name; nil when
	// their counters cannot be read.
	Devices []BlockDevice `json:"devices"`
	// Pressure is how long tasks waited for reads and writes; nil on a
	// kernel that does not count it.
	Pressure *Pressure `json:"pressure"`
}

// Filesystem is one mounted file system.
type Filesystem struct {
	Device     string `json:"device"`
	Mountpoint string `json:"mountpoint"`
	Type       string `json:"type"`
	ReadOnly   bool   `json:"readOnly"`
	// Counted is true for one of the mounts of each file system: sums over
	// those count nothing twice.
	Counted bool `json:"counted"`
	// Usage is nil when it is not known; Error says why, Reason in one word.
	Usage  *FilesystemUsage `json:"usage"`
	Error  string           `json:"error,omitempty"`
	Reason Reason           `json:"reason,omitempty"`
}

// Asked says whether the file system itself was asked: not one that this
// process cannot see or may not reach.
func (f Filesystem) Asked() bool { return f.Reason != NotVisible && f.Reason != Permission }

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

// Disk returns usage of each file system and the counters of each disk. A
// mount that hangs costs one reading the mount timeout, and is skipped
// until it answers: it appears with an error and without usage, and the
// other mounts are not kept waiting. If only one of the two can be read, the
// report says why the other is nil; if neither can, that is the error. It
// blocks as long as the procfs does.
func (h *Host) Disk(ctx context.Context) (Disk, Report, error) {
	var rep Report
	var d Disk
	table, path, errMounts := h.read(firstProcess, "mountinfo")
	if errMounts == nil {
		host, known := h.scopeOfProcesses()
		rep.scoped("filesystems", host, known, ownFilesystems)
		d.Filesystems = h.filesystems(ctx, table, path, &rep)
	} else {
		rep.lacks(path, errMounts)
	}
	content, path, errDisks := h.read("diskstats")
	switch {
	case errDisks == nil, errors.Is(errDisks, ErrEmpty): // a machine without disks
		errDisks = nil
		d.Devices = h.devices(content, path, &rep)
	default:
		rep.lacks(path, errDisks)
	}
	if errMounts != nil && errDisks != nil {
		err := errors.Join(fmt.Errorf("list mounts: %w", errMounts), fmt.Errorf("read disk counters: %w", errDisks))
		if reasonOf(errMounts) == Missing && reasonOf(errDisks) == Missing {
			err = fmt.Errorf("%w: %w", ErrUnsupported, err)
		}
		return Disk{}, rep, err
	}
	d.Pressure = h.pressure(ioPressure, &rep)
	return d, rep, nil
}

func (h *Host) filesystems(ctx context.Context, table, path string, rep *Report) []Filesystem {
	mounts := parseMounts(table, path, rep)
	chosen := chooseMounts(mounts, h.filters.wanted())
	probes := make([]probe, len(chosen))
	points, devices, types := make([]string, len(chosen)), make([]string, len(chosen)), make([]string, len(chosen))
	for i, m := range chosen {
		probes[i] = probe{path: filepath.Join(h.root, m.point), want: m}
		points[i], devices[i], types[i] = m.point, h.deviceName(m.mount), clean(m.fstype)
	}
	points, devices = apart(points), apart(devices)
	answers := h.mounts.measure(ctx, probes, ownMounts(table, mounts))
	list := make([]Filesystem, 0, len(chosen))
	for i, m := range chosen {
		fs := Filesystem{Device: devices[i], Mountpoint: points[i], Type: types[i], ReadOnly: m.readOnly, Counted: m.counted}
		switch a := answers[i]; {
		case errors.Is(a.err, errSecondary):
			continue
		case a.err != nil:
			fs.Error, fs.Reason = a.err.Error(), reasonOf(a.err)
			rep.Mounts = append(rep.Mounts, Problem{Path: fs.Mountpoint, Reason: fs.Reason, Detail: fs.Error})
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

// ownMounts returns this process's mounts by their numbers: which of them a
// path leads to is a question about this process, whichever host's procfs
// it reads. Mostly that is the same table, which then is not parsed again. Nil
// when there is no procfs of its own.
func ownMounts(table string, parsed []mount) map[uint64]mount {
	content, err := readAll(ownProc + "/self/mountinfo")
	if err != nil {
		return nil
	}
	if content != table {
		parsed = parseMounts(content, "", &Report{})
	}
	mounts := make(map[uint64]mount, len(parsed))
	for _, m := range parsed {
		mounts[m.id] = m
	}
	return mounts
}

// deviceName is the source of the mount as the kernel's table has it, so that
// it is the same in a container, which has another /dev. Only /dev/root,
// which is not there, is looked up by its number.
func (h *Host) deviceName(m mount) string {
	if m.source != "/dev/root" {
		return m.source
	}
	target, err := os.Readlink(filepath.Join(h.sys, "dev", "block", m.device))
	if err != nil {
		return m.source
	}
	return "/dev/" + strings.ReplaceAll(filepath.Base(target), "!", "/")
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
