//go:build integration && linux

package integration

import (
	"path/filepath"
	"testing"
	"time"
)

func TestTheExampleWithoutReplicasFails(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	r := h.finish(filepath.Join("docs", "examples", "all-replicas-fail.yaml"))
	got := evidence(t, r.out).one(t)
	if r.code != 1 || got.Verdict != "fail" || got.Reason != "slo-broken" {
		t.Errorf("exit code %d, %s (%s); want 1, fail (slo-broken)", r.code, got.Verdict, got.Reason)
	}
}

func TestTheExampleOfAGuardRailAborts(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	r := h.finish(filepath.Join("docs", "examples", "guard-rail.yaml"))
	got := evidence(t, r.out).one(t)
	if r.code != 4 || got.Verdict != "aborted" || got.Reason != "guard-rail" {
		t.Errorf("exit code %d, %s (%s); want 4, aborted (guard-rail)", r.code, got.Verdict, got.Reason)
	}
	// Every request fails from t0 on, and the rail looks at 3 s; without it the fault
	// would be observed for 30 s.
	const within = 15 * time.Second
	took := got.Removed.Sub(got.T0)
	t.Logf("from the first fault to its removal: %s", took)
	if got.T0.IsZero() || took <= 0 || took > within {
		t.Errorf("the guard rail removed the fault %s after t0, want more than nothing and at most %s", took, within)
	}
}

func TestControlRunsPassWithoutAFault(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	dir := t.TempDir()
	into(t, dir, podKill)
	into(t, dir, partition)
	r := h.finish("--control", dir)
	got := evidence(t, r.out)
	if r.code != 0 || got.Verdict != "pass" || len(got.Experiments) != 2 {
		t.Fatalf("exit code %d, %s, %d experiments; want 0, pass, 2", r.code, got.Verdict, len(got.Experiments))
	}
	for _, x := range got.Experiments {
		if !x.Control || x.Verdict != "pass" {
			t.Errorf("%s: control %t, %s (%s)", x.Name, x.Control, x.Verdict, x.Reason)
		}
	}
}

func TestTheHistoryOfTargetLocalIsNeverYoung(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	r := h.finish("--control", filepath.Join("chaos", "experiments", "monitor-pod-failure.yaml"))
	got := evidence(t, r.out).one(t)
	if r.code != 0 || len(got.Evidence.Before.Histories) == 0 {
		t.Fatalf("exit code %d, %s (%s), histories %v", r.code, got.Verdict, got.Reason, got.Evidence.Before.Histories)
	}
	for _, h := range got.Evidence.Before.Histories {
		if h.Reaches+h.Step < h.Window {
			t.Errorf("samples go back %g s of a window of %g s", h.Reaches, h.Window)
		}
	}
}

func TestRepeatRunsEveryExperimentThatOften(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	r := h.finish("--repeat", "2", document(t, podKill))
	got := evidence(t, r.out)
	if r.code != 0 || len(got.Experiments) != 2 {
		t.Fatalf("exit code %d, %d experiments; want 0 and 2", r.code, len(got.Experiments))
	}
	for i, x := range got.Experiments {
		if x.Attempt != i+1 || x.Verdict != "pass" {
			t.Errorf("experiments[%d]: attempt %d, %s (%s); want attempt %d, pass", i, x.Attempt, x.Verdict, x.Reason, i+1)
		}
	}
}

func TestAnAbortSkipsTheRestUnlessToldToGoOn(t *testing.T) {
	for _, c := range []struct {
		name    string
		flags   []string
		verdict string
		reason  string
	}{
		{"without --keep-going the next is skipped", nil, "inconclusive", "skipped"},
		{"with --keep-going the next is run", []string{"--keep-going"}, "pass", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			first, second := document(t, outage), document(t, podKill)
			r := h.finish(append(c.flags, "--parallel", "1", first, second)...)
			got := evidence(t, r.out)
			if r.code != 4 || len(got.Experiments) != 2 {
				t.Fatalf("exit code %d, %d experiments; want 4 and 2", r.code, len(got.Experiments))
			}
			if x := got.Experiments[0]; x.Verdict != "aborted" {
				t.Errorf("%s: %s (%s), want aborted", x.Name, x.Verdict, x.Reason)
			}
			if x := got.Experiments[1]; x.Verdict != c.verdict || x.Reason != c.reason {
				t.Errorf("%s: %s (%s), want %s (%s)", x.Name, x.Verdict, x.Reason, c.verdict, c.reason)
			}
		})
	}
}

func TestSelectRunsOnlyWhatCarriesTheLabel(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	dir := t.TempDir()
	into(t, dir, podKill)
	into(t, dir, memoryStress)
	r := h.finish("--select", "fault=memory-stress", dir)
	if got := evidence(t, r.out).one(t); got.Name != memoryStress.name || got.Verdict != "pass" {
		t.Errorf("%s: %s (%s), want %s: pass", got.Name, got.Verdict, got.Reason, memoryStress.name)
	}
}
