package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/engine"
	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/judge"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

// row is one line of the truth table: what the world does, and what must be said.
type row struct {
	name string
	// set prepares the world, the experiment and the engine; nil changes nothing.
	set func(s *setup)

	// upTo is the longest scrape interval at which the row says the same; 0: any.
	upTo time.Duration

	verdict result.Verdict
	reason  result.Reason
	check   func(t *testing.T, s *setup, r result.Run, err error)
}

type setup struct {
	*world
	x           experiment.Experiment
	cfg         engine.Config
	events      []result.Event
	cancel      context.CancelCauseFunc
	interrupted time.Time // when the row interrupts by its own hand
	deaf        bool      // Emit fails, so that there need not be a last event
}

// during is the platform's behaviour while the fault is in place, healthy before
// and after.
func (s *setup) during(faulty second) {
	s.behave = func(_ *world, _ time.Duration, on bool) second {
		if on {
			return faulty
		}
		return healthy()
	}
}

// between is the behaviour from one time after the injection to another.
func (s *setup) between(from, to time.Duration, other second) {
	s.behave = func(_ *world, since time.Duration, _ bool) second {
		if since >= from && since < to {
			return other
		}
		return healthy()
	}
}

// always is the behaviour from before the run to its end.
func (s *setup) always(other second) {
	s.behave = func(*world, time.Duration, bool) second { return other }
}

func outage() second { return second{requests: 100, bad: 100} }

func (s *setup) expect(within, resolves time.Duration) {
	s.x.Expect = []experiment.ExpectedAlert{{Name: "ReplicaDown", Within: within, ResolvesWithin: resolves}}
}

func (s *setup) forbidPages() {
	s.x.Forbid = []experiment.ForbiddenAlert{{Labels: map[string]string{"severity": "page"}}}
}

func (s *setup) guardRail(burn float64, d time.Duration) {
	s.x.Abort = []experiment.GuardRail{{SLO: availability(), BurnRate: burn, For: d}}
}

func (s *setup) promql(name, expr string, lowest, highest *float64) {
	s.x.SLOs = append(s.x.SLOs, experiment.Assertion{Name: name, PromQL: expr, Min: lowest, Max: highest})
}

func ptr[T any](v T) *T { return &v }

// gauge is a sample of the metric g.
func gauge(v float64, labels ...string) prom.Series {
	m := map[string]string{"__name__": "g"}
	for i := 0; i < len(labels); i += 2 {
		m[labels[i]] = labels[i+1]
	}
	return prom.Series{Labels: m, Points: []prom.Sample{{V: v}}}
}

// interrupt ends the session when the phase begins.
func (s *setup) interrupt(p result.Phase) {
	next := s.cfg.Emit
	s.cfg.Emit = func(e result.Event) {
		next(e)
		if e.Type == result.EventPhase && e.Phase == p {
			s.cancel(nil)
		}
	}
}

func never(_ time.Duration, _ fault.Planned, _ fault.Target) fault.Effect {
	return fault.Effect{Injected: true, Observed: "nothing changed"}
}

// faultsRemoved checks that no fault is left in the world.
func faultsRemoved(t *testing.T, s *setup, _ result.Run, _ error) {
	t.Helper()
	if _, faulty := s.target.since(time.Now()); faulty {
		t.Error("the fault is still in place")
	}
}

func truthTable() []row {
	return []row{
		// The platform holds.
		{name: "a platform that does not notice passes", verdict: result.Pass, check: faultsRemoved},
		{name: "errors within the budget pass", set: func(s *setup) { s.between(0, 2*time.Second, second{requests: 100, bad: 60}) }, verdict: result.Pass},
		{name: "a spend just under the limit passes", set: func(s *setup) {
			// 0.1% of 30 days at 100 requests per second are 259.2 events.
			s.between(0, 7*time.Second, second{requests: 100, bad: 37})
		}, verdict: result.Pass},
		{name: "a one-shot fault is not measured again at the end", set: func(s *setup) {
			s.x.Faults = []fault.Fault{podKill()}
			s.target.effects = func(since time.Duration, _ fault.Planned, _ fault.Target) fault.Effect {
				return fault.Effect{Injected: true, Shown: since < 4*time.Second}
			}
		}, verdict: result.Pass},
		{name: "an effect that shows late but in time passes", set: func(s *setup) {
			s.target.effects = func(since time.Duration, _ fault.Planned, _ fault.Target) fault.Effect {
				return fault.Effect{Injected: true, Shown: since > 7*time.Second}
			}
		}, verdict: result.Pass},
		{name: "a replica that is down and comes back passes", set: func(s *setup) { s.during(second{requests: 100, down: 1}) }, verdict: result.Pass},
		{name: "a restart of the probe does not look like failures", set: func(s *setup) {
			s.between(3*time.Second, 4*time.Second, second{requests: 100, reset: true})
		}, verdict: result.Pass},
		{name: "the last samples of a probe that was replaced do not hide the newest", set: func(s *setup) {
			// It went without a marker, as it does when its scrape configuration changes, too.
			gone := prom.Series{Labels: map[string]string{"__name__": "probe_requests_total", "job": "probe", "outcome": "success", "instance": "gone"}, Points: []prom.Sample{{V: 5000}}}
			ticks := 0
			s.behave = func(*world, time.Duration, bool) second {
				now := healthy()
				if ticks++; ticks < 3 {
					now.extra = append(now.extra, gone)
				}
				return now
			}
		}, verdict: result.Pass},
		{name: "slow successes pass where only availability is asserted", set: func(s *setup) { s.during(second{requests: 100, slow: 100}) }, verdict: result.Pass},
		{name: "one missed scrape passes", set: func(s *setup) { s.between(3*time.Second, 4*time.Second, second{blind: true, requests: 100}) }, verdict: result.Pass},
		{name: "a Prometheus that takes 200 ms an answer passes", set: func(s *setup) {
			s.api.trouble = func(time.Duration) (int, time.Duration) { return 0, 200 * time.Millisecond }
		}, verdict: result.Pass},
		{name: "a Prometheus that is away for three seconds passes", set: func(s *setup) {
			s.api.trouble = func(since time.Duration) (int, time.Duration) {
				if at := s.slow(since); at > 2*time.Second && at < 5*time.Second {
					return 503, 0
				}
				return 0, 0
			}
		}, verdict: result.Pass},
		{name: "a removal that fails once is tried again", set: func(s *setup) { s.target.recoverFails = 2 }, verdict: result.Pass, check: faultsRemoved},
		{name: "a guard rail that is not reached passes", set: func(s *setup) {
			s.guardRail(500, 3*time.Second)
			s.between(0, 2*time.Second, second{requests: 100, bad: 60})
		}, verdict: result.Pass},
		{name: "a bounded PromQL that holds passes", set: func(s *setup) {
			s.x.Baseline = 12 * time.Second // $window looks back 10 s
			s.promql("throughput", `sum(rate(probe_requests_total[$window]))`, ptr(80/s.scrape.Seconds()), ptr(120/s.scrape.Seconds()))
		}, verdict: result.Pass},

		// The platform breaks.
		{name: "an outage at the start of the fault fails", set: func(s *setup) { s.between(0, 3*time.Second, outage()) }, verdict: result.Fail, reason: result.SLOBroken, check: faultsRemoved},
		{name: "an outage in the middle fails", set: func(s *setup) { s.between(3*time.Second, 6*time.Second, outage()) }, verdict: result.Fail, reason: result.SLOBroken},
		{name: "an outage at the very end of the observation fails", set: func(s *setup) { s.between(6*time.Second, 9*time.Second, outage()) }, verdict: result.Fail, reason: result.SLOBroken},
		{name: "an outage that begins with the removal fails", set: func(s *setup) {
			s.between(8*time.Second+500*time.Millisecond, 11*time.Second+500*time.Millisecond, outage())
		}, verdict: result.Fail, reason: result.SLOBroken},
		{name: "a freeze of all replicas for twelve seconds fails", set: func(s *setup) {
			s.x.Observe = 15 * time.Second
			s.between(0, 12*time.Second, second{requests: 100, bad: 100, hang: true, down: 3})
		}, verdict: result.Fail, reason: result.SLOBroken},
		{name: "slow successes fail a latency SLO", set: func(s *setup) {
			s.x.SLOs = append(s.x.SLOs, experiment.Assertion{Name: "latency", SLO: latency(), MaxBudgetSpend: 0.0001})
			s.during(second{requests: 100, slow: 90})
		}, verdict: result.Fail, reason: result.SLOBroken},
		{name: "fast failures fail availability", set: func(s *setup) { s.during(second{requests: 100, bad: 90}) }, verdict: result.Fail, reason: result.SLOBroken},
		{name: "a spend just over the limit fails", set: func(s *setup) { s.between(0, 7*time.Second, second{requests: 100, bad: 38}) }, verdict: result.Fail, reason: result.SLOBroken},
		{name: "a PromQL above its maximum fails", set: func(s *setup) {
			s.promql("error share", `sum(rate(probe_requests_total{outcome="error"}[$window])) / sum(rate(probe_requests_total[$window]))`, nil, ptr(0.05))
			s.during(second{requests: 100, bad: 20})
		}, verdict: result.Fail, reason: result.SLOBroken},
		{name: "a PromQL under its minimum fails", set: func(s *setup) {
			s.promql("healthy", `count(up{job="monitor"} == 1)`, ptr(3.0), nil)
			s.during(second{requests: 100, down: 1})
		}, verdict: result.Fail, reason: result.SLOBroken},
		{name: "targets that come back too late fail", set: func(s *setup) { s.between(0, 30*time.Second, second{requests: 100, down: 1}) }, verdict: result.Fail, reason: result.NotRecovered},
		{name: "errors that do not end in time fail", set: func(s *setup) {
			s.x.SLOs[0].MaxBudgetSpend = 1
			s.between(0, 60*time.Second, second{requests: 100, bad: 5})
		}, verdict: result.Fail, reason: result.NotRecovered},

		// The steady state is not there.
		{name: "errors before the fault are an unhealthy baseline", set: func(s *setup) { s.always(second{requests: 100, bad: 5}) }, verdict: result.Inconclusive, reason: result.BaselineUnhealthy, check: notTouched},
		{name: "one bad event in a baseline is allowed", set: func(s *setup) {
			n := 0
			s.behave = func(_ *world, _ time.Duration, _ bool) second {
				n++
				if n == 5 {
					return second{requests: 30, bad: 1}
				}
				return second{requests: 30}
			}
		}, verdict: result.Pass},
		{name: "too few requests say nothing", set: func(s *setup) { s.always(second{requests: 15}) }, verdict: result.Inconclusive, reason: result.LowTraffic, check: notTouched},
		{name: "no request at all says nothing", set: func(s *setup) { s.always(second{}) }, verdict: result.Inconclusive, reason: result.LowTraffic, check: notTouched},
		{name: "a load that dries up under fault says nothing", set: func(s *setup) { s.during(second{requests: 20}) }, verdict: result.Inconclusive, reason: result.LowTraffic},
		{name: "no healthy target before the fault is an unhealthy baseline", set: func(s *setup) { s.always(second{requests: 100, down: 3}) }, verdict: result.Inconclusive, reason: result.BaselineUnhealthy, check: notTouched},
		{name: "a PromQL out of bounds before the fault is an unhealthy baseline", set: func(s *setup) {
			s.promql("healthy", `count(up{job="monitor"} == 1)`, ptr(4.0), nil)
		}, verdict: result.Inconclusive, reason: result.BaselineUnhealthy, check: notTouched},
		{name: "an exhausted budget is not spent from", set: func(s *setup) {
			s.always(second{requests: 100, budget: ptr(-0.2)})
		}, verdict: result.Inconclusive, reason: result.BudgetExhausted, check: notTouched},
		{name: "a budget that is left may be spent", set: func(s *setup) {
			s.always(second{requests: 100, budget: ptr(0.9)})
		}, verdict: result.Pass, check: func(t *testing.T, _ *setup, run result.Run, _ error) {
			if b := run.Evidence.Before.Budgets; len(b) != 1 || b[0].Unknown || b[0].Left != 0.9 {
				t.Errorf("the evidence has the budgets %+v", b)
			}
		}},
		{name: "a budget that nobody knows refuses nothing", set: func(s *setup) {
			s.always(second{requests: 100})
		}, verdict: result.Pass, check: func(t *testing.T, _ *setup, run result.Run, _ error) {
			if b := run.Evidence.Before.Budgets; len(b) != 1 || !b[0].Unknown {
				t.Errorf("the evidence has the budgets %+v, want one that is unknown", b)
			}
		}},

		// There is no data, or none that can be trusted.
		{name: "an SLO whose selector matches nothing has no data", set: func(s *setup) {
			s.x.SLOs[0].SLO.Good, s.x.SLOs[0].SLO.Total = "requests_good_total", "requests_total"
		}, verdict: result.Inconclusive, reason: result.NoData, check: notTouched},
		{name: "data that vanishes under fault is not a pass, and the fault is removed at once", set: func(s *setup) {
			s.x.Observe = 60 * time.Second
			s.between(2*time.Second, time.Hour, second{requests: 100, blind: true})
		}, verdict: result.Inconclusive, reason: result.NoData, check: removedWithin(12 * time.Second)},
		{name: "data that vanishes with the removal is not a pass", set: func(s *setup) {
			s.between(8*time.Second, time.Hour, second{requests: 100, blind: true})
		}, verdict: result.Inconclusive, reason: result.NoData},
		{name: "data that is away for six seconds is not a pass", set: func(s *setup) {
			s.x.Observe = 12 * time.Second
			s.between(2*time.Second, 8*time.Second, second{requests: 100, blind: true})
		}, verdict: result.Inconclusive, reason: result.NoData},
		{name: "what broke before the data vanished stays broken", set: func(s *setup) {
			s.behave = func(_ *world, since time.Duration, _ bool) second {
				switch {
				case since < 0:
					return healthy()
				case since < 4*time.Second:
					return outage()
				}
				return second{requests: 100, blind: true}
			}
		}, verdict: result.Fail, reason: result.SLOBroken},
		{name: "a PromQL that is NaN from the start has no data", set: func(s *setup) {
			s.promql("ratio", `sum(rate(probe_requests_total{outcome="error"}[$window])) / sum(rate(probe_requests_total{outcome="error"}[$window]))`, nil, ptr(1.0))
		}, verdict: result.Inconclusive, reason: result.NoData, check: notTouched},
		{name: "a PromQL that is NaN under fault is not a pass", set: func(s *setup) {
			s.promql("gauge", `g`, nil, ptr(1.0))
			s.behave = func(_ *world, since time.Duration, _ bool) second {
				v := 0.5
				if since > 3*time.Second && since < 5*time.Second {
					v = math.NaN()
				}
				return second{requests: 100, extra: []prom.Series{gauge(v)}}
			}
		}, verdict: result.Inconclusive, reason: result.NoData},
		{name: "a PromQL that is infinite under fault is not a pass", set: func(s *setup) {
			s.promql("gauge", `g`, nil, ptr(1.0))
			s.behave = func(_ *world, since time.Duration, _ bool) second {
				v := 0.5
				if since > 3*time.Second && since < 5*time.Second {
					v = math.Inf(-1)
				}
				return second{requests: 100, extra: []prom.Series{gauge(v)}}
			}
		}, verdict: result.Inconclusive, reason: result.NoData},
		{name: "a PromQL of several series is not a pass", set: func(s *setup) {
			s.promql("each", `rate(probe_requests_total[$window])`, nil, ptr(1000.0))
		}, verdict: result.Inconclusive, reason: result.NoData, check: notTouched},
		{name: "a PromQL that becomes several series under fault is not a pass", set: func(s *setup) {
			s.promql("gauge", `g`, nil, ptr(1.0))
			s.behave = func(_ *world, _ time.Duration, on bool) second {
				out := second{requests: 100, extra: []prom.Series{gauge(0.5, "pod", "a")}}
				if on {
					out.extra = append(out.extra, gauge(0.5, "pod", "b"))
				}
				return out
			}
		}, verdict: result.Inconclusive, reason: result.NoData},
		{name: "a PromQL that vanishes under fault is not a pass", set: func(s *setup) {
			s.promql("gauge", `g`, nil, ptr(1.0))
			s.behave = func(_ *world, _ time.Duration, on bool) second {
				out := healthy()
				if !on {
					out.extra = []prom.Series{gauge(0.5)}
				}
				return out
			}
		}, verdict: result.Inconclusive, reason: result.NoData},
		{name: "a Prometheus that scrapes nothing has no data", set: func(s *setup) { s.always(second{noTargets: true}) }, verdict: result.Inconclusive, reason: result.NoData, check: notTouched},

		// Prometheus is not there.
		{name: "a Prometheus that is down from the start is unreachable", set: func(s *setup) {
			s.api.trouble = func(time.Duration) (int, time.Duration) { return -1, 0 }
		}, verdict: result.Inconclusive, reason: result.PrometheusUnreachable, check: notTouched},
		{name: "a Prometheus that dies midway is unreachable, and the fault is removed at once", set: func(s *setup) {
			s.x.Observe = 60 * time.Second
			s.api.trouble = func(since time.Duration) (int, time.Duration) {
				if since > 3*time.Second {
					return -1, 0
				}
				return 0, 0
			}
		}, verdict: result.Inconclusive, reason: result.PrometheusUnreachable, check: removedWithin(10 * time.Second)},
		{name: "a Prometheus that dies after the breach leaves it broken", set: func(s *setup) {
			s.x.Observe = 60 * time.Second
			s.between(0, 3*time.Second, outage())
			s.api.trouble = func(since time.Duration) (int, time.Duration) {
				if since > 5*time.Second {
					return -1, 0
				}
				return 0, 0
			}
		}, verdict: result.Fail, reason: result.SLOBroken},
		{name: "a Prometheus that answers 503 from the start is unreachable", set: func(s *setup) {
			s.api.trouble = func(time.Duration) (int, time.Duration) { return 503, 0 }
		}, verdict: result.Inconclusive, reason: result.PrometheusUnreachable, check: notTouched},
		{name: "a Prometheus that answers 503 under fault is unreachable", set: func(s *setup) {
			s.x.Observe = 60 * time.Second
			s.api.trouble = func(since time.Duration) (int, time.Duration) {
				if since > 2*time.Second {
					return 503, 0
				}
				return 0, 0
			}
		}, verdict: result.Inconclusive, reason: result.PrometheusUnreachable, check: removedWithin(10 * time.Second)},
		{name: "a Prometheus that takes three seconds an answer is unreachable", set: func(s *setup) {
			s.api.trouble = func(time.Duration) (int, time.Duration) { return 0, 3 * time.Second }
		}, verdict: result.Inconclusive, reason: result.PrometheusUnreachable, check: notTouched},
		{name: "a Prometheus that becomes slow under fault is unreachable", set: func(s *setup) {
			s.x.Observe = 60 * time.Second
			s.api.trouble = func(since time.Duration) (int, time.Duration) {
				if since > 2*time.Second {
					return 0, 5 * time.Second
				}
				return 0, 0
			}
		}, verdict: result.Inconclusive, reason: result.PrometheusUnreachable, check: removedWithin(12 * time.Second)},
		{name: "a Prometheus that dies after the observation leaves no pass", set: func(s *setup) {
			s.api.trouble = func(since time.Duration) (int, time.Duration) {
				if since > 8*time.Second {
					return -1, 0
				}
				return 0, 0
			}
		}, verdict: result.Inconclusive, reason: result.PrometheusUnreachable},

		// There is nothing to hit, or it may not be hit.
		{name: "a selector without a match has no target", set: func(s *setup) { s.target.planErr = fmt.Errorf("x: %w", fault.ErrNoTarget) }, verdict: result.Inconclusive, reason: result.NoTarget, check: notTouched},
		{name: "targets in use by another run are busy", set: func(s *setup) { s.target.planErr = fmt.Errorf("x: %w", fault.ErrBusy) }, verdict: result.Inconclusive, reason: result.Busy, check: notTouched},
		{name: "a target that cannot be reached says nothing", set: func(s *setup) { s.target.residueErr = fmt.Errorf("x: %w", fault.ErrUnreachable) }, verdict: result.Inconclusive, reason: result.TargetUnreachable, check: notTouched},
		{name: "a fault that the target cannot do is not injected", set: func(s *setup) { s.target.planErr = fmt.Errorf("x: %w", fault.ErrNotInjectable) }, verdict: result.Inconclusive, reason: result.NotInjected, check: notTouched},
		{name: "too many targets are refused", set: func(s *setup) {
			s.target.hits = 2
			s.x.Radius = &experiment.BlastRadius{MaxTargets: 1}
		}, verdict: result.Inconclusive, reason: result.BlastRadius, check: notTouched},
		{name: "too large a share is refused", set: func(s *setup) {
			s.target.hits = 2
			s.x.Radius = &experiment.BlastRadius{MaxPercent: 50}
		}, verdict: result.Inconclusive, reason: result.BlastRadius, check: notTouched},
		{name: "a missing blast radius is refused where it is required", set: func(s *setup) { s.cfg.RequireBlastRadius = true }, verdict: result.Inconclusive, reason: result.BlastRadius, check: notTouched},
		{name: "what another run left stops the run", set: func(s *setup) {
			s.target.residue = func(*target) []fault.Residue { return []fault.Residue{{Run: "other", Kind: "process", Name: "1"}} }
		}, verdict: result.Inconclusive, reason: result.ResidueBefore, check: notTouched},

		// The fault is not what it should be.
		{name: "an injection that fails is not injected, and removed", set: func(s *setup) { s.target.injectErr = fmt.Errorf("boom") }, verdict: result.Inconclusive, reason: result.NotInjected, check: faultsRemoved},
		{name: "an injection that fails half-way is partial, and removed", set: func(s *setup) { s.target.injectErr = fmt.Errorf("x: %w", fault.ErrPartial) }, verdict: result.Inconclusive, reason: result.PartialInjection, check: faultsRemoved},
		{name: "one of two targets that is not injected is partial", set: func(s *setup) {
			s.target.hits = 2
			s.target.effects = func(_ time.Duration, _ fault.Planned, tg fault.Target) fault.Effect {
				ok := tg.Pod == "monitor-0"
				return fault.Effect{Injected: ok, Shown: ok}
			}
		}, verdict: result.Inconclusive, reason: result.PartialInjection, check: faultsRemoved},
		{name: "no target injected is not injected", set: func(s *setup) {
			s.target.effects = func(time.Duration, fault.Planned, fault.Target) fault.Effect { return fault.Effect{} }
		}, verdict: result.Inconclusive, reason: result.NotInjected, check: faultsRemoved},
		{name: "an effect that never shows is not confirmed", set: func(s *setup) { s.target.effects = never }, verdict: result.Inconclusive, reason: result.NotConfirmed, check: faultsRemoved},
		{name: "an unconfirmed fault is inconclusive even when the SLO broke", set: func(s *setup) {
			s.target.effects = never
			s.during(outage())
		}, verdict: result.Inconclusive, reason: result.NotConfirmed},
		{name: "an effect that is gone before the end was not held", set: func(s *setup) {
			s.target.effects = func(since time.Duration, _ fault.Planned, _ fault.Target) fault.Effect {
				return fault.Effect{Injected: true, Shown: since < 4*time.Second}
			}
		}, verdict: result.Inconclusive, reason: result.NotHeld, check: faultsRemoved},
		{name: "a fault with a shorter duration of its own is measured before it ends", set: func(s *setup) {
			f := fault.WithDuration(s.x.Faults[0], 5*time.Second)
			s.x.Faults[0] = f
			s.target.effects = func(since time.Duration, _ fault.Planned, _ fault.Target) fault.Effect {
				return fault.Effect{Injected: true, Shown: since < 5*time.Second}
			}
		}, verdict: result.Pass},

		// Guard rails.
		{name: "a guard rail aborts, and the fault is removed in time", set: func(s *setup) {
			s.x.Observe = 60 * time.Second
			s.guardRail(500, 3*time.Second)
			s.during(outage())
		}, verdict: result.Aborted, reason: result.GuardRail, check: removedWithin(3*time.Second + time.Second + time.Second)},
		{name: "a guard rail outranks the breach that it saw", set: func(s *setup) {
			s.guardRail(100, time.Second)
			s.during(outage())
		}, verdict: result.Aborted, reason: result.GuardRail},
		{name: "a guard rail is armed during recovery", set: func(s *setup) {
			s.guardRail(500, 2*time.Second)
			s.between(9*time.Second, 13*time.Second, outage())
		}, verdict: result.Aborted, reason: result.GuardRail},

		// Alerts.
		{name: "an expected alert that fires and resolves passes", set: func(s *setup) {
			s.expect(6*time.Second, 6*time.Second)
			s.during(second{requests: 100, down: 1})
		}, verdict: result.Pass},
		{name: "an expected alert that fires with another severity fails", set: func(s *setup) {
			s.expect(6*time.Second, 0)
			s.x.Expect[0].Labels = map[string]string{"severity": "page"}
			s.between(0, 6*time.Second, second{requests: 100, down: 1})
		}, verdict: result.Fail, reason: result.AlertMissing},
		{name: "an alert that is expected by its severity alone passes", set: func(s *setup) {
			s.x.Expect = []experiment.ExpectedAlert{{Labels: map[string]string{"severity": "ticket"}, Within: 6 * time.Second, ResolvesWithin: 6 * time.Second}}
			s.between(0, 6*time.Second, second{requests: 100, down: 1})
		}, verdict: result.Pass},
		{name: "an expected alert that never fires fails", set: func(s *setup) { s.expect(6*time.Second, 0) }, verdict: result.Fail, reason: result.AlertMissing},
		{name: "an expected alert that fires late fails", set: func(s *setup) {
			s.expect(3*time.Second, 0)
			s.between(3*time.Second, 8*time.Second, second{requests: 100, down: 1})
		}, verdict: result.Fail, reason: result.AlertLate},
		{name: "an expected alert that does not resolve in time fails", set: func(s *setup) {
			s.expect(6*time.Second, 3*time.Second)
			s.between(0, 15*time.Second, second{requests: 100, down: 1})
		}, verdict: result.Fail, reason: result.AlertNotResolved},
		{name: "an expected alert that is firing before the fault proves nothing", set: func(s *setup) {
			s.expect(6*time.Second, 0)
			s.always(second{requests: 100, down: 1})
		}, verdict: result.Inconclusive, reason: result.BaselineUnhealthy, check: notTouched},
		{name: "a forbidden alert that fires fails", set: func(s *setup) {
			s.forbidPages()
			s.between(0, 3*time.Second, second{requests: 100, bad: 60})
		}, verdict: result.Fail, reason: result.AlertForbidden},
		{name: "a forbidden alert that does not fire passes", set: func(s *setup) { s.forbidPages() }, verdict: result.Pass},
		{name: "a forbidden alert that is firing before the run is an unhealthy baseline", set: func(s *setup) {
			s.x.Forbid = []experiment.ForbiddenAlert{{Labels: map[string]string{"alertname": "ReplicaDown"}}}
			s.always(second{requests: 100, down: 1})
		}, verdict: result.Inconclusive, reason: result.BaselineUnhealthy, check: notTouched},

		// The instrument.
		{name: "a starved instrument in the baseline is unfit", set: func(s *setup) { s.starved(-time.Hour) }, verdict: result.Inconclusive, reason: result.InstrumentUnfit, check: notTouched},
		{name: "a starved instrument under fault is unfit, and the fault is removed", set: func(s *setup) { s.starved(3 * time.Second) }, verdict: result.Inconclusive, reason: result.InstrumentUnfit, check: faultsRemoved},
		{name: "a starved instrument that saw a breach is unfit, not a failure", set: func(s *setup) {
			s.starved(3 * time.Second)
			before := s.behave
			s.behave = func(w *world, since time.Duration, on bool) second {
				b := before(w, since, on)
				if on {
					b.bad = 100
				}
				return b
			}
		}, verdict: result.Inconclusive, reason: result.InstrumentUnfit},

		// Interrupts.
		{name: "an interrupt in preflight", set: func(s *setup) { s.interrupt(result.Preflight) }, verdict: result.Inconclusive, reason: result.Interrupted, check: notTouched},
		{name: "an interrupt in plan", set: func(s *setup) { s.interrupt(result.Planning) }, verdict: result.Inconclusive, reason: result.Interrupted, check: notTouched},
		{name: "an interrupt in warm-up", set: func(s *setup) { s.interrupt(result.WarmUp) }, verdict: result.Inconclusive, reason: result.Interrupted, check: notTouched},
		{name: "an interrupt in the baseline", set: func(s *setup) { s.interrupt(result.Baseline) }, verdict: result.Inconclusive, reason: result.Interrupted, check: notTouched},
		{name: "an interrupt in inject", set: func(s *setup) { s.interrupt(result.Inject) }, verdict: result.Inconclusive, reason: result.Interrupted, check: faultsRemoved},
		{name: "an interrupt in confirm", set: func(s *setup) { s.interrupt(result.Confirm) }, verdict: result.Inconclusive, reason: result.Interrupted, check: faultsRemoved},
		{name: "an interrupt in observe", set: func(s *setup) { s.interrupt(result.Observe) }, verdict: result.Inconclusive, reason: result.Interrupted, check: faultsRemoved},
		{name: "an interrupt in recover", set: func(s *setup) { s.interrupt(result.Recover) }, verdict: result.Inconclusive, reason: result.Interrupted, check: faultsRemoved},
		{name: "an interrupt outranks a breach in one run", set: func(s *setup) {
			s.during(outage())
			s.interrupt(result.Recover)
		}, verdict: result.Inconclusive, reason: result.Interrupted, check: faultsRemoved},
		{name: "a target that is lost midway is unreachable", set: func(s *setup) {
			s.target.after["Inject"] = func() { s.target.lost <- fmt.Errorf("the keeper died: %w", fault.ErrUnreachable) }
		}, verdict: result.Inconclusive, reason: result.TargetUnreachable},

		// What is left.
		{name: "something left behind is residue", set: func(s *setup) {
			s.target.residue = func(t *target) []fault.Residue {
				if t.removals == 0 {
					return nil
				}
				return []fault.Residue{{Run: t.run, Kind: "toxic", Name: "latency"}}
			}
		}, verdict: result.Residual, reason: result.LeftBehind},
		{name: "residue outranks an abort", set: func(s *setup) {
			s.guardRail(100, time.Second)
			s.during(outage())
			s.target.recoverErr = fmt.Errorf("no")
		}, verdict: result.Residual, reason: result.LeftBehind},
		{name: "a removal that never succeeds is residue", set: func(s *setup) { s.target.recoverErr = fmt.Errorf("no") }, verdict: result.Residual, reason: result.LeftBehind},
		{name: "a panic of the target is an error, and the fault is removed", set: func(s *setup) { s.target.injectPanics = true }, verdict: result.Inconclusive, reason: result.Interrupted, check: func(t *testing.T, s *setup, r result.Run, err error) {
			faultsRemoved(t, s, r, err)
			if err == nil {
				t.Error("a panic came back without an error")
			}
		}},

		// Without a fault.
		{name: "a control run of a healthy platform passes", set: func(s *setup) { s.cfg.Control = true }, verdict: result.Pass, check: notTouched},
		{name: "a control run does not expect the fault's alert", set: func(s *setup) {
			s.cfg.Control = true
			s.expect(6*time.Second, 6*time.Second)
		}, verdict: result.Pass, check: notTouched},
		{name: "a control run fails when the platform breaks by itself", set: func(s *setup) {
			s.cfg.Control = true
			began := time.Now()
			s.behave = func(*world, time.Duration, bool) second {
				if since := s.quick(time.Since(began)); since > 10*time.Second && since < 14*time.Second {
					return outage()
				}
				return healthy()
			}
		}, verdict: result.Fail, reason: result.SLOBroken},
		{name: "a control run fails when the expected alert fires without the fault", set: func(s *setup) {
			s.cfg.Control = true
			s.expect(6*time.Second, 0)
			began := time.Now()
			s.behave = func(*world, time.Duration, bool) second {
				if since := s.quick(time.Since(began)); since > 10*time.Second && since < 14*time.Second {
					return second{requests: 100, down: 1}
				}
				return healthy()
			}
		}, verdict: result.Fail, reason: result.AlertForbidden},
	}
}

// starved makes the load late from the time given on.
func (s *setup) starved(from time.Duration) {
	limit := 0.1
	s.cfg.Instrument = []engine.Bound{{Name: "send lag", PromQL: "probe_lag", Max: &limit}}
	s.behave = func(_ *world, since time.Duration, _ bool) second {
		out := healthy()
		if since >= from {
			out.lag = 0.5
		}
		return out
	}
}

// notTouched checks that no fault was ever injected.
func notTouched(t *testing.T, s *setup, r result.Run, _ error) {
	t.Helper()
	if !s.target.injected.IsZero() {
		t.Error("a fault was injected")
	}
	if len(r.Asserts) == 0 {
		t.Error("the evidence does not list what would have been asserted")
	}
}

// removedWithin checks how long the fault was in place.
func removedWithin(d time.Duration) func(*testing.T, *setup, result.Run, error) {
	return func(t *testing.T, s *setup, r result.Run, err error) {
		t.Helper()
		faultsRemoved(t, s, r, err)
		if took := s.quick(s.target.removed.Sub(s.target.injected)); took > d {
			t.Errorf("the fault was in place for %s, at most %s is right", took, d)
		}
	}
}

func TestVerdicts(t *testing.T) {
	for _, scrape := range scrapes() {
		t.Run("at a scrape every "+scrape.String(), func(t *testing.T) {
			for _, r := range slices.Concat(truthTable(), harderTruths(), clockTruths(), alertTruths(), replayTruths(), killTruths()) {
				if r.upTo > 0 && scrape > r.upTo {
					continue
				}
				t.Run(r.name, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) { r.run(t, scrape) })
				})
			}
		})
	}
}

// run lets the world behave and checks what is said about it.
func (r row) run(t *testing.T, scrape time.Duration) {
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	s := &setup{world: newWorld(t, scrape), x: basic(), cancel: cancel}
	s.cfg.Emit = func(e result.Event) { s.events = append(s.events, e) }
	if r.set != nil {
		r.set(s)
	}
	got, err := s.world.run(ctx, s.cfg, s.paced(s.x))
	if got.Verdict != r.verdict || got.Reason != r.reason {
		t.Errorf("got %s %q, want %s %q\n%s", got.Verdict, got.Reason, r.verdict, r.reason, findings(got))
	}
	consistent(t, s, got)
	rejudged(t, got, err != nil)
	if r.check != nil {
		r.check(t, s, got, err)
	} else if err != nil {
		t.Error(err)
	}
}

// rejudged checks that the report alone gives the same verdict, and that an edit
// of verdict, count or span is found.
func rejudged(t *testing.T, r result.Run, failed bool) {
	t.Helper()
	read := func() result.Report {
		var file bytes.Buffer
		if err := result.Encode(&file, result.Report{Version: result.Version, Verdict: r.Verdict, Experiments: []result.Run{r}}); err != nil {
			t.Fatal(err)
		}
		rep, err := result.Decode(&file)
		if err != nil {
			t.Fatal(err)
		}
		return rep
	}
	if v, err := judge.Again(read()); v != r.Verdict || err != nil && !failed {
		t.Errorf("the report alone gives %s: %v", v, err)
	}
	edits := map[string]func(*result.Run) bool{
		"the verdict": func(r *result.Run) bool {
			r.Verdict = map[result.Verdict]result.Verdict{result.Pass: result.Fail}[r.Verdict]
			if r.Verdict == "" {
				r.Verdict = result.Pass
			}
			return true
		},
		"a count": func(r *result.Run) bool {
			for _, c := range r.Evidence.Series.Counts {
				for i := len(c.Steps) / 2; i < len(c.Steps) && r.Evidence.Moments.T0 != nil; i++ {
					// Where nothing was counted, a count has no weight.
					if !c.Steps[i].Missing && i > 0 && c.Steps[i].Total > c.Steps[i-1].Total {
						c.Steps[i].Good -= 3
						return true
					}
				}
			}
			return false
		},
		"the errors": func(r *result.Run) bool {
			found := false
			for _, e := range r.Evidence.Series.Errors {
				for i := range e.Steps {
					found = found || e.Steps[i].Good < e.Steps[i].Total
					e.Steps[i].Good = e.Steps[i].Total
				}
			}
			// Errors that never met a condition meet none without them.
			return found && slices.ContainsFunc(r.Alerts, func(a result.Alert) bool { return a.PredictedMin != nil })
		},
		"a span": func(r *result.Run) bool {
			if len(r.Evidence.Series.Alerts) > 0 && len(r.Evidence.Series.Alerts[0].Firing) > 0 {
				span := &r.Evidence.Series.Alerts[0].Firing[0]
				span.End = span.End.Add(time.Second)
				return true
			}
			return false
		},
	}
	for what, edit := range edits {
		rep := read()
		if !edit(&rep.Experiments[0]) {
			continue
		}
		if _, err := judge.Again(rep); !errors.Is(err, judge.ErrDiffers) {
			t.Errorf("%s was edited, and nobody sees it: %v", what, err)
		}
		// Whoever edits can also compute the digest again.
		sum, err := rep.Experiments[0].Sum()
		if err != nil {
			t.Fatal(err)
		}
		rep.Experiments[0].Digest = sum
		if _, err := judge.Again(rep); r.T0 != nil && !errors.Is(err, judge.ErrDiffers) {
			t.Errorf("%s was edited together with the digest, and nobody sees it: %v", what, err)
		}
	}
}

// consistent checks what must be true of the evidence of every run.
func consistent(t *testing.T, s *setup, r result.Run) {
	t.Helper()
	for i, p := range r.Phases {
		if p.End.Before(p.Start) || i > 0 && p.Start.Before(r.Phases[i-1].End) {
			t.Errorf("phase %s is out of order", p.Phase)
		}
	}
	broken := slices.ContainsFunc(r.Asserts, func(a result.Assertion) bool { return a.Outcome == result.Broken })
	notHeld := slices.ContainsFunc(r.Asserts, func(a result.Assertion) bool { return a.Outcome != result.Held })
	switch {
	case r.Verdict == result.Pass && (notHeld || len(r.Findings) > 0):
		t.Errorf("a pass with assertions that do not hold: %+v", r.Asserts)
	case r.Verdict == result.Fail && !broken:
		t.Errorf("a failure without a broken assertion: %+v", r.Asserts)
	case r.Verdict != result.Pass && len(r.Findings) == 0:
		t.Error("no finding says why")
	}
	last := s.events[len(s.events)-1]
	if s.deaf {
		last = result.Event{Type: result.EventVerdict, Verdict: r.Verdict}
	}
	if last.Type != result.EventVerdict || last.Verdict != r.Verdict {
		t.Errorf("the last event is %+v, want the verdict", last)
	}
	if r.Ended.Before(r.Started) || r.Overhead < 0 {
		t.Errorf("started %s, ended %s, overhead %v", r.Started, r.Ended, r.Overhead)
	}
}

func findings(r result.Run) string {
	out := ""
	for _, f := range r.Findings {
		out += fmt.Sprintf("  %s %s: %s\n", f.Verdict, f.Reason, f.Detail)
	}
	for _, a := range r.Asserts {
		out += fmt.Sprintf("  [%s] %s %s: %s\n", a.Outcome, a.Kind, a.Name, a.Observed)
	}
	return out
}
