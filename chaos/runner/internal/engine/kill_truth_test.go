package engine_test

import (
	"fmt"
	"testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

func killed() error {
	return fmt.Errorf("ConfigMap ballast/kill-switch is set: %w", fault.ErrKillSwitch)
}

// kill delivers the kill switch when a phase begins.
func (s *setup) kill(p result.Phase) { s.at(p, func() { s.target.lost <- killed() }) }

// killTruths are worlds in which somebody sets the kill switch.
func killTruths() []row {
	const inc, aborted, reason = result.Inconclusive, result.Aborted, result.KillSwitch
	undone := func(t *testing.T, s *setup, r result.Run, err error) {
		t.Helper()
		faultsRemoved(t, s, r, err)
		if s.target.removals == 0 || r.Evidence.Cleanup == nil || !r.Evidence.Cleanup.Audited {
			t.Error("nothing was removed, or what is left was not looked for")
		}
	}
	return []row{
		{name: "a kill switch that is set before the run", set: func(s *setup) { s.target.residueErr = killed() }, verdict: inc, reason: reason, check: notTouched},
		{name: "a kill switch that is set when the faults are planned", set: func(s *setup) { s.target.planErr = killed() }, verdict: inc, reason: reason, check: notTouched},
		{name: "a kill switch that refuses the injection", set: func(s *setup) { s.target.injectErr = killed() }, verdict: inc, reason: reason, check: undone},
		{name: "a kill switch in warm-up", set: func(s *setup) { s.kill(result.WarmUp) }, verdict: inc, reason: reason, check: notTouched},
		{name: "a kill switch in the baseline", set: func(s *setup) { s.kill(result.Baseline) }, verdict: inc, reason: reason, check: notTouched},
		{name: "a kill switch during the injection", set: func(s *setup) {
			s.target.after["Inject"] = func() { s.target.lost <- killed() }
		}, verdict: aborted, reason: reason, check: undone},
		{name: "a kill switch under fault ends it at once", set: func(s *setup) { s.kill(result.Observe) }, verdict: aborted, reason: reason, check: func(t *testing.T, s *setup, r result.Run, err error) {
			undone(t, s, r, err)
			if took := s.target.removed.Sub(r.Evidence.Moments.T1.Local()); took > s.slow(1e9) {
				t.Errorf("the fault was there for %s after the switch was set", took)
			}
		}},
		{name: "a kill switch in the recovery", set: func(s *setup) { s.kill(result.Recover) }, verdict: aborted, reason: reason, check: undone},
		{name: "a kill switch outranks the breach that it saw", set: func(s *setup) {
			s.during(outage())
			s.kill(result.Recover)
		}, verdict: aborted, reason: reason, check: undone},
		{name: "a kill switch does not hide what is left", set: func(s *setup) {
			s.kill(result.Observe)
			s.target.recoverErr = fmt.Errorf("no")
		}, verdict: result.Residual, reason: result.LeftBehind},
	}
}
