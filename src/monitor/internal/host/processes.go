package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Process is one process. What it was called with and its environment are
// never read: they hold secrets.
type Process struct {
	PID int `json:"pid"`
	// UID is the user whose rights it has.
	UID uint32 `json:"uid"`
	// Comm is the name that the kernel has for it, of at most 15 bytes, or
	// 63 for a thread of the kernel.
	Comm string `json:"comm"`
	// CPUSeconds is the processor time of all its threads since it began.
	CPUSeconds float64 `json:"cpuSeconds"`
	// MemoryBytes is what of its memory is in RAM, shared pages included.
	MemoryBytes uint64 `json:"memoryBytes"`
	// Started tells processes apart that have the same number one after the
	// other: kernel ticks from the boot to its start.
	Started uint64 `json:"-"`
}

// Processes returns the processes that the procfs shows, by number. One that
// ends meanwhile is left out, and one that cannot be read is a line that was
// skipped. It ends early when ctx does, and blocks as long as the procfs does.
func (h *Host) Processes(ctx context.Context) ([]Process, Report, error) {
	var rep Report
	entries, err := os.ReadDir(h.proc)
	if err != nil {
		return nil, rep, unsupported("list processes", err)
	}
	host, known := h.scopeOfProcesses()
	rep.scoped("processes", host, known, ownProcesses)
	if h.hidden() {
		rep.lacks(h.procPath(firstProcess), ErrHidden)
	}
	var list []Process
	numbered := false
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid <= 0 {
			continue
		}
		numbered = true
		if err := ctx.Err(); err != nil {
			return nil, rep, fmt.Errorf("list processes: %w", err)
		}
		p, err := h.process(pid)
		switch {
		case err == nil:
			list = append(list, p)
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ESRCH): // it ended
		default:
			rep.skip(h.procPath(e.Name()), "process", err.Error())
		}
	}
	if !numbered {
		return nil, rep, fmt.Errorf("list processes: %s shows none: %w", h.proc, ErrUnsupported)
	}
	return list, rep, nil
}

func (h *Host) process(pid int) (Process, error) {
	number := strconv.Itoa(pid)
	stat, err := readAll(h.procPath(number, "stat"))
	if err != nil {
		return Process{}, err
	}
	status, err := readAll(h.procPath(number, "status"))
	if err != nil {
		return Process{}, err
	}
	p, ok := parseProcess(stat)
	if ok {
		p.UID, ok = effectiveUser(status)
	}
	if !ok || p.PID != pid {
		return Process{}, errMalformed
	}
	return p, nil
}

// parseProcess reads proc_pid_stat(5). The name, in parentheses, can hold
// anything, parentheses too.
func parseProcess(stat string) (Process, bool) {
	before, rest, ok := strings.Cut(stat, " (")
	end := strings.LastIndex(rest, ") ")
	if !ok || end < 0 {
		return Process{}, false
	}
	pid, err := strconv.Atoi(before)
	fields := strings.Fields(rest[end+2:]) // the first is field 3
	const user, system, started, resident = 14 - 3, 15 - 3, 22 - 3, 24 - 3
	if err != nil || len(fields) <= resident {
		return Process{}, false
	}
	values, err := counters([]string{fields[user], fields[system], fields[started], fields[resident]})
	if err != nil {
		return Process{}, false
	}
	return Process{
		PID: pid, Comm: clean(rest[:end]), CPUSeconds: float64(values[0]+values[1]) / ticksPerSecond,
		Started: values[2], MemoryBytes: values[3] * uint64(os.Getpagesize()),
	}, true
}

// effectiveUser returns the second number of the line Uid of
// proc_pid_status(5).
func effectiveUser(status string) (uint32, bool) {
	for line := range strings.Lines(status) {
		if text, ok := strings.CutPrefix(line, "Uid:"); ok {
			if fields := strings.Fields(text); len(fields) > 1 {
				uid, err := strconv.ParseUint(fields[1], 10, 32)
				return uint32(uid), err == nil
			}
			return 0, false
		}
	}
	return 0, false
}

const ownProcesses = "this procfs shows a container's processes; for the host's mount its /proc, at /host/proc say, and give --host-proc=/host/proc"
