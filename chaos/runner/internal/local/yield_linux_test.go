package local

import (
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAContainerYieldsToTheRunner(t *testing.T) {
	before, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sleep", "60")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := yield(cmd.Process.Pid); err != nil {
		t.Error(err)
	}
	// The kernel's answer is 20 less the nice value, which is 19 at most.
	after, err := unix.Getpriority(unix.PRIO_PROCESS, cmd.Process.Pid)
	if want := max(1, before-yielding); err != nil || after != want {
		t.Errorf("priority %d, %v; want %d, the runner has %d", after, err, want, before)
	}
	if own, err := unix.Getpriority(unix.PRIO_PROCESS, 0); err != nil || own != before {
		t.Errorf("the runner has priority %d, %v; want %d as before", own, err, before)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if err := yield(cmd.Process.Pid); err != nil {
		t.Errorf("a process that has ended: %v", err)
	}
}
