package judge

import (
	"math"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

func ptr[T any](v T) *T { return &v }

// at is a moment in seconds.
func at(s float64) *time.Time { return ptr(after(s)) }

// record is what one run was asked and showed.
type record struct {
	x  result.Spec
	ev result.Evidence
}

// The moments of a passing record, in seconds, and its events per second.
const (
	began, t0, t1, removed, watched, end = 0, 10, 11, 21, 36, 37

	perSecond = 100
)

// passing is a run in which everything that can be asked for was, and held: one
// of three replicas was away from t0 until just after the removal, and an alert
// said so.
func passing() record {
	r := record{x: result.Spec{
		Timing: result.Timing{Baseline: 10, Observe: 10, Recover: 20, AskedBaseline: 10, AskedRecover: 20, Scrape: 1, Evaluation: 1, Window: 10, Confirm: 10},
		SLOs:   []result.SLO{{Name: "availability", Objective: 0.999, Window: result.InSeconds(30 * 24 * time.Hour), Good: "good", Total: "all", MaxBudgetSpend: ptr(0.001)}},
		Values: []result.Bounded{{Name: "latency", PromQL: "latency", Max: ptr(0.5), Reach: 5}},
		Expect: []result.ExpectedAlert{{Name: "ReplicaDown", Match: result.AlertMatch{"alertname": "ReplicaDown", "severity": "ticket"}, Within: 6, ResolvesWithin: 6, Forecast: &result.Forecast{Earliest: 2, Latest: 4, Resolved: 2}}},
		Forbid: []result.AlertMatch{{"severity": "page"}},
		Rails:  []result.Rail{{SLO: "availability", BurnRate: 500, For: 3}},

		Instrument: []result.Bounded{{Name: "send lag", PromQL: "lag", Max: ptr(0.1)}},
		Radius:     &result.RadiusLimit{MaxTargets: 1, MaxPercent: 34},
	}}
	fine := result.Pods{Workload: "Deployment/monitor", Wanted: 3, Ready: 3}
	short := fine
	short.Ready = 2
	r.ev = result.Evidence{
		Before: result.Before{Clock: &result.Clock{}, Budgets: []result.Budget{{SLO: "availability", Left: 0.5}}},
		Plan: &result.Plan{Asked: 1, Radius: result.Radius{Targets: 1, Percent: 33.3}, Faults: []result.Planned{
			{Fault: "PodChaos/f", Duration: 60, Targets: []string{"monitor/a"}},
		}},
		Baseline: &result.Steady{
			At: after(t0), SLOs: []result.Counted{{SLO: "availability", Total: 1000, Over: 10}},
			Values: []result.Reading{{Name: "latency", Value: 0.1}}, Instrument: []result.Reading{{Name: "send lag", Value: 0.01}},
			Health: []result.Pods{fine},
		},
		Moments: result.Moments{Began: at(began), T0: at(t0), T1: at(t1), Removed: at(removed), Watched: at(watched), End: at(end)},
		Series: result.Series{
			Counts: []result.Counts{{SLO: "availability"}}, Values: []result.Values{{Name: "latency"}},
			Alerts: []result.AlertSpans{firing("ReplicaDown", map[string]string{"severity": "ticket"}, 13, 23)},
			Health: []result.HealthSpan{
				{Pods: fine, From: after(began), To: after(t0)}, {Pods: short, From: after(t0 + 0.5), To: after(22)}, {Pods: fine, From: after(22.5), To: after(watched)},
			},
		},
		Watch: result.Watch{Last: at(watched), Instrument: []result.Extreme{{Name: "send lag", Value: 0.02, At: after(20)}}},
		Effects: []result.Shown{
			shown(result.StageConfirm, true), shown(result.StageHold, true),
		},
		Delivery: &result.Delivery{From: "alertmanager", Alerts: []result.Delivered{
			{Name: "ReplicaDown", Labels: map[string]string{"severity": "ticket"}, Seen: at(14), StartsAt: at(13)},
		}},
		Cleanup: &result.Cleanup{Audited: true},
	}
	for i := range end + 1 {
		r.ev.Series.Counts[0].Steps = append(r.ev.Series.Counts[0].Steps, result.Count{T: after(float64(i)), Good: perSecond * float64(i), Total: perSecond * float64(i)})
		r.ev.Series.Values[0].Steps = append(r.ev.Series.Values[0].Steps, result.Value{T: after(float64(i)), V: 0.1})
	}
	return r
}

func shown(s result.Stage, is bool) result.Shown {
	return result.Shown{Stage: s, Faults: []string{"PodChaos/f"}, Effects: []result.Effect{
		{Fault: "PodChaos/f", Target: "monitor/a", Injected: true, Shown: is, Observed: "so"},
	}}
}

func (r *record) steps() []result.Count { return r.ev.Series.Counts[0].Steps }

// bad makes n events of every second in (from, to] bad.
func (r *record) bad(from, to int, n float64) {
	lost := 0.0
	for i, c := range r.steps() {
		if i > from && i <= to {
			lost += n
		}
		r.steps()[i].Good = c.Good - lost
	}
}

// quiet leaves n events of every second in (from, to].
func (r *record) quiet(from, to int, n float64) {
	lost := 0.0
	for i, c := range r.steps() {
		if i > from && i <= to {
			lost += perSecond - n
		}
		r.steps()[i].Good, r.steps()[i].Total = c.Good-lost, c.Total-lost
	}
}

// miss loses the samples of the SLO in [from, to].
func (r *record) miss(from, to int) {
	for i := from; i <= to; i++ {
		r.steps()[i] = result.Count{T: after(float64(i)), Missing: true}
	}
}

// value changes the expression in [from, to].
func (r *record) value(from, to int, v float64, k result.TroubleKind) {
	for i := from; i <= to; i++ {
		r.ev.Series.Values[0].Steps[i] = result.Value{T: after(float64(i)), V: result.Number(v), Kind: k}
	}
}

// oneShot makes the fault one that happens once.
func (r *record) oneShot() {
	r.ev.Plan.Faults[0].OneShot, r.ev.Plan.Faults[0].Duration = true, 0
	r.ev.Effects = r.ev.Effects[:1]
}

// stop ends the run before it was watched to its end.
func (r *record) stop() { r.ev.Moments.Watched = nil }

func nan() float64 { return math.NaN() }
