package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/engine"
	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/slo"
)

// predicted expects an alert without a bound, which its rule predicts: 5 s at the
// latest, and 12 s of slack.
func (s *setup) predicted() {
	s.expect(0, 0)
	s.cfg.Alerts = []slo.AlertModel{{Name: "ReplicaDown", Labels: map[string]string{"severity": "ticket"}, For: s.slow(2 * time.Second)}}
	s.x.Observe = 3 * time.Second
}

const bound = 17 * time.Second

// downFrom takes a replica away while the fault is in place, from the time given on.
func (s *setup) downFrom(at time.Duration) {
	s.behave = func(_ *world, since time.Duration, on bool) second {
		if on && since >= at {
			return second{requests: 100, down: 1}
		}
		return healthy()
	}
}

// sent expects an alert that fires for as long as the fault lasts, and asks about its
// delivery.
func (s *setup) sent(notices func(context.Context, map[string]string) ([]prom.Notice, error)) {
	s.expect(5*time.Minute, 0)
	s.downFrom(0)
	s.cfg.Delivery = engine.Delivery{From: "alertmanager.test", Notices: notices}
}

// heldBetween checks how long the fault was in place, and that it would have lasted.
func heldBetween(least, most time.Duration) func(*testing.T, *setup, result.Run, error) {
	return func(t *testing.T, s *setup, r result.Run, err error) {
		t.Helper()
		faultsRemoved(t, s, r, err)
		if took := s.quick(s.target.removed.Sub(s.target.injected)); took < least || took > most {
			t.Errorf("the fault was in place for %s, right are %s to %s", took, least, most)
		}
		if lasts := s.quick(r.Evidence.Plan.Faults[0].Duration.Duration()); lasts < bound+s.x.Recover {
			t.Errorf("the fault would have ended by itself after %s", lasts)
		}
	}
}

// burn forbids pages, of which one comes from a burn alert over 400 s that wants more
// than the given error ratio. ratio is what is recorded over them.
func (s *setup) burn(threshold float64, ratio string) {
	s.forbidPages()
	s.cfg.Alerts = []slo.AlertModel{{
		Name: "BudgetBurn", Labels: map[string]string{"severity": "page"}, SLO: "availability", Objective: 0.999,
		Burn:      &slo.BurnWindow{Long: s.slow(400 * time.Second), Short: s.slow(40 * time.Second), Rate: threshold / 0.001},
		LongRatio: ratio, Total: "probe_requests_total",
	}}
}

// earlier lets Prometheus record an error ratio of a half until a time after the
// beginning.
func (s *setup) earlier(until time.Duration) {
	began := time.Now()
	s.burn(0.02, "g")
	s.behave = func(*world, time.Duration, bool) second {
		v := 0.0
		if s.quick(time.Since(began)) < until {
			v = 0.5
		}
		return with(healthy(), gauge(v))
	}
}

// leftover forbids an alert that is pending while the given says so, of the time since the
// beginning, and fires after nine seconds of it.
func (s *setup) leftover(pending func(since time.Duration) bool) {
	began := time.Now()
	s.cfg.SettleTimeout = s.slow(60 * time.Second)
	s.more = "  - alert: Leftover\n    expr: g > 0\n    for: 9s\n    labels: {severity: rollout}\n"
	s.x.Forbid = []experiment.ForbiddenAlert{{Labels: map[string]string{"severity": "rollout"}}}
	s.cfg.Alerts = []slo.AlertModel{{Name: "Leftover", Labels: map[string]string{"severity": "rollout"}}}
	s.behave = func(*world, time.Duration, bool) second {
		v := 0.0
		if pending(s.quick(time.Since(began))) {
			v = 1
		}
		return with(healthy(), gauge(v))
	}
}

// baselines counts them.
func baselines(r result.Run) int {
	n := 0
	for _, p := range r.Phases {
		if p.Phase == result.Baseline {
			n++
		}
	}
	return n
}

func alertTruths() []row {
	const inc, fail, pass = result.Inconclusive, result.Fail, result.Pass
	noErrors := `0 * max(probe_requests_total)`
	return []row{
		// The hold.
		{name: "an alert without a bound is given what its rule predicts", set: func(s *setup) {
			s.predicted()
			s.x.Observe = 8 * time.Second
			s.downFrom(0)
		}, verdict: pass, check: func(t *testing.T, s *setup, r result.Run, err error) {
			heldBetween(8*time.Second, 10*time.Second)(t, s, r, err)
			if e := r.Spec.Expect[0]; e.Within.Duration() != s.slow(bound) || !e.WithinPredicted || !e.ResolvesPredicted || e.ResolvesWithin == 0 {
				t.Errorf("the bounds are not in the spec: %+v", e)
			}
		}},
		{name: "a fault is held until the alert fires, and no longer", set: func(s *setup) {
			s.predicted()
			s.downFrom(8 * time.Second)
		}, verdict: pass, check: heldBetween(10*time.Second, 14*time.Second)},
		{name: "a fault is held until the bound of an alert that never fires", set: func(s *setup) {
			s.predicted()
		}, verdict: fail, reason: result.AlertMissing, check: heldBetween(bound-time.Millisecond, bound+2*time.Second)},
		{name: "a bound that is longer than observe holds the fault, too", set: func(s *setup) {
			s.predicted()
			s.x.Expect[0].Within = bound
			s.downFrom(8 * time.Second)
		}, verdict: pass, check: heldBetween(10*time.Second, 14*time.Second)},
		{name: "a fault that vanishes while the alert is waited for was not held", set: func(s *setup) {
			s.predicted()
			s.target.effects = func(since time.Duration, _ fault.Planned, _ fault.Target) fault.Effect {
				return fault.Effect{Injected: true, Shown: since < 8*time.Second}
			}
		}, verdict: inc, reason: result.NotHeld, check: faultsRemoved},
		{name: "a guard rail is armed while the alert is waited for", set: func(s *setup) {
			s.predicted()
			s.guardRail(500, 3*time.Second)
			s.between(8*time.Second, time.Hour, outage())
		}, verdict: result.Aborted, reason: result.GuardRail, check: removedWithin(14 * time.Second)},
		{name: "a control run does not wait for alerts", set: func(s *setup) {
			s.predicted()
			s.cfg.Control = true
		}, verdict: pass, check: func(t *testing.T, s *setup, r result.Run, _ error) {
			for _, p := range r.Phases {
				if took := s.quick(p.End.Sub(p.Start)); p.Phase == result.Observe && took > 4*time.Second {
					t.Errorf("observed for %s", took)
				}
			}
		}},
		{name: "an alert that no rule predicts is not run without a bound", set: func(s *setup) {
			s.predicted()
			s.cfg.Alerts[0].Opaque = true
		}, verdict: inc, reason: result.PhasesTooShort, check: notTouched},
		{name: "an alert that no rule predicts is run with a bound", set: func(s *setup) {
			s.predicted()
			s.cfg.Alerts[0].Opaque = true
			s.x.Expect[0].Within = bound
			s.downFrom(0)
		}, verdict: pass},
		{name: "an alert that its rule cannot fire within its bound is not run", set: func(s *setup) {
			s.predicted()
			s.x.Expect[0].Within = 3500 * time.Millisecond
			s.cfg.Alerts[0].For = s.slow(4 * time.Second)
		}, verdict: inc, reason: result.PhasesTooShort, check: notTouched},
		{name: "an alert that cannot fire before the fault ends by itself is not run", set: func(s *setup) {
			s.predicted()
			s.x.Faults[0] = fault.WithDuration(s.x.Faults[0], 1500*time.Millisecond)
		}, verdict: inc, reason: result.PhasesTooShort, check: notTouched},

		// Alertmanager.
		{name: "an expected alert that reaches Alertmanager passes", set: func(s *setup) {
			s.sent(func(context.Context, map[string]string) ([]prom.Notice, error) {
				return []prom.Notice{{Labels: map[string]string{"alertname": "ReplicaDown", "cluster": "here"}, StartsAt: time.Now()}}, nil
			})
		}, verdict: pass, check: func(t *testing.T, _ *setup, r result.Run, _ error) {
			if d := r.Evidence.Delivery; len(d.Alerts) != 1 || d.Alerts[0].Seen == nil || d.Alerts[0].StartsAt == nil || d.From != "alertmanager.test" {
				t.Errorf("the evidence is %+v", d)
			}
			if len(r.Alerts) != 1 || !strings.HasPrefix(r.Alerts[0].Delivery, "Alertmanager had it within ") {
				t.Errorf("the alerts are %+v", r.Alerts)
			}
		}},
		{name: "an expected alert of which Alertmanager does not hear fails", set: func(s *setup) {
			s.sent(func(context.Context, map[string]string) ([]prom.Notice, error) {
				long := time.Now().Add(-24 * time.Hour) // that of another cluster
				return []prom.Notice{{Labels: map[string]string{"alertname": "ReplicaDown"}, StartsAt: long}}, nil
			})
		}, verdict: fail, reason: result.AlertNotDelivered, check: faultsRemoved},
		{name: "an expected alert that Alertmanager does not answer about says nothing", set: func(s *setup) {
			s.sent(func(ctx context.Context, _ map[string]string) ([]prom.Notice, error) {
				<-ctx.Done()
				return nil, fmt.Errorf("alertmanager is silent: %w", ctx.Err())
			})
		}, verdict: inc, reason: result.DeliveryUnknown, check: faultsRemoved},
		{name: "an Alertmanager that cannot be asked says nothing", set: func(s *setup) {
			s.sent(nil)
			s.cfg.Delivery = engine.Delivery{Trouble: errors.New("forbidden")}
		}, verdict: inc, reason: result.DeliveryUnknown, check: faultsRemoved},
		{name: "where there is no Alertmanager, an alert that fires passes", set: func(s *setup) {
			s.sent(nil)
			s.cfg.Delivery = engine.Delivery{None: "there is no Alertmanager"}
		}, verdict: pass, check: func(t *testing.T, _ *setup, r result.Run, _ error) {
			if !slices.ContainsFunc(r.Asserts, func(a result.Assertion) bool { return strings.Contains(a.Observed, "there is no Alertmanager") }) {
				t.Errorf("it is not said: %+v", r.Asserts)
			}
		}},

		// Errors of earlier experiments.
		{name: "earlier errors are waited for", set: func(s *setup) {
			s.cfg.SettleTimeout = s.slow(60 * time.Second)
			s.earlier(20 * time.Second)
		}, verdict: pass, check: func(t *testing.T, s *setup, r result.Run, _ error) {
			said := slices.ContainsFunc(s.events, func(e result.Event) bool {
				return e.Phase == result.Settle && e.Until != nil && e.Until.Sub(e.Time).Round(s.scrape) == s.cfg.SettleTimeout
			})
			if b := r.Evidence.Before.Settled; !said || b == nil || b.Waited.Duration() < s.slow(10*time.Second) || len(b.Left) > 0 {
				t.Errorf("it was not said how long it may take (%v), or how long it took: %+v", said, b)
			}
		}},
		{name: "earlier errors that stay are an unhealthy baseline", set: func(s *setup) {
			s.cfg.SettleTimeout = s.slow(20 * time.Second)
			s.earlier(time.Hour)
		}, verdict: inc, reason: result.BaselineUnhealthy, check: notTouched},
		{name: "where nobody waits, nobody asks for earlier errors", set: func(s *setup) { s.earlier(time.Hour) }, verdict: pass},
		{name: "what does not hold is not waited for", set: func(s *setup) {
			s.cfg.SettleTimeout = s.slow(60 * time.Second)
			s.earlier(0)
		}, verdict: pass, check: func(t *testing.T, _ *setup, r result.Run, _ error) {
			if r.Evidence.Before.Settled != nil {
				t.Error("it waited for nothing")
			}
		}},
		{name: "a pending alert is waited for", set: func(s *setup) {
			s.leftover(func(since time.Duration) bool { return since < 5*time.Second })
		}, verdict: pass, check: func(t *testing.T, _ *setup, r result.Run, _ error) {
			if r.Evidence.Before.Settled == nil {
				t.Error("it waited for nothing")
			}
		}},
		{name: "a baseline that ends with a pending alert is watched again", set: func(s *setup) {
			s.leftover(func(since time.Duration) bool { return since > 3*time.Second && since < 10*time.Second })
		}, verdict: pass, check: func(t *testing.T, _ *setup, r result.Run, _ error) {
			if r.Evidence.Before.Settled == nil || baselines(r) != 2 {
				t.Errorf("it waited %v, with %d baselines", r.Evidence.Before.Settled, baselines(r))
			}
		}},
		{name: "a pending alert that fires is an unhealthy baseline", set: func(s *setup) {
			s.leftover(func(since time.Duration) bool { return since > 3*time.Second })
		}, verdict: inc, reason: result.BaselineUnhealthy, check: notTouched},
		{name: "alerts that are pending again and again are an unhealthy baseline", set: func(s *setup) {
			s.leftover(func(since time.Duration) bool { return since%(8*time.Second) < 6*time.Second })
		}, verdict: inc, reason: result.BaselineUnhealthy, check: notTouched},
		{name: "an interrupt while earlier errors are waited for", set: func(s *setup) {
			s.cfg.SettleTimeout = s.slow(60 * time.Second)
			s.earlier(time.Hour)
			s.interrupt(result.Settle)
		}, verdict: inc, reason: result.Interrupted, check: notTouched},

		// Young history.
		{name: "a forbidden alert that only a young history fires says nothing", set: func(s *setup) {
			s.burn(0.02, noErrors)
			s.between(0, 2*time.Second, second{requests: 100, bad: 60})
		}, verdict: inc, reason: result.YoungHistory},
		{name: "a forbidden alert that a full history would fire, too, fails", set: func(s *setup) {
			s.burn(0.001, noErrors)
			s.between(0, 2*time.Second, second{requests: 100, bad: 60})
		}, verdict: fail, reason: result.AlertForbidden},
		{name: "a forbidden alert over a full history fails", set: func(s *setup) {
			s.past = 410 * time.Second
			s.burn(0.02, noErrors)
			s.between(0, 2*time.Second, second{requests: 100, bad: 60})
		}, verdict: fail, reason: result.AlertForbidden},
		{name: "an expected alert that fires in a young history passes", set: func(s *setup) {
			s.burn(0.02, noErrors)
			s.x.Forbid = nil
			s.x.Expect = []experiment.ExpectedAlert{{Name: "BudgetBurn", Within: 12 * time.Second, ResolvesWithin: 12 * time.Second}}
			s.between(0, 2*time.Second, second{requests: 100, bad: 60})
		}, verdict: pass},
		{name: "an expected alert that does not fire in a young history says nothing", set: func(s *setup) {
			s.burn(0.02, noErrors)
			s.x.Forbid = nil
			s.x.Expect = []experiment.ExpectedAlert{{Name: "BudgetBurn", Within: 12 * time.Second}}
		}, verdict: inc, reason: result.YoungHistory},
		{name: "an expected alert of a rule that looks back further than there are samples", set: func(s *setup) {
			s.expect(bound, 0)
			s.cfg.Alerts = []slo.AlertModel{{
				Name: "ReplicaDown", Labels: map[string]string{"severity": "ticket"},
				Opaque: true, Reach: s.slow(400 * time.Second), Total: `up{job="monitor"}`,
			}}
		}, verdict: inc, reason: result.YoungHistory},
		{name: "an expected alert that does not fire over a full history fails", set: func(s *setup) {
			s.past = 410 * time.Second
			s.burn(0.02, noErrors)
			s.x.Forbid = nil
			s.x.Expect = []experiment.ExpectedAlert{{Name: "BudgetBurn", Within: 12 * time.Second}}
		}, verdict: fail, reason: result.AlertMissing},
	}
}

func TestTheSpecHasWhatTheRulesPredictOnTheTarget(t *testing.T) {
	x := experiment.Experiment{Observe: 20 * time.Second, Recover: 30 * time.Second, Expect: []experiment.ExpectedAlert{
		{Name: "Down"}, {Name: "Down", Within: time.Minute, ResolvesWithin: time.Minute}, {Name: "Other"},
	}, Faults: []fault.Fault{{Duration: time.Minute}, {Duration: 5 * time.Minute}}}
	cfg := engine.Config{
		Alerts: []slo.AlertModel{{Name: "Down", For: 2 * time.Minute}},
		Scrape: 15 * time.Second, Evaluation: 15 * time.Second, ConfirmTimeout: 30 * time.Second,
	}
	spec := engine.Resolve(cfg, x)
	// 165 s and 60 of slack; the recovery is lengthened to 122 s, and 45 and 30 s follow.
	if e := spec.Expect[0]; e.Within != 225 || !e.WithinPredicted || e.Forecast.Latest != 165 || e.ResolvesWithin != spec.Timing.Recover+75 {
		t.Errorf("predicted: %+v", e)
	}
	if e := spec.Expect[1]; e.Within != 60 || e.ResolvesWithin != 60 || e.WithinPredicted || e.ResolvesPredicted || e.Forecast == nil {
		t.Errorf("as asked for: %+v", e)
	}
	if e := spec.Expect[2]; e.Within != 0 || e.Unpredictable == "" || e.Forecast != nil {
		t.Errorf("unknown: %+v", e)
	}
	cfg.LeaveFiring = true
	left := engine.Resolve(cfg, x).Expect
	if left[0].ResolvesWithin != 0 || left[0].ResolvesPredicted || left[0].Within != 225 || left[0].Forecast == nil || left[1].ResolvesWithin != 60 {
		t.Errorf("left firing: %+v", left)
	}
	if spec.Timing.FaultsEnd != 300 {
		t.Errorf("the faults end after %v", spec.Timing.FaultsEnd)
	}
	x.Faults = append(x.Faults, fault.Fault{OneShot: true})
	if spec := engine.Resolve(cfg, x); spec.Timing.FaultsEnd != 0 {
		t.Errorf("what a kill leaves does not end after %v", spec.Timing.FaultsEnd)
	}
}
