// Package host reads the kernel's counters through gopsutil and returns
// them as the service's own types, with units in their names, so that a
// change of the library, or of what the library means by a word, stays in
// this package.
package host

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"time"

	"github.com/shirou/gopsutil/v3/common"
	"github.com/shirou/gopsutil/v3/disk"
)

// ErrEmpty reports that the kernel's file could be opened or was skipped
// by the library, but held nothing to measure. gopsutil returns empty
// results with a nil error for unreadable files; an empty reading must
// never pass for a healthy zero.
var ErrEmpty = errors.New("no data")

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
	// MountTimeout bounds how long one reading waits for a mount to
	// answer; zero means 500ms.
	MountTimeout time.Duration
}

// Host reads one machine. Its methods may be called at the same time from
// several goroutines.
type Host struct {
	env    common.EnvMap
	proc   string
	root   string
	mounts *mountProber
}

// New returns a reader of the machine that cfg describes. It reads nothing.
func New(cfg Config) *Host {
	env := common.EnvMap{}
	if cfg.Proc != "" {
		env[common.HostProcEnvKey] = cfg.Proc
	}
	if cfg.Sys != "" {
		env[common.HostSysEnvKey] = cfg.Sys
	}
	timeout := cfg.MountTimeout
	if timeout <= 0 {
		timeout = 500 * time.Millisecond
	}
	root := cfg.Root
	if root == "" {
		root = "/"
	}
	return &Host{
		env:    env,
		proc:   cfg.Proc,
		root:   filepath.Clean(root),
		mounts: newMountProber(disk.UsageWithContext, timeout),
	}
}

// with puts the host's paths into ctx, which is where gopsutil looks before
// it looks at the process's environment.
func (h *Host) with(ctx context.Context) context.Context {
	return context.WithValue(ctx, common.EnvKey, h.env)
}

// percent is part of whole in 0..100, to four decimals: the counters behind
// it hold no more, and the rest is binary noise. It is 0 without a whole.
func percent(part, whole float64) float64 {
	if whole <= 0 {
		return 0
	}
	return math.Round(1e6*part/whole) / 1e4
}
