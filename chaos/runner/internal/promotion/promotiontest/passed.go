// Package promotiontest makes runs that passed, for tests of what is done with them.
package promotiontest

import (
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/attest"
	"github.com/ballast-sre/ballast/chaos/runner/internal/judge"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// Asked is what a run was asked.
type Asked struct {
	Name   string
	YAML   string   // the experiment document
	Faults []string // those of its faults
	Spec   result.Spec
	Ended  time.Time
	// Bad is how many of the 100 requests a second fail in each of the two seconds after
	// the fault.
	Bad float64
}

// Run is a run of an experiment that asks for SLOs alone and has one fault, with the
// evidence that its verdict follows from: a pass unless too many requests were bad.
func Run(t testing.TB, a Asked) result.Run {
	t.Helper()
	const perSecond, began, t0, t1, removed = 100, 0, 10, 11, 21
	watched := removed + 15
	end := watched + 1
	start := a.Ended.Add(-time.Duration(end) * time.Second)
	after := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	at := func(s int) *time.Time { v := after(s); return &v }
	const fault, target = "PodChaos/f", "monitor/a"
	fine := result.Pods{Workload: "Deployment/monitor", Wanted: 3, Ready: 3}
	shown := func(s result.Stage) result.Shown {
		return result.Shown{Stage: s, Faults: []string{fault}, Effects: []result.Effect{{Fault: fault, Target: target, Injected: true, Shown: true, Observed: "gone"}}}
	}
	ev := result.Evidence{
		Before: result.Before{Clock: &result.Clock{}},
		Plan: &result.Plan{Asked: 1, Radius: result.Radius{Targets: 1, Percent: 33.3}, Faults: []result.Planned{
			{Fault: fault, Duration: 60, Targets: []string{target}},
		}},
		Baseline: &result.Steady{At: after(t0), Health: []result.Pods{fine}},
		Moments:  result.Moments{Began: at(began), T0: at(t0), T1: at(t1), Removed: at(removed), Watched: at(watched), End: at(end)},
		Series:   result.Series{Health: []result.HealthSpan{{Pods: fine, From: after(began), To: after(watched)}}},
		Watch:    result.Watch{Last: at(watched)},
		Effects:  []result.Shown{shown(result.StageConfirm), shown(result.StageHold)},
		Cleanup:  &result.Cleanup{Audited: true},
	}
	for _, slo := range a.Spec.SLOs {
		ev.Before.Budgets = append(ev.Before.Budgets, result.Budget{SLO: slo.Name, Left: 0.5})
		ev.Baseline.SLOs = append(ev.Baseline.SLOs, result.Counted{SLO: slo.Name, Total: perSecond * t0, Over: t0})
		counts, lost := result.Counts{SLO: slo.Name}, 0.0
		for i := range end + 1 {
			if i > t1 && i <= t1+2 {
				lost += a.Bad
			}
			counts.Steps = append(counts.Steps, result.Count{T: after(i), Good: float64(perSecond*i) - lost, Total: float64(perSecond * i)})
		}
		ev.Series.Counts = append(ev.Series.Counts, counts)
	}
	run := result.Run{
		ID: a.Name + "-x", Name: a.Name, File: "x.yaml", Hypothesis: "It holds.", Attempt: 1, YAML: a.YAML,
		Started: start, Ended: a.Ended, Spec: a.Spec, Evidence: ev,
	}
	for _, text := range a.Faults {
		run.Faults = append(run.Faults, result.Fault{Kind: "PodChaos", Action: "pod-failure", Name: "f", YAML: text, Targets: []string{target}})
	}
	var err error
	if run.Judgment, err = judge.Judge(run.Spec, run.Evidence); err != nil {
		t.Fatal(err)
	}
	if run.Digest, err = run.Sum(); err != nil {
		t.Fatal(err)
	}
	return run
}

// Report is a report of runs on a target.
func Report(target string, runs ...result.Run) result.Report {
	return result.Report{
		Version: result.Version, Verdict: result.Combine(runs), Target: result.TargetInfo{Kind: target},
		Tool: result.Tool{Version: "v1", Digest: attest.Digest([]byte("program"))}, Experiments: runs,
	}
}
