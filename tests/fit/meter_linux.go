package main

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// sleepUntil blocks this thread in the kernel.
func sleepUntil(due time.Time) {
	for {
		left := time.Until(due)
		if left <= 0 {
			return
		}
		ts := unix.NsecToTimespec(int64(left))
		_ = unix.Nanosleep(&ts, nil) // a signal cuts it short, and the loop goes on
	}
}

// handicap says in which way this thread has less than normal priority; empty when it
// has not.
func handicap() string {
	attr, err := unix.SchedGetAttr(0, 0)
	switch {
	case err != nil:
		return fmt.Sprintf("a priority that cannot be read (%v)", err)
	case attr.Policy == unix.SCHED_BATCH:
		return "policy batch"
	case attr.Policy == unix.SCHED_IDLE:
		return "policy idle"
	case attr.Policy == unix.SCHED_NORMAL && attr.Nice > 0:
		return fmt.Sprintf("niceness %d", attr.Nice)
	}
	return ""
}

// normalPriority raises this thread to normal priority, which takes root or
// CAP_SYS_NICE, and returns the handicap that is left.
func normalPriority() string {
	if handicap() != "" {
		// What remains when this fails is what the caller gets to know.
		_ = unix.SchedSetAttr(0, &unix.SchedAttr{Policy: unix.SCHED_NORMAL}, 0)
	}
	return handicap()
}
