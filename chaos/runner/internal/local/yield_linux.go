package local

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// yielding is by how much a fleet that yields is nicer than the runner: it gets about a
// tenth of a processor that both want.
const yielding = 10

// yield lets the threads of a container's process, and those that it starts, give way to
// the runner's where both want a processor.
func yield(pid int) error {
	// The kernel's own answer is 20 less the nice value.
	raw, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		return fmt.Errorf("priority of this process: %w", err)
	}
	const neutral, nicest = 20, 19
	// Each container has its own process group. Setting one process ID would change only
	// one of its threads.
	err = unix.Setpriority(unix.PRIO_PGRP, pid, min(nicest, neutral-raw+yielding))
	if err != nil && !errors.Is(err, unix.ESRCH) { // it has ended
		return fmt.Errorf("priority of process %d: %w", pid, err)
	}
	return nil
}
