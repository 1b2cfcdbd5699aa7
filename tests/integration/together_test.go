//go:build integration && linux

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Two runs beside a third that is killed: neither its death nor their own faults
// may reach the other. Not parallel: three fleets are enough for two cores.
func TestRunsAtOnceDoNotDisturbEachOther(t *testing.T) {
	h := newHome(t)
	var runs []*runner
	for _, v := range []variant{podKill, partition} {
		runs = append(runs, h.run(document(t, v)))
	}
	killed := h.reach("confirm", document(t, podFailure))
	killed.signal(syscall.SIGKILL)
	killed.ended()
	for _, r := range runs {
		x := evidenceOf(t, r)
		if r.code != 0 || x.Verdict != "pass" {
			t.Errorf("%s: exit code %d, %s (%s), want a pass: %+v", x.Name, r.code, x.Verdict, x.Reason, x.Findings)
		}
	}
	h.empty(time.Now().Add(cleared), nil)
}

func TestCPUStressWaitsForOthers(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	first := h.run(document(t, podKill))
	first.await(inPhase("preflight"))
	stress := h.run(document(t, cpuStress))
	stress.queues()
	verdict := first.await(isVerdict)
	stress.await(inPhase("preflight"))
	if early := stress.told(func(e event) bool { return !e.Time.After(verdict.Time) }); len(early) > 0 {
		t.Errorf("the CPU stress did not wait for the run under way, which ended at %s: %+v", verdict.Time, early[0])
	}
	// The other way round: one more waits for the stress.
	second := h.run(document(t, podKill))
	second.queues()
	stress.await(inPhase("baseline"))
	if early := second.told(func(event) bool { return true }); len(early) > 0 {
		t.Errorf("a run began beside a CPU stress: %+v", early)
	}
	stress.signal(syscall.SIGINT)
	if code := stress.ended(); code != 3 {
		t.Errorf("the interrupted stress: exit code %d, want 3", code)
	}
	second.await(inPhase("preflight"))
	second.signal(syscall.SIGINT)
	second.ended()
	h.empty(time.Now(), nil)
}

func TestAWaitingRunCanBeInterrupted(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	first := h.run(document(t, podKill))
	first.await(inPhase("preflight"))
	waiting := h.run(document(t, cpuStress))
	waiting.queues()
	waiting.signal(syscall.SIGINT)
	if x := evidenceOf(t, waiting); waiting.code != 3 || x.Reason != "interrupted" {
		t.Errorf("exit code %d, %s (%s); want 3, inconclusive (interrupted)", waiting.code, x.Verdict, x.Reason)
	}
	if len(first.told(isVerdict)) > 0 {
		t.Error("the interrupt did not end a waiting run before it could have begun")
	}
	first.signal(syscall.SIGINT)
	first.ended()
}

// queues blocks until the runner has the machine's lock file open: it holds a
// place or waits for one.
func (r *runner) queues() {
	r.t.Helper()
	fds := fmt.Sprintf("/proc/%d/fd/*", r.cmd.Process.Pid)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		open, err := filepath.Glob(fds)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, fd := range open {
			if file, err := os.Readlink(fd); err == nil && filepath.Base(file) == ".machine" {
				return
			}
		}
	}
	r.t.Fatalf("the runner asks for no place within %s", patience)
}
