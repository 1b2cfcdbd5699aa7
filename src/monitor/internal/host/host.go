// Package host reads the kernel's counters and returns them as the service's
// own types, with units in their names, so that a change of a library, or of
// what it means by a word, stays in this package. A figure that cannot be
// read is absent, never zero and never another machine's; the Report beside
// each reading says which figures are absent, and why.
package host

import (
	"math"
	"path/filepath"
	"time"
)

// Config says where the host's files are. The zero value means the machine
// that the process itself sees.
type Config struct {
	// Proc is where the host's procfs is mounted; empty means /proc.
	Proc string
	// Sys is where the host's sysfs is mounted; empty means /sys.
	Sys string
	// Root is where the host's root file system is mounted; empty means /.
	// It is put before each mount point whose usage is asked for.
	Root string
	// MountTimeout is how long a reading waits for the next mount to answer
	// before it ends; zero means 500ms.
	MountTimeout time.Duration
	// Filters narrow what is shown.
	Filters Filters
}

// Host reads one machine. Its methods may be called at the same time from
// several goroutines.
type Host struct {
	proc, sys, root string
	// own is this process's own procfs.
	own         string
	mounts      *mountProber
	filters     Filters
	frequencies frequencyReader
	sensors     patience
}

// New returns a reader of the machine that cfg describes. It reads nothing.
func New(cfg Config) *Host {
	timeout := cfg.MountTimeout
	if timeout <= 0 {
		timeout = 500 * time.Millisecond
	}
	return &Host{
		proc:   orDefault(cfg.Proc, ownProc),
		sys:    orDefault(cfg.Sys, ownSys),
		root:   orDefault(cfg.Root, "/"),
		own:    ownProc,
		mounts: newMountProber(measureMount, timeout),

		filters: cfg.Filters,
	}
}

// Where this process's own procfs and sysfs are.
const (
	ownProc = "/proc"
	ownSys  = "/sys"
)

func orDefault(path, otherwise string) string {
	if path == "" {
		return otherwise
	}
	return filepath.Clean(path)
}

// percent is part of whole in 0..100, to four decimals: the counters behind
// it hold no more, and the rest is binary noise. It is 0 without a whole.
func percent(part, whole float64) float64 {
	if whole <= 0 {
		return 0
	}
	return math.Round(1e6*part/whole) / 1e4
}
