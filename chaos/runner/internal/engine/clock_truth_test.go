package engine_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/engine"
	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/slo"
)

// skewed is a Prometheus whose clock is ahead of the runner's.
type skewed struct {
	engine.Querier
	ahead func() time.Duration
}

func (s skewed) Instant(ctx context.Context, expr string, at time.Time) (prom.Sample, error) {
	ahead := s.ahead()
	if !at.IsZero() {
		at = at.Add(-ahead)
	}
	got, err := s.Querier.Instant(ctx, expr, at)
	got.T = got.T.Add(ahead)
	if expr == "time()" {
		got.V += ahead.Seconds()
	}
	return got, err
}

func (s skewed) Range(ctx context.Context, expr string, w prom.Window) ([]prom.Series, error) {
	ahead := s.ahead()
	w.Start, w.End = w.Start.Add(-ahead), w.End.Add(-ahead)
	got, err := s.Querier.Range(ctx, expr, w)
	for _, series := range got {
		for i := range series.Points {
			series.Points[i].T = series.Points[i].T.Add(ahead)
		}
	}
	return got, err
}

func (s skewed) Rules(ctx context.Context) ([]prom.RuleGroup, error) {
	groups, err := s.Querier.Rules(ctx)
	for _, g := range groups {
		for i := range g.Rules {
			if !g.Rules[i].LastEvaluation.IsZero() {
				g.Rules[i].LastEvaluation = g.Rules[i].LastEvaluation.Add(s.ahead())
			}
		}
	}
	return groups, err
}

// ruled is a Prometheus whose rules are not as they should be.
type ruled struct {
	engine.Querier
	change func([]prom.RuleGroup) ([]prom.RuleGroup, error)
}

func (r ruled) Rules(ctx context.Context) ([]prom.RuleGroup, error) {
	groups, err := r.Querier.Rules(ctx)
	if err != nil {
		return nil, err
	}
	return r.change(groups)
}

func (s *setup) rulesAre(change func(*prom.Rule) error) {
	s.wrap = func(q engine.Querier) engine.Querier {
		return ruled{q, func(groups []prom.RuleGroup) ([]prom.RuleGroup, error) {
			for _, g := range groups {
				for i := range g.Rules {
					if err := change(&g.Rules[i]); err != nil {
						return nil, err
					}
				}
			}
			return groups, nil
		}}
	}
}

// withoutAPI is a Prometheus that cannot say which rules it has. Heartbeats are as the
// change leaves them.
type withoutAPI struct {
	engine.Querier
	change func(map[string]time.Duration)
}

func (q withoutAPI) Rules(context.Context) ([]prom.RuleGroup, error) {
	return nil, prom.ErrNoRulesAPI
}

func (q withoutAPI) Heartbeats(ctx context.Context) (map[string]time.Duration, error) {
	ages, err := q.Querier.Heartbeats(ctx)
	q.change(ages)
	return ages, err
}

// noAPI leaves only heartbeats to tell by whether the rules of the files are evaluated.
func (s *setup) noAPI(group string, change func(map[string]time.Duration)) {
	s.cfg.Alerts = []slo.AlertModel{{Name: "BudgetBurn", Group: group, Labels: map[string]string{"severity": "page"}}}
	s.wrap = func(q engine.Querier) engine.Querier { return withoutAPI{q, change} }
}

// underFault says whether the fault has been there for some seconds.
func (s *setup) underFault() bool {
	since, _ := s.target.since(time.Now())
	return since > 3*time.Second
}

func (s *setup) ahead(d func() time.Duration) {
	s.wrap = func(q engine.Querier) engine.Querier { return skewed{q, d} }
}

// firstBad checks that the first bad events are filed where they happened: in the
// first two scrapes after the fault began.
func firstBad(t *testing.T, s *setup, r result.Run, _ error) {
	t.Helper()
	for _, p := range r.SLIs[0].Points {
		if p.V > 0 {
			if late := s.quick(p.T.Sub(*r.T0)); late < 0 || late > 2*time.Second {
				t.Errorf("the first bad events are filed %s after the fault, in scrapes", late)
			}
			return
		}
	}
	t.Error("no bad event is in the chart")
}

// moment is when something first happened. Questions are asked side by side.
type moment struct {
	once sync.Once
	at   atomic.Pointer[time.Time]
}

func (m *moment) mark() {
	m.once.Do(func() { m.at.Store(new(time.Now())) })
}

func (m *moment) time() time.Time {
	if at := m.at.Load(); at != nil {
		return *at
	}
	return time.Now()
}

// clockTruths are worlds in which time, or what was promised about it, decides.
func clockTruths() []row {
	return []row{
		// Probation.
		{name: "an outage within the probation begins it again", set: func(s *setup) {
			s.x.Recover = 20 * time.Second
			s.x.SLOs[0].MaxBudgetSpend = 1
			s.between(12*time.Second, 13*time.Second, second{requests: 100, bad: 5})
		}, verdict: result.Pass},
		{name: "an outage that leaves no window before the deadline is not a recovery", upTo: time.Second, set: func(s *setup) {
			s.x.Recover = 20 * time.Second
			s.x.SLOs[0].MaxBudgetSpend = 1
			s.behave = func(_ *world, since time.Duration, _ bool) second {
				if since > 9*time.Second && since < 10*time.Second || since > 17*time.Second && since < 20*time.Second {
					return second{requests: 100, bad: 5}
				}
				return healthy()
			}
		}, verdict: result.Fail, reason: result.NotRecovered},
		{name: "a replica that fails again within the probation begins it again", set: func(s *setup) {
			s.x.Recover = 20 * time.Second
			s.between(12*time.Second, 13*time.Second, second{requests: 100, down: 1})
		}, verdict: result.Pass},
		{name: "a second outage while an alert is waited for is a failure", set: func(s *setup) {
			s.x.SLOs[0].MaxBudgetSpend = 1
			s.lateUntil(30*time.Second, second{requests: 100, bad: 60, lag: 0.06})
		}, verdict: result.Fail, reason: result.NotRecovered},
		{name: "bad events count toward the budget until the end of the watch", set: func(s *setup) {
			s.lateUntil(30*time.Second, second{requests: 100, bad: 100, lag: 0.06})
		}, verdict: result.Fail, reason: result.SLOBroken},

		// Pods.
		{name: "a replica that is missing before the fault is an unhealthy baseline", set: func(s *setup) {
			s.always(second{requests: 100, down: 1})
		}, verdict: result.Inconclusive, reason: result.BaselineUnhealthy, check: notTouched},
		{name: "a workload that wants fewer pods than before has not recovered", set: func(s *setup) {
			s.target.health = func(since time.Duration, h fault.Health) (fault.Health, error) {
				if since > 3*time.Second {
					h.Wanted, h.Ready = 2, 2
				}
				return h, nil
			}
		}, verdict: result.Fail, reason: result.NotRecovered},
		{name: "a workload that an autoscaler made smaller has recovered", set: func(s *setup) {
			s.target.health = func(since time.Duration, h fault.Health) (fault.Health, error) {
				h.Autoscaled = true
				if since > 3*time.Second {
					h.Wanted, h.Ready = 2, 2
				}
				return h, nil
			}
		}, verdict: result.Pass, check: func(t *testing.T, _ *setup, r result.Run, _ error) {
			if len(r.Evidence.Series.Health) != 2 {
				t.Errorf("the change is not in the evidence: %+v", r.Evidence.Series.Health)
			}
		}},
		{name: "a workload that wants more pods than it has has not recovered", set: func(s *setup) {
			s.target.health = func(since time.Duration, h fault.Health) (fault.Health, error) {
				if since > 3*time.Second {
					h.Wanted, h.Autoscaled = 5, true
				}
				return h, nil
			}
		}, verdict: result.Fail, reason: result.NotRecovered},

		// Clocks.
		{name: "a Prometheus that is ahead of the runner is asked in its own time", set: func(s *setup) {
			s.ahead(func() time.Duration { return s.slow(3 * time.Second) })
			s.between(0, 3*time.Second, outage())
		}, verdict: result.Fail, reason: result.SLOBroken, check: firstBad},
		{name: "a Prometheus that is behind the runner is asked in its own time", set: func(s *setup) {
			s.ahead(func() time.Duration { return -s.slow(3 * time.Second) })
			s.between(0, 3*time.Second, outage())
		}, verdict: result.Fail, reason: result.SLOBroken, check: firstBad},
		{name: "clocks that differ do not hide that nothing happened", set: func(s *setup) {
			s.ahead(func() time.Duration { return 90 * time.Second })
		}, verdict: result.Pass},
		{name: "clocks that move against each other during the run say nothing", set: func(s *setup) {
			var moved atomic.Bool // set by the run, read by its questions
			s.at(result.Recover, func() { moved.Store(true) })
			s.ahead(func() time.Duration {
				if moved.Load() {
					return 1500 * time.Millisecond
				}
				return 0
			})
		}, verdict: result.Inconclusive, reason: result.PrometheusUnreachable},
		{name: "a loss of Prometheus is noticed within five seconds", set: func(s *setup) {
			s.x.Observe = 60 * time.Second
			var died moment
			s.api.trouble = func(since time.Duration) (int, time.Duration) {
				if since < 3*time.Second {
					return 0, 0
				}
				died.mark()
				return -1, 0
			}
			s.at(result.Recover, func() {
				if took := time.Since(died.time()); took > 5*time.Second {
					s.t.Errorf("it was noticed after %s", took)
				}
			})
		}, verdict: result.Inconclusive, reason: result.PrometheusUnreachable},
		{name: "a Prometheus that hangs is noticed within five seconds", set: func(s *setup) {
			s.x.Observe = 60 * time.Second
			var died moment
			s.hangs(func() bool {
				if since, _ := s.target.since(time.Now()); since < 3*time.Second {
					return false
				}
				died.mark()
				return true
			})
			s.at(result.Recover, func() {
				if took := time.Since(died.time()); took > 5*time.Second {
					s.t.Errorf("it was noticed after %s", took)
				}
			})
		}, verdict: result.Inconclusive, reason: result.PrometheusUnreachable},

		// Rules.
		{name: "a rule of the files that Prometheus lacks is missing", set: func(s *setup) {
			s.forbidPages()
			s.cfg.Alerts = []slo.AlertModel{{Name: "Burn", Labels: map[string]string{"severity": "page"}}}
		}, verdict: result.Inconclusive, reason: result.RulesMissing, check: notTouched},
		{name: "a rule with other labels than in the files is missing", set: func(s *setup) {
			s.expect(6*time.Second, 0)
			s.cfg.Alerts = []slo.AlertModel{{Name: "ReplicaDown", Labels: map[string]string{"severity": "page"}}}
		}, verdict: result.Inconclusive, reason: result.RulesMissing, check: notTouched},
		{name: "a rule of the files that nobody asks about may be missing", set: func(s *setup) {
			s.forbidPages()
			s.cfg.Alerts = []slo.AlertModel{
				{Name: "Other", Labels: map[string]string{"severity": "ticket"}}, {Name: "BudgetBurn", Labels: map[string]string{"severity": "page"}},
			}
		}, verdict: result.Pass},
		{name: "a rule that was not evaluated before the fault", set: func(s *setup) {
			s.forbidPages()
			s.rulesAre(func(r *prom.Rule) error { r.LastEvaluation = time.Time{}; return nil })
		}, verdict: result.Inconclusive, reason: result.RulesNotEvaluated, check: notTouched},
		{name: "the first evaluation of a slow group is waited for", set: func(s *setup) {
			s.forbidPages()
			loaded := sync.OnceValue(time.Now)
			s.rulesAre(func(r *prom.Rule) error {
				if time.Since(loaded()) < s.slow(5*time.Second) {
					r.LastEvaluation = time.Time{}
				}
				return nil
			})
		}, verdict: result.Pass},
		{name: "a rule that is no longer evaluated under fault", set: func(s *setup) {
			s.forbidPages()
			s.rulesAre(func(r *prom.Rule) error {
				if s.underFault() {
					r.LastEvaluation = r.LastEvaluation.Add(-s.slow(4 * time.Second))
				}
				return nil
			})
		}, verdict: result.Inconclusive, reason: result.RulesNotEvaluated, check: faultsRemoved},
		{name: "a rule that is evaluated with an error under fault", set: func(s *setup) {
			s.forbidPages()
			s.rulesAre(func(r *prom.Rule) error {
				if s.underFault() && r.Name == "BudgetBurn" {
					r.Error = "many-to-many matching"
				}
				return nil
			})
		}, verdict: result.Inconclusive, reason: result.RulesNotEvaluated, check: faultsRemoved},
		{name: "an error of a rule that nobody asks about", set: func(s *setup) {
			s.forbidPages()
			s.rulesAre(func(r *prom.Rule) error {
				if r.Name == "ReplicaDown" {
					r.Error = "many-to-many matching"
				}
				return nil
			})
		}, verdict: result.Pass},
		{name: "a forbidden alert that fired before its rule failed has fired", set: func(s *setup) {
			s.forbidPages()
			s.x.SLOs[0].MaxBudgetSpend = 1
			s.between(0, 6*time.Second, second{requests: 100, bad: 60})
			s.rulesAre(func(r *prom.Rule) error {
				if since, _ := s.target.since(time.Now()); since > 7*time.Second {
					r.Error = "many-to-many matching"
				}
				return nil
			})
		}, verdict: result.Fail, reason: result.AlertForbidden},
		{name: "a Prometheus without rules API cannot vouch for silence", set: func(s *setup) {
			s.forbidPages()
			s.rulesAre(func(*prom.Rule) error { return prom.ErrNoRulesAPI })
		}, verdict: result.Inconclusive, reason: result.RulesNotEvaluated, check: notTouched},
		{name: "without rules API a heartbeat vouches for silence", set: func(s *setup) {
			s.forbidPages()
			s.noAPI("test", func(map[string]time.Duration) {})
		}, verdict: result.Pass, check: func(t *testing.T, _ *setup, r result.Run, _ error) {
			t.Helper()
			for _, a := range r.Asserts {
				if a.Kind == result.AssertForbid && !strings.Contains(a.Observed, "errors of single rules cannot be seen") {
					t.Errorf("it is not said what cannot be seen: %q", a.Observed)
				}
			}
		}},
		{name: "without rules API the heartbeat of another group vouches for nothing", set: func(s *setup) {
			s.forbidPages()
			s.noAPI("other", func(map[string]time.Duration) {})
		}, verdict: result.Inconclusive, reason: result.RulesNotEvaluated, check: notTouched},
		{name: "a heartbeat that is too old before the fault", set: func(s *setup) {
			s.forbidPages()
			s.noAPI("test", func(ages map[string]time.Duration) { ages["test"] += s.slow(4 * time.Second) })
		}, verdict: result.Inconclusive, reason: result.RulesNotEvaluated, check: notTouched},
		{name: "a heartbeat that stops under fault", set: func(s *setup) {
			s.forbidPages()
			s.noAPI("test", func(ages map[string]time.Duration) {
				if s.underFault() {
					ages["test"] += s.slow(4 * time.Second)
				}
			})
		}, verdict: result.Inconclusive, reason: result.RulesNotEvaluated, check: faultsRemoved},
		{name: "a heartbeat that is gone under fault", set: func(s *setup) {
			s.forbidPages()
			s.noAPI("test", func(ages map[string]time.Duration) {
				if s.underFault() {
					delete(ages, "test")
				}
			})
		}, verdict: result.Inconclusive, reason: result.RulesNotEvaluated, check: faultsRemoved},
		{name: "a Prometheus without rules API is enough where no alert is asked about", set: func(s *setup) {
			s.rulesAre(func(*prom.Rule) error { return prom.ErrNoRulesAPI })
		}, verdict: result.Pass},

		// Labels of alerts.
		{name: "a ticket is not the page that is expected", set: func(s *setup) {
			s.expect(6*time.Second, 0)
			s.x.Expect[0].Labels = map[string]string{"severity": "page"}
			s.during(second{requests: 100, down: 1})
		}, verdict: result.Fail, reason: result.AlertMissing},
		{name: "an alert with the labels that are expected", set: func(s *setup) {
			s.expect(6*time.Second, 6*time.Second)
			s.x.Expect[0].Labels = map[string]string{"severity": "ticket", "instance": "0"}
			s.during(second{requests: 100, down: 1})
		}, verdict: result.Pass},

		// Counters.
		{name: "a counter that appears late in the baseline is not an increase", set: func(s *setup) {
			n := 0
			s.behave = func(*world, time.Duration, bool) second {
				n++
				if n < 4 {
					return healthy()
				}
				return with(healthy(), old("success", 90_000), old("error", 50_000))
			}
		}, verdict: result.Pass},

		// Phases.
		{name: "a baseline that holds too few scrapes is lengthened", set: func(s *setup) {
			s.x.Baseline = 2 * time.Second
		}, verdict: result.Pass, check: func(t *testing.T, s *setup, r result.Run, _ error) {
			if got := r.Spec.Timing.Baseline.Duration(); got != 4*s.scrape || r.Spec.Timing.AskedBaseline.Duration() != 2*s.scrape {
				t.Errorf("the baseline lasted %s", got)
			}
		}},
		{name: "a recovery without room for the probation is lengthened", set: func(s *setup) {
			s.x.Recover = 2 * time.Second
		}, verdict: result.Pass},
		{name: "a PromQL that is held too short to be seen is not run", set: func(s *setup) {
			s.x.Observe = 1500 * time.Millisecond
			s.promql("gauge", `g`, nil, ptr(1.0))
			s.always(with(healthy(), gauge(0.5)))
		}, verdict: result.Inconclusive, reason: result.PhasesTooShort, check: notTouched},
		{name: "an alert that cannot fire in its time is not run", set: func(s *setup) {
			s.expect(2*time.Second, 0)
		}, verdict: result.Inconclusive, reason: result.PhasesTooShort, check: notTouched},
	}
}

// lateUntil keeps an expected alert firing from the fault until the time given,
// and lets something else happen for some seconds shortly before it, when all else
// has long recovered.
func (s *setup) lateUntil(end time.Duration, other second) {
	s.x.Expect = []experiment.ExpectedAlert{{Name: "LateSending", Within: 7 * time.Second, ResolvesWithin: 40 * time.Second}}
	s.behave = func(_ *world, since time.Duration, _ bool) second {
		out := healthy()
		switch {
		case since > end-6*time.Second && since < end-2*time.Second:
			return other
		case since >= 0 && since < end:
			out.lag = 0.06
		}
		return out
	}
}

// old is a counter of a probe that was there long before it was scraped.
func old(outcome string, v float64) prom.Series {
	return prom.Series{
		Labels: map[string]string{"__name__": "probe_requests_total", "job": "old", "outcome": outcome},
		Points: []prom.Sample{{V: v}},
	}
}
