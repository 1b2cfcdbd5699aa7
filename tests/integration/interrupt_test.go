//go:build integration && linux

package integration

import (
	"sync"
	"syscall"
	"testing"
	"time"
)

// undone is how long a run may take to undo everything after a signal.
const undone = 7 * time.Second

// interruptible are moments in every phase that lasts: the start-up, and phases
// that the runner tells of.
var interruptible = []string{"start-up", "preflight", "baseline", "inject", "confirm", "observe", "recover"}

func TestASignalInAnyPhaseUndoesEverything(t *testing.T) {
	var mu sync.Mutex
	var longest time.Duration
	t.Cleanup(func() { t.Logf("the longest took %s of %s", longest.Round(time.Millisecond), undone) })
	faults := []variant{podFailure, partition, memoryStress}
	for i, phase := range interruptible {
		for j, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			t.Run(sig.String()+" in "+phase, func(t *testing.T) {
				t.Parallel()
				h := newHome(t)
				var r *runner
				if x := document(t, faults[(i+j)%len(faults)]); phase == "start-up" {
					r = h.run(x)
					h.keeper()
				} else {
					r = h.reach(phase, x)
				}
				sockets := h.sockets()
				sent := time.Now()
				r.signal(sig)
				code := r.ended()
				took := h.empty(sent.Add(undone), sockets).Sub(sent)
				t.Logf("undone in %s", took.Round(time.Millisecond))
				mu.Lock()
				longest = max(longest, took)
				mu.Unlock()
				got := evidence(t, r.out)
				if x := got.one(t); code != 3 || got.Verdict != "inconclusive" || x.Verdict != "inconclusive" || x.Reason != "interrupted" {
					t.Errorf("exit code %d, %s: %s (%s); want 3, inconclusive (interrupted)", code, got.Verdict, x.Verdict, x.Reason)
				}
			})
		}
	}
}

func TestASecondInterruptEndsAtOnce(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	r := h.reach("observe", document(t, partition))
	sockets := h.sockets()
	// Of two equal signals that wait the kernel makes one.
	r.signal(syscall.SIGINT)
	r.signal(syscall.SIGTERM)
	if code := r.ended(); code != 130 {
		t.Errorf("exit code %d, want 130: it ended in order instead of at once", code)
	}
	h.empty(time.Now().Add(cleared), sockets)
	h.swept()
}

// keeper blocks until a keeper lives and returns it.
func (h *home) keeper() process {
	h.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if found := h.only("__keeper"); len(found) > 0 {
			return found[0]
		}
	}
	h.t.Fatalf("no keeper within %s", patience)
	return process{}
}

// swept fails the test when `ballast sweep` finds anything.
func (h *home) swept() {
	h.t.Helper()
	if code, stdout, stderr := h.ballast("sweep"); code != 0 || stdout != "nothing was left behind\n" {
		h.t.Errorf("ballast sweep: exit code %d: %s%s", code, stdout, stderr)
	}
}
