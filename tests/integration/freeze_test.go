//go:build integration && linux

package integration

import (
	"syscall"
	"testing"
	"time"
)

// A frozen process keeps its port and accepts connections: only a client that
// goes on asking at its own pace sees that nobody answers.
func TestAFreezeOfAllReplicasIsSeen(t *testing.T) {
	t.Parallel()
	const frozen = 12 * time.Second
	slow := memoryStress
	slow.phases = phases{baseline: 8, observe: 16, recover: 20}
	h := newHome(t)
	r := h.reach("observe", document(t, slow))
	monitors := h.only("monitor")
	if len(monitors) != 3 {
		t.Fatalf("%d monitors run, want 3: %v", len(monitors), monitors)
	}
	h.signal(syscall.SIGSTOP, monitors...)
	select {
	case <-time.After(frozen):
	case <-r.done:
		t.Errorf("the run ended while the replicas were frozen")
	}
	h.signal(syscall.SIGCONT, monitors...)
	if x := evidenceOf(t, r); r.code != 1 || x.Verdict != "fail" || x.Reason != "slo-broken" {
		t.Errorf("exit code %d, %s (%s); want 1, fail (slo-broken): %+v", r.code, x.Verdict, x.Reason, x.Findings)
	}
}
