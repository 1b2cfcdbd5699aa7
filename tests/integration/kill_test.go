//go:build integration && linux

package integration

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// cleared is how long the keeper may take after the runner was killed.
const cleared = 5 * time.Second

// kill is one planned murder of a runner.
type kill struct {
	variant
	after time.Duration // its start
}

// number reads a whole number from the environment.
func number(t *testing.T, key string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(key)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return n
}

func TestAKilledRunnerLeavesNothing(t *testing.T) {
	const lanes = 3
	kills := number(t, "BALLAST_KILLS", 30)
	seed := number(t, "BALLAST_SEED", rand.Uint64())
	whole := wholeRun(t)
	t.Logf("%d kills within the %s of a run; the same moments again: BALLAST_SEED=%d", kills, whole.Round(time.Millisecond), seed)

	rng := rand.New(rand.NewPCG(seed, 0))
	plans := make([][]kill, lanes)
	faults := []variant{podFailure, partition, memoryStress, podKill}
	for i := range int(kills) {
		// One moment in each of as many equal parts of the run: uniform, and no
		// seed leaves a phase out.
		part := (float64(i) + rng.Float64()) / float64(kills)
		plans[i%lanes] = append(plans[i%lanes], kill{faults[i%len(faults)], time.Duration(part * float64(whole))})
	}
	var mu sync.Mutex
	var longest time.Duration
	early := 0
	t.Cleanup(func() {
		t.Logf("everything was gone after at most %s of %s; %d of %d runs had ended before", longest.Round(time.Millisecond), cleared, early, kills)
		if early*4 > int(kills) {
			t.Errorf("%d of %d runs ended before they were killed: the moments do not match the runs", early, kills)
		}
	})
	for lane, plan := range plans {
		t.Run(fmt.Sprintf("lane %d", lane+1), func(t *testing.T) {
			t.Parallel()
			// One home for all of a lane: each run starts where one was killed.
			h := newHome(t)
			for _, k := range plan {
				took, ended := h.kill(k)
				mu.Lock()
				longest = max(longest, took)
				if ended {
					early++
				}
				mu.Unlock()
			}
			r := h.finish(document(t, podKill))
			if got := evidence(t, r.out).one(t); r.code != 0 || got.Verdict != "pass" {
				t.Errorf("the run after the last kill: exit code %d, %s (%s), want a pass", r.code, got.Verdict, got.Reason)
			}
		})
	}
}

// wholeRun measures how long a run takes that nobody disturbs.
func wholeRun(t *testing.T) time.Duration {
	t.Helper()
	h := newHome(t)
	start := time.Now()
	r := h.run(document(t, podFailure))
	r.ended()
	return time.Since(start)
}

// kill starts a run, kills its runner at the planned moment, and fails the test
// unless everything is gone in time and nothing hinders the next run. It returns
// how long that took, and whether the run had ended before.
func (h *home) kill(k kill) (took time.Duration, ended bool) {
	h.t.Helper()
	r := h.run(document(h.t, k.variant))
	select {
	case <-r.done:
		ended = true
	case <-time.After(k.after):
	}
	phase, sockets := r.lastPhase(), h.sockets()
	killed := time.Now()
	r.signal(syscall.SIGKILL)
	r.ended()
	took = h.empty(killed.Add(cleared), sockets).Sub(killed)
	h.t.Logf("%s killed after %s in %s with %d sockets: gone within %s",
		k.name, k.after.Round(time.Millisecond), phase, len(sockets), took.Round(time.Millisecond))
	if before := r.told(func(e event) bool {
		return e.Reason == "residue-before" || e.Finding != nil && e.Finding.Reason == "residue-before"
	}); len(before) > 0 {
		h.t.Errorf("the run found what the one before had left: %+v", before)
	}
	h.swept()
	if code, _, stderr := h.ballast("validate", document(h.t, k.variant)); code != 0 {
		h.t.Errorf("ballast validate after the kill: exit code %d: %s", code, stderr)
	}
	return took, ended
}
