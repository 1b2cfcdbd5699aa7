package local

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// cpuSet is a set of CPUs that a process may use.
type cpuSet struct{ set unix.CPUSet }

// affinity returns the CPUs of a process, or with 0 of this one.
func affinity(pid int) (cpuSet, error) {
	var c cpuSet
	if err := unix.SchedGetaffinity(pid, &c.set); err != nil {
		return c, fmt.Errorf("cpus of process %d: %w", pid, err)
	}
	return c, nil
}

// last is the set's last CPU alone.
func (c cpuSet) last() cpuSet {
	var l cpuSet
	for i := len(c.set)*64 - 1; i >= 0; i-- {
		if c.set.IsSet(i) {
			l.set.Set(i)
			break
		}
	}
	return l
}

// only is the number of a set's first CPU.
func (c cpuSet) only() int {
	for i := range len(c.set) * 64 {
		if c.set.IsSet(i) {
			return i
		}
	}
	return -1
}

// allowed returns the CPUs that any thread of a process may use.
func allowed(pid int) (cpuSet, error) {
	var all cpuSet
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return all, fmt.Errorf("threads of process %d: %w", pid, err)
	}
	for _, t := range tasks {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		one, err := affinity(tid)
		if errors.Is(err, unix.ESRCH) {
			continue // it has ended
		}
		if err != nil {
			return all, err
		}
		for i, bits := range one.set {
			all.set[i] |= bits
		}
	}
	return all, nil
}

// String lists the CPUs.
func (c cpuSet) String() string {
	var cpus []string
	for i := range len(c.set) * 64 {
		if c.set.IsSet(i) {
			cpus = append(cpus, strconv.Itoa(i))
		}
	}
	return strings.Join(cpus, ",")
}

// pin binds all threads of a process to CPUs. A thread inherits from the one
// that starts it, so it is done until no new one has appeared.
func pin(pid int, cpus cpuSet) error {
	seen := map[int]bool{}
	for {
		tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		if err != nil {
			return fmt.Errorf("threads of process %d: %w", pid, err)
		}
		fresh := false
		for _, t := range tasks {
			tid, err := strconv.Atoi(t.Name())
			if err != nil || seen[tid] {
				continue
			}
			seen[tid], fresh = true, true
			if err := unix.SchedSetaffinity(tid, &cpus.set); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("cpus of thread %d of process %d: %w", tid, pid, err)
			}
		}
		if !fresh {
			return nil
		}
	}
}
