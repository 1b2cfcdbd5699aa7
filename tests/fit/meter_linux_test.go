package main

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// The thread of each test is never unlocked: it ends with the test, and its priority
// with it.
func TestTheMeterHasNormalPriority(t *testing.T) {
	for _, c := range []struct {
		name     string
		attr     unix.SchedAttr
		handicap string
	}{
		{"as it was", unix.SchedAttr{Policy: unix.SCHED_NORMAL}, ""},
		{"started with nice", unix.SchedAttr{Policy: unix.SCHED_NORMAL, Nice: 7}, "niceness 7"},
		{"started as a batch", unix.SchedAttr{Policy: unix.SCHED_BATCH}, "policy batch"},
		{"started with chrt --idle", unix.SchedAttr{Policy: unix.SCHED_IDLE}, "policy idle"},
	} {
		t.Run(c.name, func(t *testing.T) {
			runtime.LockOSThread()
			if err := unix.SchedSetAttr(0, &c.attr, 0); err != nil {
				t.Skipf("this thread's priority cannot be set: %v", err)
			}
			if got := handicap(); got != c.handicap {
				t.Errorf("handicap %q, want %q", got, c.handicap)
			}
			want := ""
			if os.Getuid() != 0 {
				want = c.handicap // it takes a right to raise a priority
			}
			if got := normalPriority(); got != want {
				t.Errorf("then %q is left, want %q", got, want)
			}
		})
	}
}
