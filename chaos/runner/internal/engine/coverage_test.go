package engine_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

func TestTheShareUnderFaultIsCountedUntilAllIsOver(t *testing.T) {
	const workload = "Deployment/monitor"
	count := func(ready, under, down int) []fault.Coverage {
		return []fault.Coverage{{Workload: workload, Ready: ready, UnderFault: under, Down: down}}
	}
	// What each row is counted to be, without the times.
	for name, tc := range map[string]struct {
		set  func(s *setup)
		want []result.Cover
	}{
		"one pod while the fault is there": {func(s *setup) {
			s.target.coverage = func(time.Duration) ([]fault.Coverage, error) {
				// The first count and the injection are at the same time.
				if since, faulty := s.target.since(time.Now()); faulty && since > 0 {
					return count(3, 1, 0), nil
				}
				return count(3, 0, 0), nil
			}
		}, []result.Cover{{Ready: 3}, {Ready: 3, UnderFault: 1}, {Ready: 3}}},
		"a pod that was not hit comes, the hit one leaves": {func(s *setup) {
			s.target.coverage = func(since time.Duration) ([]fault.Coverage, error) {
				switch {
				case since < 2*time.Second:
					return count(2, 0, 1), nil
				case since < 4*time.Second:
					return count(3, 0, 1), nil
				}
				return count(3, 0, 0), nil
			}
		}, []result.Cover{{Ready: 2, Down: 1}, {Ready: 3, Down: 1}, {Ready: 3}}},
		"the target cannot say for a while": {func(s *setup) {
			s.target.coverage = func(since time.Duration) ([]fault.Coverage, error) {
				if since > 2*time.Second && since < 4*time.Second {
					return nil, errors.New("the API server is silent")
				}
				return count(3, 1, 0), nil
			}
		}, []result.Cover{{Ready: 3, UnderFault: 1}, {Unknown: true}, {Ready: 3, UnderFault: 1}}},
		"the target panics": {func(s *setup) {
			s.target.coverage = func(time.Duration) ([]fault.Coverage, error) { panic("a bug") }
		}, []result.Cover{{Unknown: true}}},
		"the answer lacks the workload": {func(s *setup) {
			s.target.coverage = func(time.Duration) ([]fault.Coverage, error) { return nil, nil }
		}, []result.Cover{{Unknown: true}}},
		"a control run injects nothing": {func(s *setup) { s.cfg.Control = true }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				row{set: tc.set, verdict: result.Pass, check: func(t *testing.T, _ *setup, r result.Run, _ error) {
					t.Helper()
					var got []result.Cover
					last := result.Seconds(-1)
					for _, c := range r.Evidence.Series.Coverage {
						if c.Workload != workload || c.Until < result.InSeconds(r.Removed.Sub(*r.T0)) {
							t.Errorf("%s until %v", c.Workload, c.Until)
						}
						for _, step := range c.Steps {
							if step.At <= last {
								t.Errorf("the step at %v s follows the one at %v s", step.At, last)
							}
							last, step.At = step.At, 0
							got = append(got, step)
						}
					}
					if d := cmp.Diff(tc.want, got); d != "" {
						t.Errorf("(-want +got):\n%s", d)
					}
				}}.run(t, time.Second)
			})
		})
	}
}
