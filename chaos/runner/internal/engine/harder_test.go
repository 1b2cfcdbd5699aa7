package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/engine"
	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/slo"

	"github.com/prometheus/common/model"
)

// then is one behaviour until the time given after the injection, and
// with the other one from then on.
func (s *setup) then(before second, at time.Duration, after second) {
	s.behave = func(_ *world, since time.Duration, _ bool) second {
		if since < at {
			return before
		}
		return after
	}
}

func with(out second, extra ...prom.Series) second {
	out.extra = extra
	return out
}

// counted makes an SLO of two counters of the world's own, read by value.
func (s *setup) counted(values func(since time.Duration, seconds float64) (good, total float64)) {
	s.x.SLOs[0].SLO = &slo.SLO{Name: "counted", Objective: 0.999, Window: 30 * 24 * time.Hour, Good: "good_total", Total: "all_total"}
	n := 0.0
	s.behave = func(_ *world, since time.Duration, _ bool) second {
		n++
		good, total := values(since, n)
		return with(healthy(), metric("good_total", good), metric("all_total", total))
	}
}

func metric(name string, v float64) prom.Series {
	return prom.Series{Labels: map[string]string{"__name__": name}, Points: []prom.Sample{{V: v}}}
}

// hangs lets Prometheus answer nothing while when is true.
func (s *setup) hangs(when func() bool) {
	s.api.trouble = func(time.Duration) (int, time.Duration) {
		if when() {
			return 0, time.Hour
		}
		return 0, 0
	}
}

func (s *setup) at(p result.Phase, f func()) {
	next := s.cfg.Emit
	s.cfg.Emit = func(e result.Event) {
		next(e)
		if e.Type == result.EventPhase && e.Phase == p {
			f()
		}
	}
}

// onlyReason checks that nothing else is held against the run.
func onlyReason(want result.Reason) func(*testing.T, *setup, result.Run, error) {
	return func(t *testing.T, _ *setup, r result.Run, _ error) {
		t.Helper()
		for _, f := range r.Findings {
			if f.Reason != want {
				t.Errorf("the run says more than it can know: %s: %s", f.Reason, f.Detail)
			}
		}
	}
}

func internalError(t *testing.T, s *setup, r result.Run, err error) {
	t.Helper()
	faultsRemoved(t, s, r, err)
	if err == nil {
		t.Error("a panic came back without an error")
	}
}

// broken asks nothing any more once the fault is in place: it panics.
type broken struct {
	engine.Querier
	target *target
}

func (b broken) Instant(ctx context.Context, expr string, at time.Time) (prom.Sample, error) {
	if since, _ := b.target.since(time.Now()); since > 2*time.Second {
		panic("a bug in the querier")
	}
	return b.Querier.Instant(ctx, expr, at)
}

// harderTruths are worlds that once were judged wrongly, or could easily be.
func harderTruths() []row {
	return []row{
		// Counting.
		{name: "a counter that is not a number is not a pass", set: func(s *setup) {
			s.counted(func(since time.Duration, n float64) (float64, float64) {
				if since > 2*time.Second && since < 7*time.Second {
					return math.NaN(), 100 * n
				}
				return 100 * n, 100 * n
			})
		}, verdict: result.Inconclusive, reason: result.NoData},
		{name: "a total that becomes infinite is not a pass", set: func(s *setup) {
			s.counted(func(since time.Duration, n float64) (float64, float64) {
				if since > 2*time.Second {
					return 100 * n, math.Inf(1)
				}
				return 100 * n, 100 * n
			})
		}, verdict: result.Inconclusive, reason: result.NoData},
		{name: "a load that stops for six seconds says nothing of them", set: func(s *setup) {
			s.x.Observe = 20 * time.Second
			s.between(5*time.Second, 11*time.Second, second{})
		}, verdict: result.Inconclusive, reason: result.LowTraffic},
		{name: "a load that stops for two seconds is judged", set: func(s *setup) {
			s.x.Observe = 20 * time.Second
			s.between(5*time.Second, 7*time.Second, second{})
		}, verdict: result.Pass},
		{name: "errors that the first scrape after the removal brings are not the recovery's", set: func(s *setup) {
			s.x.SLOs[0].MaxBudgetSpend = 1
			s.x.Recover = 8 * time.Second
			s.between(0, 8500*time.Millisecond, second{requests: 100, bad: 5})
		}, verdict: result.Pass},
		{name: "a run that lost Prometheus waits until the pods that it hit are back", set: func(s *setup) {
			s.lostUntil(10 * time.Second)
		}, verdict: result.Inconclusive, reason: result.PrometheusUnreachable, check: recoveredFor(10*time.Second, 12*time.Second)},
		{name: "a run that lost Prometheus waits for pods no longer than the platform may take", set: func(s *setup) {
			s.lostUntil(time.Hour)
		}, verdict: result.Inconclusive, reason: result.PrometheusUnreachable, check: recoveredFor(13*time.Second, 22*time.Second)},
		{name: "data that vanishes right after the removal is not a pass", set: func(s *setup) {
			s.then(healthy(), 8700*time.Millisecond, second{requests: 100, blind: true})
		}, verdict: result.Inconclusive, reason: result.NoData},

		// PromQL.
		{name: "a breach in the last second of the observation is seen a scrape later", set: func(s *setup) {
			s.promql("error share", `sum(rate(probe_requests_total{outcome="error"}[$window])) / sum(rate(probe_requests_total[$window]))`, nil, ptr(0.05))
			s.between(8*time.Second, 9*time.Second, second{requests: 100, bad: 80})
		}, verdict: result.Fail, reason: result.SLOBroken},
		{name: "a PromQL that was out of bounds early in the baseline is an unhealthy one", set: func(s *setup) {
			s.promql("gauge", `g`, nil, ptr(1.0))
			s.x.Baseline = 8 * time.Second
			n := 0
			s.behave = func(*world, time.Duration, bool) second {
				n++
				if n >= 4 && n < 6 {
					return with(healthy(), gauge(5))
				}
				return with(healthy(), gauge(0.5))
			}
		}, verdict: result.Inconclusive, reason: result.BaselineUnhealthy, check: notTouched},
		{name: "a PromQL that reaches further back than recovery lasts is judged by its bounds", set: func(s *setup) {
			s.promql("gauge", fmt.Sprintf("max_over_time(g[%s])", model.Duration(s.slow(20*time.Second))), nil, ptr(1.0))
			s.always(with(healthy(), gauge(0.5)))
		}, verdict: result.Pass},

		// Recovery.
		{name: "healthy targets that cannot be counted after the fault say nothing", set: func(s *setup) {
			s.target.health = func(since time.Duration, h fault.Health) (fault.Health, error) {
				if since > 9*time.Second {
					return h, errors.New("the API server hiccups")
				}
				return h, nil
			}
		}, verdict: result.Inconclusive, reason: result.NoData},
		{name: "an alert that nobody can see resolve is not held to its time", set: func(s *setup) {
			s.expect(6*time.Second, 30*time.Second)
			s.then(second{requests: 100, down: 1}, 10*time.Second, second{requests: 100, down: 1, blind: true})
			before := s.behave
			s.behave = func(w *world, since time.Duration, on bool) second {
				if since < 0 {
					return healthy()
				}
				return before(w, since, on)
			}
		}, verdict: result.Inconclusive, reason: result.NoData, check: onlyReason(result.NoData)},
		{name: "a guard rail in recovery leaves the recovery open", set: func(s *setup) {
			s.guardRail(500, 2*time.Second)
			s.x.SLOs[0].MaxBudgetSpend = 1
			s.between(9*time.Second, 13*time.Second, outage())
		}, verdict: result.Aborted, reason: result.GuardRail, check: onlyReason(result.GuardRail)},
		{name: "an abort leaves the alerts open", set: func(s *setup) {
			s.guardRail(500, 2*time.Second)
			s.x.SLOs[0].MaxBudgetSpend = 1
			s.expect(8*time.Second, 3*time.Second)
			s.between(0, 3*time.Second, outage())
		}, verdict: result.Aborted, reason: result.GuardRail, check: onlyReason(result.GuardRail)},

		// Guard rails.
		{name: "a guard rail does not trip on less than its stretch", set: func(s *setup) {
			s.guardRail(300, 20*time.Second)
			s.x.SLOs[0].MaxBudgetSpend = 1
			s.between(0, 4*time.Second, outage())
		}, verdict: result.Pass},
		{name: "a guard rail on an SLO that is not asserted aborts", set: func(s *setup) {
			s.guardRail(500, 3*time.Second)
			s.x.SLOs[0].SLO = latency()
			s.during(outage())
		}, verdict: result.Aborted, reason: result.GuardRail},
		{name: "a guard rail does not trip on a single bad event", set: func(s *setup) {
			s.x.Baseline = 12 * time.Second
			s.guardRail(50, 2*time.Second)
			s.behave = func(_ *world, since time.Duration, _ bool) second {
				if since > 2*time.Second && since < 3*time.Second {
					return second{requests: 10, bad: 1}
				}
				return second{requests: 10}
			}
			s.x.SLOs[0].MaxBudgetSpend = 1
		}, verdict: result.Pass},

		// Several faults.
		{name: "a long fault that vanishes beside a short one was not held", set: func(s *setup) {
			short := fault.WithDuration(podFailure(), 5*time.Second)
			short.Name = "short"
			s.x.Faults = append(s.x.Faults, short)
			s.target.effects = func(since time.Duration, p fault.Planned, _ fault.Target) fault.Effect {
				return fault.Effect{Injected: true, Shown: since < 5*time.Second && p.Fault.Name == "short" || since < 6*time.Second}
			}
		}, verdict: result.Inconclusive, reason: result.NotHeld},
		{name: "a short fault is measured before it ends beside a long one", set: func(s *setup) {
			short := fault.WithDuration(podFailure(), 5*time.Second)
			short.Name = "short"
			s.x.Faults = append(s.x.Faults, short)
			s.target.effects = func(since time.Duration, p fault.Planned, _ fault.Target) fault.Effect {
				return fault.Effect{Injected: true, Shown: since < 5*time.Second || p.Fault.Name != "short"}
			}
		}, verdict: result.Pass},
		{name: "a one-shot that fades beside a fault that lasts passes", set: func(s *setup) {
			kill := podKill()
			kill.Name = "kill"
			s.x.Faults = append(s.x.Faults, kill)
			s.target.effects = func(since time.Duration, p fault.Planned, _ fault.Target) fault.Effect {
				return fault.Effect{Injected: true, Shown: !p.Fault.OneShot || since < 2*time.Second}
			}
		}, verdict: result.Pass},

		// Alerts.
		{name: "an alert on the stroke of its time is not late by the step that reads it", upTo: time.Second, set: func(s *setup) {
			s.expect(3500*time.Millisecond, 0)
			s.during(second{requests: 100, down: 1})
		}, verdict: result.Pass},
		{name: "a forbidden alert that is pending when all has recovered is waited for", set: func(s *setup) {
			s.x.Forbid = []experiment.ForbiddenAlert{{Labels: map[string]string{"alertname": "LateSending"}}}
			late := healthy()
			late.lag = 0.06
			s.then(healthy(), 11*time.Second, late)
		}, verdict: result.Fail, reason: result.AlertForbidden},
		{name: "a forbidden alert that came up before the fault is an unhealthy baseline", set: func(s *setup) {
			s.forbidPages()
			s.x.SLOs[0].MaxBudgetSpend = 1
			s.firingBeforeTheFault()
		}, verdict: result.Inconclusive, reason: result.BaselineUnhealthy},
		{name: "an expected alert that came up before the fault proves nothing", set: func(s *setup) {
			s.x.Expect = []experiment.ExpectedAlert{{Name: "BudgetBurn", Within: 6 * time.Second}}
			s.x.SLOs[0].MaxBudgetSpend = 1
			s.firingBeforeTheFault()
		}, verdict: result.Inconclusive, reason: result.BaselineUnhealthy},
		{name: "an experiment of alerts only is not held on when nobody can see", set: func(s *setup) {
			s.x.SLOs = nil
			s.x.Observe = 60 * time.Second
			s.expect(30*time.Second, 0)
			s.api.trouble = func(since time.Duration) (int, time.Duration) {
				if since > 3*time.Second {
					return -1, 0
				}
				return 0, 0
			}
		}, verdict: result.Inconclusive, reason: result.PrometheusUnreachable, check: removedWithin(10 * time.Second)},

		// The instrument.
		{name: "an instrument that cannot be read bounds nothing", set: func(s *setup) {
			s.cfg.Instrument = []engine.Bound{{Name: "send lag", PromQL: "no_such_metric", Max: ptr(0.1)}}
		}, verdict: result.Inconclusive, reason: result.NoData, check: notTouched},
		{name: "an instrument that vanishes under fault is not a pass", set: func(s *setup) {
			s.cfg.Instrument = []engine.Bound{{Name: "send lag", PromQL: "g", Max: ptr(1.0)}}
			s.x.Observe = 20 * time.Second
			s.then(with(healthy(), gauge(0.5)), 2*time.Second, healthy())
		}, verdict: result.Inconclusive, reason: result.NoData, check: removedWithin(12 * time.Second)},
		{name: "an instrument that the fault hits is not asked about", set: func(s *setup) {
			s.target.blinds = true
			s.cfg.Instrument = []engine.Bound{{Name: "send lag", PromQL: "g", Max: ptr(1.0)}}
			s.x.Observe = 20 * time.Second
			s.then(with(healthy(), gauge(0.5)), 2*time.Second, healthy())
		}, verdict: result.Pass},
		{name: "an instrument that starves during recovery is unfit", set: func(s *setup) { s.starved(10 * time.Second) }, verdict: result.Inconclusive, reason: result.InstrumentUnfit},

		// Things that fall apart.
		{name: "a panic of the querier is an error, and the fault is removed", set: func(s *setup) {
			s.wrap = func(q engine.Querier) engine.Querier { return broken{q, s.target} }
		}, verdict: result.Inconclusive, reason: result.Interrupted, check: internalError},
		{name: "a receiver of events that panics is an error, and the fault is removed", set: func(s *setup) {
			s.deaf = true
			s.at(result.Recover, func() { panic("a bug in the display") })
		}, verdict: result.Pass, check: internalError},
		{name: "a removal that panics is residue", set: func(s *setup) { s.target.recoverPanics = true }, verdict: result.Residual, reason: result.LeftBehind},
		{name: "an interrupt ends in time though neither removal nor Prometheus answers", set: func(s *setup) {
			s.target.recoverTakes = time.Hour
			s.target.residue = func(t *target) []fault.Residue {
				if t.injected.IsZero() {
					return nil
				}
				return []fault.Residue{{Run: t.run, Kind: "toxic", Name: "latency"}}
			}
			s.at(result.Observe, func() { s.interrupted = time.Now(); s.cancel(nil) })
			s.hangs(func() bool { return !s.interrupted.IsZero() })
		}, verdict: result.Residual, reason: result.LeftBehind, check: endedInTime(6500 * time.Millisecond)},
		{name: "a removal that takes longer than an interrupted run's may is waited for", set: func(s *setup) {
			s.cfg.CleanupTimeout, s.cfg.InterruptTimeout = 30*time.Second, 5*time.Second
			s.target.recoverTakes = 10 * time.Second
		}, verdict: result.Pass, check: faultsRemoved},
		{name: "an interrupt during a long removal ends in time", set: func(s *setup) {
			s.cfg.CleanupTimeout, s.cfg.InterruptTimeout = 30*time.Second, 5*time.Second
			s.target.recoverTakes = time.Hour
			s.at(result.Recover, func() {
				s.interrupted = time.Now().Add(time.Second)
				time.AfterFunc(time.Second, func() { s.cancel(nil) })
			})
		}, verdict: result.Residual, reason: result.LeftBehind, check: endedInTime(6500 * time.Millisecond)},
		{name: "an interrupt while the samples are read again ends in time", set: func(s *setup) {
			s.at(result.Judge, func() {
				s.interrupted = time.Now().Add(time.Second)
				time.AfterFunc(time.Second, func() { s.cancel(nil) })
			})
			s.hangs(func() bool { return !s.interrupted.IsZero() })
		}, verdict: result.Inconclusive, reason: result.Interrupted, check: endedInTime(1500 * time.Millisecond)},
		{name: "a target that plans fewer faults than asked injects none", set: func(s *setup) {
			s.x.Faults = append(s.x.Faults, podKill())
			s.target.forgets = true
		}, verdict: result.Inconclusive, reason: result.NotInjected, check: notTouched},
		{name: "a control run aborts when a guard rail trips by itself", set: func(s *setup) {
			s.cfg.Control = true
			s.guardRail(500, 2*time.Second)
			s.afterStart(9*time.Second, 14*time.Second, outage())
		}, verdict: result.Aborted, reason: result.GuardRail, check: notTouched},
	}
}

// lostUntil lets Prometheus answer nothing from two seconds after the injection on, and a
// pod not be ready until the time given after it.
func (s *setup) lostUntil(back time.Duration) {
	s.api.trouble = func(since time.Duration) (int, time.Duration) {
		if since > 2*time.Second {
			return 0, time.Hour
		}
		return 0, 0
	}
	s.target.health = func(since time.Duration, h fault.Health) (fault.Health, error) {
		if since > 0 && since < back {
			h.Ready--
		}
		return h, nil
	}
}

// recoveredFor checks that the faults were removed and that the recovery ended between two
// times after the injection, by the world's clock.
func recoveredFor(least, most time.Duration) func(*testing.T, *setup, result.Run, error) {
	return func(t *testing.T, s *setup, r result.Run, err error) {
		t.Helper()
		faultsRemoved(t, s, r, err)
		for _, p := range r.Phases {
			if took := s.quick(p.End.Sub(*r.Evidence.Moments.T0)); p.Phase == result.Recover && (took < least || took > most) {
				t.Errorf("the recovery ended %s after the injection, want %s to %s", took, least, most)
			}
		}
	}
}

// afterStart is the behaviour for a while, by the world's own clock.
func (s *setup) afterStart(from, to time.Duration, other second) {
	began := time.Now()
	s.behave = func(*world, time.Duration, bool) second {
		if since := s.quick(time.Since(began)); since > from && since < to {
			return other
		}
		return healthy()
	}
}

// firingBeforeTheFault lets an outage, and with it BudgetBurn, begin between the
// last look of the baseline and the injection, which has to wait.
func (s *setup) firingBeforeTheFault() {
	var down atomic.Bool // set by the run, read by the world
	s.at(result.Inject, func() {
		down.Store(true)
		time.Sleep(s.slow(4 * time.Second))
	})
	s.behave = func(_ *world, since time.Duration, _ bool) second {
		if down.Load() && since < 2*time.Second {
			return second{requests: 100, bad: 60}
		}
		return healthy()
	}
}

// endedInTime checks how long the run went on after its interrupt.
func endedInTime(d time.Duration) func(*testing.T, *setup, result.Run, error) {
	return func(t *testing.T, s *setup, r result.Run, _ error) {
		t.Helper()
		if took := r.Ended.Sub(s.interrupted); s.interrupted.IsZero() || took > d {
			t.Errorf("the run ended %s after the interrupt, at most %s is right", took, d)
		}
	}
}
