package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Cgroup is the control group that this process is in: what it uses, and what
// it may. It is the container's share, beside the host's figures.
type Cgroup struct {
	// CPU and Memory are nil where the kernel counts neither for the group.
	CPU    *CgroupCPU    `json:"cpu"`
	Memory *CgroupMemory `json:"memory"`
}

// Membership is where this process is in the tree of a controller.
type Membership struct {
	// Version is that of the interface, 1 or 2.
	Version int `json:"version"`
	// Path is the group as /proc/self/cgroup has it.
	Path string `json:"path"`
	// Root says that it is the group of the whole machine.
	Root bool `json:"root"`
}

// CgroupCPU is the processor time of a group.
type CgroupCPU struct {
	Membership
	UsageSeconds  float64  `json:"usageSeconds"`
	UserSeconds   *float64 `json:"userSeconds"`
	SystemSeconds *float64 `json:"systemSeconds"`
	// Limit is the tightest of the group's and of those above it, as far up
	// as one sees from here; nil without any.
	Limit *CPULimit `json:"limit"`
	// Pressure is how long the group's tasks waited for a processor.
	Pressure *Pressure `json:"pressure"`
}

// CPULimit is a quota of processor time. All figures are those of the group
// that has it.
type CPULimit struct {
	Path string `json:"path"`
	// Cores is the quota over its period.
	Cores        float64  `json:"cores"`
	UsageSeconds *float64 `json:"usageSeconds"`
	// Periods are those in which the group wanted to run,
	// ThrottledPeriods those in which it used up its quota.
	Periods          *uint64  `json:"periods"`
	ThrottledPeriods *uint64  `json:"throttledPeriods"`
	ThrottledSeconds *float64 `json:"throttledSeconds"`
}

// CgroupMemory is the memory of a group.
type CgroupMemory struct {
	Membership
	UsageBytes uint64 `json:"usageBytes"`
	// WorkingSetBytes is what the kernel cannot take back at once: the usage
	// without file pages that were not used of late.
	WorkingSetBytes *uint64 `json:"workingSetBytes"`
	SwapBytes       *uint64 `json:"swapBytes"`
	// Limit is the tightest of the group's and of those above it; nil
	// without any.
	Limit  *MemoryLimit `json:"limit"`
	Events MemoryEvents `json:"events"`
	// Pressure is how long the group's tasks waited for memory.
	Pressure *Pressure `json:"pressure"`
}

// MemoryLimit is a limit of memory, and what the group that has it uses.
type MemoryLimit struct {
	// Path is empty for a group that one does not see from here; its usage
	// is not known.
	Path              string   `json:"path"`
	Bytes             uint64   `json:"bytes"`
	UsageBytes        *uint64  `json:"usageBytes"`
	UsedPercent       *float64 `json:"usedPercent"`
	WorkingSetPercent *float64 `json:"workingSetPercent"`
}

// MemoryEvents count what happened to a group and the groups below it. What
// the kernel does not count is nil.
type MemoryEvents struct {
	// Low: it was reclaimed although it used less than its protection.
	Low *uint64 `json:"low"`
	// High: it was throttled above its high mark.
	High *uint64 `json:"high"`
	// Max: it was about to go over its limit.
	Max *uint64 `json:"max"`
	// OOM: no memory could be reclaimed for it.
	OOM *uint64 `json:"oom"`
	// OOMKills: processes that the kernel killed for it.
	OOMKills      *uint64 `json:"oomKills"`
	OOMGroupKills *uint64 `json:"oomGroupKills"`
}

// Cgroup returns the figures of this process's own control group, whichever
// host is read. It fails only if there is neither processor time nor memory.
func (h *Host) Cgroup(context.Context) (Cgroup, Report, error) {
	var rep Report
	trees, err := h.hierarchies(&rep)
	if err != nil {
		return Cgroup{}, rep, unsupported("read the own cgroup", err)
	}
	var c Cgroup
	cpu, errCPU := trees.groups("cpu")
	time, errTime := trees.groups("cpuacct")
	if errors.Is(errTime, errNoHierarchy) || errTime == nil && time[0].version == 2 {
		time, errTime = cpu, errCPU
	}
	memory, errMemory := trees.groups("memory")
	if errTime == nil {
		c.CPU = cgroupCPU(cpu, time, &rep)
	}
	if errMemory == nil {
		c.Memory = cgroupMemory(memory, &rep)
	}
	if c.CPU != nil || c.Memory != nil {
		for _, err := range []error{errTime, errMemory} {
			if err != nil {
				rep.lacks(filepath.Join(h.own, "self", "cgroup"), err)
			}
		}
		return c, rep, nil
	}
	err = fmt.Errorf("read the own cgroup: %w", errors.Join(errTime, errMemory))
	for _, p := range rep.Files {
		err = fmt.Errorf("%w; %s: %s", err, p.Path, p.Detail)
	}
	visible := func(err error) bool { return err == nil || errors.Is(err, errNoHierarchy) }
	if len(rep.Files) == 0 && visible(errTime) && visible(errMemory) {
		err = fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return Cgroup{}, rep, err
}

// flat returns the numbers of a file with a name and a number in each line,
// of the wanted names. It is nil for a file that is not there.
func (g group) flat(file string, rep *Report, wanted ...string) table {
	content, ok := g.content(file, rep)
	if !ok {
		return nil
	}
	t := make(table)
	for line := range strings.Lines(content) {
		fields := strings.Fields(line)
		if len(fields) == 0 || !slices.Contains(wanted, fields[0]) {
			continue
		}
		v, err := counters(fields[1:])
		if err != nil || len(v) != 1 {
			rep.skipUnlessBlank(filepath.Join(g.dir, file), line)
			continue
		}
		t[fields[0]] = v[0]
	}
	return t
}

// number returns the one number in a file; nil for a file that is not there,
// and for "max".
func (g group) number(file string, rep *Report) *uint64 {
	content, ok := g.content(file, rep)
	text := strings.TrimSpace(content)
	if !ok || text == "max" {
		return nil
	}
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		rep.lacks(filepath.Join(g.dir, file), fmt.Errorf("%w: %q", errMalformed, clean(text[:min(len(text), 100)])))
		return nil
	}
	return &v
}

// content returns a file; false when there is none, which is no problem, as
// kernels and controllers differ, or when it cannot be read.
func (g group) content(file string, rep *Report) (string, bool) {
	path := filepath.Join(g.dir, file)
	content, err := readAll(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", false
	case err == nil && strings.TrimSpace(content) == "":
		err = ErrEmpty
	}
	if err != nil {
		rep.lacks(path, err)
		return "", false
	}
	return content, true
}

func (g group) membership() Membership {
	return Membership{Version: g.version, Path: clean(g.path), Root: g.root()}
}

// missing reports the file without which there is no figure, unless the group
// is the root, which has fewer files.
func (g group) missing(file string, rep *Report) {
	if !g.root() && !g.has(file) {
		rep.lacks(filepath.Join(g.dir, file), fmt.Errorf("the controller is not enabled for this group: %w", fs.ErrNotExist))
	}
}
