// Package contract is the test that every target runs: what the engine relies on.
package contract

import (
	"errors"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/engine"
	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// Subject is a target in which everything works.
type Subject struct {
	Target engine.Target
	// Fault hits one or more targets, and can be planned, done and undone here.
	Fault fault.Fault
	// NoTarget selects nothing here.
	NoTarget fault.Fault
	// Lose takes the target away, as a crash would; nil when that cannot be done.
	Lose func()
	// Patience is how long an effect, and the return of pods, may take.
	Patience time.Duration
}

// Run checks a target against the contract of engine.Target. It leaves nothing
// injected, and the target lost when that can be done.
func Run(t *testing.T, s Subject) {
	t.Helper()
	ctx := t.Context()
	const run = fault.RunID("contract-run")
	residue := func(want int) {
		t.Helper()
		left, err := s.Target.Residue(ctx)
		if err != nil || len(left) != want {
			t.Errorf("residue: %v, %v; want %d", left, err, want)
		}
	}

	// Planning injects nothing, and what matches nothing has its own error.
	plan, err := s.Target.Plan(ctx, run, []fault.Fault{s.Fault})
	if err != nil {
		t.Fatalf("plan: %v", err)
	}
	if len(plan.Faults) != 1 || plan.Run != run || len(plan.Faults[0].Targets) == 0 {
		t.Fatalf("plan: %+v", plan)
	}
	residue(0)
	if empty, err := s.Target.Plan(ctx, run, []fault.Fault{s.NoTarget}); !errors.Is(err, fault.ErrNoTarget) && (err != nil || len(empty.Faults) != 1 || len(empty.Faults[0].Targets) != 0) {
		t.Errorf("a selector without a match: %+v, %v; want ErrNoTarget or no targets", empty, err)
	}

	// Every planned workload has its pods before the fault.
	healthy := func() bool {
		hs, err := s.Target.Health(ctx, plan)
		if err != nil || len(hs) == 0 {
			t.Fatalf("health: %v, %v", hs, err)
		}
		whole := true
		for _, h := range hs {
			planned := false
			for _, p := range plan.Faults {
				for _, tg := range p.Targets {
					planned = planned || tg.Workload == h.Workload
				}
			}
			if !planned || h.Wanted <= 0 {
				t.Errorf("health: %+v is not a workload of the plan", h)
			}
			whole = whole && h.Ready >= h.Wanted
		}
		return whole
	}
	if !healthy() {
		t.Error("pods are missing before the fault")
	}

	// Pods are under fault while it is in place.
	covered := func() int {
		cs, err := s.Target.Coverage(ctx, plan)
		if err != nil || len(cs) == 0 {
			t.Fatalf("coverage: %v, %v", cs, err)
		}
		n := 0
		for _, c := range cs {
			n += c.UnderFault + c.Down
		}
		return n
	}
	if n := covered(); n != 0 {
		t.Errorf("%d pods are under fault before the injection", n)
	}

	// Nothing shows before it is injected; then everything does.
	shown := func() bool {
		effects, err := s.Target.Effects(ctx, plan)
		if err != nil {
			return false
		}
		n := 0
		for _, e := range effects {
			if e.Shown && e.Observed == "" {
				t.Errorf("%s on %s is shown, and nothing was observed", e.Fault, e.Target.ID())
			}
			if e.Shown {
				n++
			}
		}
		return n == len(plan.Faults[0].Targets)
	}
	if shown() {
		t.Error("the effect shows before the injection")
	}
	if err := s.Target.Inject(ctx, plan); err != nil {
		t.Errorf("inject: %v", err)
	}
	eventually(t, s.Patience, "the effect does not show", shown)

	if n := covered(); n != len(plan.Faults[0].Targets) {
		t.Errorf("%d pods are under fault, want %d", n, len(plan.Faults[0].Targets))
	}

	// Removal needs the run's label only, and may be asked for again.
	for range 2 {
		if err := s.Target.Recover(ctx, run); err != nil {
			t.Errorf("recover: %v", err)
		}
	}
	if err := s.Target.Recover(ctx, "a-run-that-never-was"); err != nil {
		t.Errorf("recover another run: %v", err)
	}
	residue(0)
	if n := covered(); n != 0 {
		t.Errorf("%d pods are under fault after the removal", n)
	}
	eventually(t, s.Patience, "the pods do not come back", healthy)

	select {
	case err := <-s.Target.Lost():
		t.Errorf("the target says that it is lost: %v", err)
	default:
	}
	if s.Lose == nil {
		return
	}
	s.Lose()
	select {
	case err := <-s.Target.Lost():
		if !errors.Is(err, fault.ErrUnreachable) {
			t.Errorf("the loss is %v, want ErrUnreachable", err)
		}
	case <-time.After(s.Patience):
		t.Error("the target was lost and does not say so")
	}
}

// eventually asks until something is so.
func eventually(t *testing.T, patience time.Duration, what string, is func() bool) {
	t.Helper()
	for until := time.Now().Add(patience); !is(); {
		if time.Now().After(until) {
			t.Error(what)
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}
