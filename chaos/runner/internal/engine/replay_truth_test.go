package engine_test

import (
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/slo"
)

// burnRule is a burn alert of the world: more than 20% of the events of four seconds are
// bad. Its expression, guard and pending time are what Prometheus evaluates; the model
// that predicts it may have others.
func burnRule(threshold, guard, pending string) string {
	return `
  - alert: Burning
    expr: |
      1 - sum(rate(probe_requests_total{outcome="success"}[4s])) / sum(rate(probe_requests_total[4s])) > ` + threshold + `
      and sum(increase(probe_requests_total{outcome="error"}[4s])) > ` + guard + `
    for: ` + pending + `
    labels: {severity: burning}
`
}

const (
	asModelled = "0.2"
	noGuard    = "0"
	noPending  = "0s"
)

// burning expects the alert of a rule, in the time that the model of 20% over four seconds
// predicts, and n of 100 events to go bad under fault.
func (s *setup) burning(rule string, n float64) {
	s.more = rule
	s.cfg.Alerts = []slo.AlertModel{{
		Name: "Burning", Labels: map[string]string{"severity": "burning"}, SLO: "availability", Objective: 0.999,
		Burn: &slo.BurnWindow{Long: s.slow(4 * time.Second), Short: s.slow(4 * time.Second), Rate: 200},
		Good: availability().Good, Total: availability().Total,
	}}
	s.x.Expect = []experiment.ExpectedAlert{{Name: "Burning"}}
	s.x.SLOs[0].MaxBudgetSpend = 1
	s.during(second{requests: 100, bad: n})
}

// down expects the alert that the world's rule raises two seconds after a replica is gone.
func (s *setup) gone(pending time.Duration) {
	s.predicted()
	s.x.Observe = 8 * time.Second
	s.cfg.Alerts[0].For = s.slow(pending)
	s.cfg.Alerts[0].Condition = `up{job="monitor"} == 0`
	s.downFrom(0)
}

// inItsBand checks that the alert fired in a band that the report has, which is as narrow as
// it has to be.
func inItsBand(t *testing.T, s *setup, r result.Run, err error) {
	t.Helper()
	faultsRemoved(t, s, r, err)
	for _, a := range r.Alerts {
		if a.Role != "expected" {
			continue
		}
		if a.Measured == nil || a.PredictedMin == nil || a.PredictedMax == nil {
			t.Fatalf("it is not said when it fired and was due: %+v", a)
		}
		if *a.Measured < *a.PredictedMin || *a.Measured > *a.PredictedMax {
			t.Errorf("it fired after %v, and was due after %v to %v", *a.Measured, *a.PredictedMin, *a.PredictedMax)
		}
		// The world scrapes and evaluates as often; nothing records for another group.
		scrape := s.scrape.Seconds()
		if wide := float64(*a.PredictedMax - *a.PredictedMin); wide > 2*scrape+1+0.1*float64(*a.PredictedMax) {
			t.Errorf("its band is %v s wide", wide)
		}
		return
	}
	t.Error("the expected alert is not in the record")
}

func replayTruths() []row {
	const fail, pass = result.Fail, result.Pass
	return []row{
		{name: "a burn alert in its band", set: func(s *setup) {
			s.burning(burnRule(asModelled, noGuard, noPending), 100)
		}, verdict: pass, check: inItsBand},
		{name: "a burn alert in its band at half of the errors", set: func(s *setup) {
			s.burning(burnRule(asModelled, noGuard, noPending), 50)
		}, verdict: pass, check: inItsBand},
		{name: "a burn alert just later", set: func(s *setup) {
			s.burning(burnRule(asModelled, noGuard, "4s"), 100)
		}, verdict: fail, reason: result.AlertLate, check: faultsRemoved},
		{name: "a burn alert just later, within the author's bound", set: func(s *setup) {
			s.burning(burnRule(asModelled, noGuard, "4s"), 100)
			s.x.Expect[0].Within = 12 * time.Second
		}, verdict: pass, check: faultsRemoved},
		{name: "a burn alert with another threshold is early", set: func(s *setup) {
			s.burning(burnRule("0.1", noGuard, noPending), 50)
		}, verdict: fail, reason: result.FiredEarly, check: faultsRemoved},
		{name: "a burn alert with another threshold is early, within the author's bound, too", set: func(s *setup) {
			s.burning(burnRule("0.1", noGuard, noPending), 50)
			s.x.Expect[0].Within = 12 * time.Second
		}, verdict: fail, reason: result.FiredEarly, check: faultsRemoved},
		{name: "a burn alert without errors enough", set: func(s *setup) {
			s.burning(burnRule("0.05", noGuard, noPending), 15)
		}, verdict: fail, reason: result.FiredEarly, check: faultsRemoved},
		{name: "a burn alert that its guard delays", set: func(s *setup) {
			s.burning(burnRule(asModelled, "149.5", noPending), 100)
			s.cfg.Alerts[0].LeastBad = 150
		}, verdict: pass, check: inItsBand},
		{name: "a burn alert without the guard that it should have", set: func(s *setup) {
			s.burning(burnRule(asModelled, noGuard, noPending), 100)
			s.cfg.Alerts[0].LeastBad = 150
		}, verdict: fail, reason: result.FiredEarly, check: faultsRemoved},
		{name: "a burn alert of an SLO that is not asserted", set: func(s *setup) {
			s.burning(burnRule(asModelled, noGuard, noPending), 50)
			s.x.SLOs[0].SLO = latency()
		}, verdict: pass, check: inItsBand},
		{name: "a burn alert whose model waits", set: func(s *setup) {
			s.burning(burnRule(asModelled, noGuard, "2s"), 100)
			s.cfg.Alerts[0].For = s.slow(2 * time.Second)
		}, verdict: pass, check: inItsBand},
		{name: "a burn alert that never fires", set: func(s *setup) {
			s.burning(burnRule(asModelled, "100000", noPending), 100)
		}, verdict: fail, reason: result.AlertMissing, check: faultsRemoved},
		{name: "a burn alert that was not to be predicted is bounded as before", set: func(s *setup) {
			s.burning(burnRule(asModelled, noGuard, "4s"), 100)
			s.cfg.Alerts[0].Good = ""
		}, verdict: pass, check: faultsRemoved},

		{name: "an alert on a condition in its band", set: func(s *setup) { s.gone(2 * time.Second) }, verdict: pass, check: inItsBand},
		{name: "an alert on a condition that waits for longer than its rule says", set: func(s *setup) {
			s.gone(0)
			s.cfg.Alerts[0].Condition = `up{job="monitor",instance="0"} == 0`
			s.more = "\n  - alert: Slower\n    expr: up{job=\"monitor\",instance=\"0\"} == 0\n    for: 6s\n    labels: {severity: ticket}\n"
			s.cfg.Alerts[0].Name, s.x.Expect[0].Name = "Slower", "Slower"
		}, verdict: fail, reason: result.AlertLate, check: faultsRemoved},
		{name: "an alert on a condition that waits for less than its rule says", set: func(s *setup) { s.gone(6 * time.Second) }, verdict: fail, reason: result.FiredEarly, check: faultsRemoved},
	}
}
