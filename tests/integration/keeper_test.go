//go:build integration && linux

package integration

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestAKilledKeeperIsALostTarget(t *testing.T) {
	for _, phase := range []string{"baseline", "observe", "recover"} {
		t.Run("in "+phase, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			r := h.reach(phase, document(t, podFailure))
			keeper, sockets := h.keeper(), h.sockets()
			killed := time.Now()
			h.signal(syscall.SIGKILL, keeper)
			code := r.ended()
			took := h.empty(killed.Add(15*time.Second), sockets).Sub(killed)
			t.Logf("the runner ended in order within %s", took.Round(time.Millisecond))
			if x := evidence(t, r.out).one(t); code != 3 || x.Verdict != "inconclusive" || x.Reason != "target-unreachable" {
				t.Errorf("exit code %d, %s (%s); want 3, inconclusive (target-unreachable): %+v", code, x.Verdict, x.Reason, x.Findings)
			}
			h.swept()
		})
	}
}

func TestSweepRemovesWhatKeeperAndRunnerLeave(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	r := h.reach("observe", document(t, memoryStress))
	keeper := h.keeper()
	if len(h.only("__stress")) == 0 {
		t.Error("no stressor runs in observe")
	}
	killed := time.Now()
	h.signal(syscall.SIGKILL, keeper)
	r.signal(syscall.SIGKILL)
	r.ended()
	for len(h.processes()) > 0 {
		if time.Since(killed) > cleared {
			t.Fatalf("processes live %s after keeper and runner were killed: %v", cleared, h.processes())
		}
		time.Sleep(20 * time.Millisecond)
	}
	if !slices.ContainsFunc(h.files(), func(name string) bool { return strings.Contains(name, "/run-") }) {
		t.Errorf("there is no run's directory; who removed it? %v", h.files())
	}

	next := h.run(document(t, podKill))
	if x := evidenceOf(t, next); next.code != 3 || x.Verdict != "inconclusive" || x.Reason != "residue-before" {
		t.Errorf("a run beside the leftovers: exit code %d, %s (%s); want 3, inconclusive (residue-before)", next.code, x.Verdict, x.Reason)
	}
	code, stdout, stderr := h.ballast("sweep")
	if code != 0 || !strings.HasPrefix(stdout, "removed ") {
		t.Errorf("ballast sweep: exit code %d: %s%s", code, stdout, stderr)
	}
	h.swept()
	h.empty(time.Now(), nil)
}

// evidenceOf waits for a run of one experiment and reads its evidence.
func evidenceOf(t *testing.T, r *runner) experiment {
	t.Helper()
	r.ended()
	return evidence(t, r.out).one(t)
}

// signal sends one to each of the processes.
func (h *home) signal(sig syscall.Signal, processes ...process) {
	h.t.Helper()
	for _, p := range processes {
		if err := syscall.Kill(p.pid, sig); err != nil {
			h.t.Errorf("%v to %s: %v", sig, p, err)
		}
	}
}
