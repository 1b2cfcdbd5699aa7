// Package process names a process for good, and says what is left of it.
package process

import (
	"fmt"
	"os"
	"strings"

	"github.com/prometheus/procfs"
)

// ID is a process and no other that has its number later. Its zero value is none.
type ID struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks since the machine started; the time of day can be set
	// Boot is the kernel's name for the time since the machine started: after the next
	// start another process may have this number and have begun as early. Files of
	// earlier versions have none, and theirs is not compared.
	Boot string `json:"boot,omitempty"`
}

// Of names the process that has this number now. The error is os.ErrProcessDone or
// fs.ErrNotExist when nothing is left of it.
func Of(pid int) (ID, error) {
	stat, err := look(pid)
	if err != nil {
		return ID{PID: pid}, err
	}
	boot, err := currentBoot()
	return ID{PID: pid, Start: stat.Starttime, Boot: boot}, err
}

// currentBoot is the same from one start of the machine to the next, in every container.
func currentBoot() (string, error) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("boot id: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// Exists says whether anything of the process is left that can hold what it had: one
// that was killed exists until its last thread has ended, and process 1 of a namespace
// until every other process in there has.
func (p ID) Exists() bool {
	_, exists := p.look()
	return exists
}

// exiting is the kernel's flag PF_EXITING.
const exiting = 0x4

// Runs says whether the process exists and is not on its way out.
func (p ID) Runs() bool {
	stat, exists := p.look()
	return exists && stat.State != zombie && stat.Flags&exiting == 0
}

func (p ID) look() (stat procfs.ProcStat, exists bool) {
	if p.PID <= 0 {
		return stat, false
	}
	if p.Boot != "" {
		// Of has read it before. Should it be out of reach now, the process is not known
		// to be ours, and what is not ours must not be killed.
		if boot, err := currentBoot(); err != nil || boot != p.Boot {
			return stat, false
		}
	}
	stat, err := look(p.PID)
	return stat, err == nil && stat.Starttime == p.Start
}

// zombie is the state of a process whose first thread has ended.
const zombie = "Z"

func look(pid int) (procfs.ProcStat, error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return procfs.ProcStat{}, err
	}
	stat, err := p.Stat()
	if err != nil {
		return procfs.ProcStat{}, err
	}
	// All that is left of one without threads is an exit status, for its parent.
	if stat.State == zombie && stat.NumThreads <= 1 {
		return procfs.ProcStat{}, os.ErrProcessDone
	}
	return stat, nil
}
