package report

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/chart"
)

func ptr[T any](v T) *T { return &v }

// epoch is when the fixtures happened.
var epoch = time.Date(2026, 11, 22, 20, 1, 5, 0, time.UTC)

// scene is a run under construction: 10 s baseline, 30 s observe, 20 s recover.
type scene struct {
	run result.Run
	rng *rand.Rand
	t0  time.Time
}

const (
	sceneBaseline = 10 * time.Second
	sceneObserve  = 30 * time.Second
	sceneRecover  = 20 * time.Second
)

func newScene(name, hypothesis string, start time.Duration) *scene {
	begin := epoch.Add(start)
	s := &scene{rng: rand.New(rand.NewPCG(7, uint64(start)))}
	at := begin
	phase := func(p result.Phase, d time.Duration) result.PhaseSpan {
		span := result.PhaseSpan{Phase: p, Start: at, End: at.Add(d)}
		at = span.End
		return span
	}
	s.run = result.Run{
		ID:         name + "-k4x2p",
		Name:       name,
		File:       "chaos/experiments/" + name + ".yaml",
		Labels:     map[string]string{"app": "monitor"},
		Hypothesis: hypothesis,
		Attempt:    1,
		Started:    begin,
		Phases: []result.PhaseSpan{
			phase(result.Preflight, 120*time.Millisecond), phase(result.Planning, 15*time.Millisecond),
			phase(result.WarmUp, 2400*time.Millisecond), phase(result.Baseline, sceneBaseline),
			phase(result.Inject, 90*time.Millisecond), phase(result.Confirm, 1100*time.Millisecond),
			phase(result.Observe, sceneObserve), phase(result.Recover, sceneRecover),
			phase(result.Audit, 60*time.Millisecond), phase(result.Judge, 1200*time.Millisecond),
		},
		Overhead: 1.3,
		YAML:     fmt.Sprintf("apiVersion: ballast.dev/v1alpha1\nkind: Experiment\nmetadata:\n  name: %s\nspec:\n  hypothesis: %s\n  baseline: 10s\n  observe: 30s\n  recover: 20s\n", name, hypothesis),
		Judgment: result.Judgment{
			Verdict: result.Pass,
			Radius:  result.Radius{Targets: 1, Percent: 100.0 / 3},
		},
	}
	s.run.Ended = at
	s.t0 = s.phase(result.Inject).Start
	s.run.T0 = ptr(s.t0)
	s.run.T1 = ptr(s.phase(result.Confirm).End)
	s.run.Removed = ptr(s.phase(result.Recover).Start)
	s.run.Back = ptr(s.run.Removed.Add(3200 * time.Millisecond))
	s.run.TimeToRecover = ptr(result.Seconds(3.2))
	s.run.Spec.Timing.Recover = result.InSeconds(sceneRecover)
	s.run.Evidence.Moments.End = ptr(s.phase(result.Judge).Start)
	return s
}

// recovers adds the assertion that everything was back in time.
func (s *scene) recovers() {
	s.run.Asserts = append(s.run.Asserts, result.Assertion{
		Name: "recovery", Kind: result.AssertRecovery, Outcome: result.Held,
		Expected: "pods are ready and SLOs hold for 10s, within 20s of the removal", Observed: "after 3.2 s",
	})
}

// counts adds the counted events of the availability SLO: so many requests are bad at each
// second from one to another.
func (s *scene) counts(bad float64, from, to int) {
	c := result.Counts{SLO: "monitor-availability"}
	var all, lost float64
	for sec := -10; sec <= 51; sec++ {
		all += 100
		if sec > from && sec <= to {
			lost += bad
		}
		c.Steps = append(c.Steps, result.Count{T: s.t0.Add(time.Duration(sec) * time.Second), Good: all - lost, Total: all})
	}
	s.run.Evidence.Series.Counts = append(s.run.Evidence.Series.Counts, c)
}

func (s *scene) phase(p result.Phase) result.PhaseSpan {
	for _, span := range s.run.Phases {
		if span.Phase == p {
			return span
		}
	}
	panic("the scene has no phase " + p)
}

// points samples f, whose argument is seconds since t0, every second; f says no
// for missing data.
func (s *scene) points(f func(sec float64) (float64, bool)) []result.Point {
	out := []result.Point{}
	for t := s.phase(result.Baseline).Start; !t.After(s.phase(result.Recover).End); t = t.Add(time.Second) {
		if v, ok := f(t.Sub(s.t0).Seconds()); ok {
			out = append(out, result.Point{T: t, V: v})
		}
	}
	return out
}

// availability adds the SLO with the given error ratio over time.
func (s *scene) availability(spent, bad float64, ratio func(sec float64) (float64, bool)) {
	points := s.points(ratio)
	burn := make([]result.Point, len(points))
	for i, p := range points {
		burn[i] = result.Point{T: p.T, V: p.V / 0.001}
	}
	total := 51.0 * 100
	outcome, observed := result.Held, fmt.Sprintf("%s (%s of %s requests were bad)", chart.Percent(spent), chart.Count(bad), chart.Count(total))
	if spent > 0.001 {
		outcome = result.Broken
	}
	s.run.SLIs = append(s.run.SLIs, result.SLI{
		Name: "monitor-availability", Unit: "error ratio",
		Query:     `1 - sum(rate(probe_requests_total{outcome="success"}[10s])) / sum(rate(probe_requests_total[10s]))`,
		Objective: ptr(0.999), Max: ptr(0.001), Points: points, BurnRate: burn,
		BadEvents: ptr(bad), TotalEvents: ptr(total), BaselineRate: ptr(100.0),
		BudgetSpent: ptr(spent), BudgetLimit: ptr(0.001), BudgetEvents: ptr(259_200.0), WindowDays: ptr(30.0),
	})
	s.run.Asserts = append(s.run.Asserts, result.Assertion{
		Name: "monitor-availability", Kind: result.AssertSLO, Outcome: outcome,
		Expected: "at most 0.1% of the error budget", Observed: observed,
	})
}

// latency adds a bounded PromQL indicator.
func (s *scene) latency(peak float64) {
	points := s.points(func(sec float64) (float64, bool) {
		v := 0.012 + 0.004*s.rng.Float64()
		if sec > 1 && sec < 31 {
			v += peak * (0.8 + 0.2*s.rng.Float64())
		}
		return v, true
	})
	top := slices.MaxFunc(points, func(a, b result.Point) int { return cmp.Compare(a.V, b.V) })
	outcome := result.Held
	if top.V > 0.5 {
		outcome = result.Broken
	}
	s.run.SLIs = append(s.run.SLIs, result.SLI{
		Name: "p99 latency", Query: `histogram_quantile(0.99, sum by (le) (rate(probe_request_duration_seconds_bucket[10s])))`,
		Max: ptr(0.5), Points: points,
	})
	s.run.Asserts = append(s.run.Asserts, result.Assertion{
		Name: "p99 latency", Kind: result.AssertPromQL, Outcome: outcome,
		Expected: "at most 0.5", Observed: chart.Significant(top.V, 3) + " at its worst",
	})
}

// alert adds one that fires some seconds after t0.
func (s *scene) alert(name, role, severity string, pending, firing, resolved float64, predicted ...result.Seconds) {
	at := func(sec float64) time.Time { return s.t0.Add(time.Duration(sec * float64(time.Second))) }
	a := result.Alert{
		Name: name, Role: role, Severity: severity, Labels: map[string]string{"service": "monitor"},
		Pending: []result.Span{{Start: at(pending), End: at(firing)}}, Firing: []result.Span{{Start: at(firing), End: at(resolved)}},
		Measured:   ptr(result.Seconds(firing)),
		ResolvedIn: ptr(result.Seconds(at(resolved).Sub(*s.run.Removed).Seconds())),
	}
	if len(predicted) == 2 {
		a.PredictedMin, a.PredictedMax = &predicted[0], &predicted[1]
	}
	s.run.Alerts = append(s.run.Alerts, a)
	if role == "expected" {
		s.run.TimeToDetect = a.Measured
		s.run.Asserts = append(s.run.Asserts, result.Assertion{
			Name: name, Kind: result.AssertExpect, Outcome: result.Held,
			Expected: "fires within 20 s and resolves within 60 s", Observed: alertStory(a, s.run),
		})
	}
}

func (s *scene) fault(kind, action string, emulated, observed string, targets ...string) {
	name := s.run.Name
	s.run.Faults = append(s.run.Faults, result.Fault{
		Kind: kind, Action: action, Name: name, Mode: "one", Duration: 55, Targets: targets, Emulated: emulated,
		YAML: fmt.Sprintf("apiVersion: chaos-mesh.org/v1alpha1\nkind: %s\nmetadata: {name: %s}\nspec:\n  action: %s\n  mode: one\n  selector: {labelSelectors: {app.kubernetes.io/name: monitor}}\n", kind, name, action),
	})
	for _, t := range targets {
		s.run.Effects = append(s.run.Effects, result.Effect{
			Fault: kind + "/" + name, Target: t, Injected: true, Shown: true, Observed: observed, At: s.t0.Add(800 * time.Millisecond),
		})
	}
}

func quiet(float64) (float64, bool) { return 0, true }

// spike is an error ratio that rises to peak for some seconds and decays.
func spike(peak, from, to float64) func(float64) (float64, bool) {
	return func(sec float64) (float64, bool) {
		switch {
		case sec < from:
			return 0, true
		case sec < to:
			return peak * (1 - math.Exp(-(sec - from + 1))), true
		default:
			v := peak * math.Exp(-(sec-to)/1.5)
			if v < 0.0002 {
				v = 0
			}
			return v, true
		}
	}
}

func passRun() result.Run {
	s := newScene("monitor-pod-failure", "Losing one of three replicas is invisible to clients.", 0)
	s.fault("PodChaos", "pod-failure", "", "refuses connections: dial tcp 127.0.0.1:41873: connection refused", "default/monitor-7d9f4-b")
	s.availability(0.0000116, 3, spike(0.03, 0, 1))
	s.latency(0.01)
	s.alert("MonitorReplicaDown", "expected", "ticket", 2, 6, 36, 4, 9)
	s.recovers()
	s.run.Evidence.Series.Coverage = []result.Coverage{{
		Workload: "deployment/monitor", Until: 51.2,
		Steps: []result.Cover{
			{Ready: 3}, {At: 1, Ready: 2, Down: 1}, {At: 12, Ready: 3, Down: 1}, {At: 22, Unknown: true}, {At: 26, Ready: 2, Down: 1}, {At: 32, Ready: 3},
		},
	}}
	s.run.Summary = "All 3 assertions held while default/monitor-7d9f4-b was away; recovered 3.2 s after the fault was removed."
	return s.run
}

func failRun() result.Run {
	s := newScene("monitor-slow-network", "300 ms of extra latency on one replica stays within the latency objective & the budget.", 70*time.Second)
	s.fault("NetworkChaos", "delay", "", "median round trip 304 ms, 0.4 ms before", "default/monitor-7d9f4-a")
	s.availability(0.00417, 1081, spike(0.34, 1, 31))
	s.latency(0.71)
	s.alert("MonitorErrorBudgetBurn", "", "page", 1, 3, 41, 2, 5)
	s.alert("MonitorReplicaDown", "expected", "ticket", 8, 12, 38)
	s.recovers()
	s.counts(36, 1, 31)
	s.run.Verdict, s.run.Reason = result.Fail, result.SLOBroken
	s.run.Summary = "monitor-availability spent 0.417% of its error budget, 0.1% was allowed: the gateway kept sending to the slow replica."
	s.run.Findings = []result.Finding{
		{Verdict: result.Fail, Reason: result.SLOBroken, Detail: "monitor-availability: 0.417% of the budget spent (1,081 of 5,100 requests were bad), at most 0.1% allowed"},
		{Verdict: result.Fail, Reason: result.SLOBroken, Detail: "p99 latency: 0.724 at its worst, at most 0.5"},
	}
	return s.run
}

func inconclusiveRun() result.Run {
	s := newScene("monitor-partition", "A replica that is cut off is taken out within 5 s.", 140*time.Second)
	s.fault("NetworkChaos", "partition", "", "no answer in 1 s", "default/monitor-7d9f4-c")
	s.availability(0.0002, 52, func(sec float64) (float64, bool) {
		if (sec > 6 && sec < 13) || sec > 22 {
			return 0, false
		}
		return spike(0.2, 1, 5)(sec)
	})
	s.run.Asserts[0].Outcome = result.Unknown
	s.run.Asserts[0].Observed = "no data for 6 s"
	s.run.Verdict, s.run.Reason = result.Inconclusive, result.NoData
	s.run.Summary = "Prometheus had no sample of the probe for 6 s while the fault was active, so nothing can be said."
	s.run.Findings = []result.Finding{{Verdict: result.Inconclusive, Reason: result.NoData, Detail: "probe_requests_total: newest sample 6.2 s old, at most 3 s"}}
	s.run.TimeToRecover, s.run.Back = nil, nil
	return s.run
}

func abortedRun() result.Run {
	s := newScene("monitor-all-replicas", "The guard rail stops an experiment that takes everything down.", 210*time.Second)
	s.fault("PodChaos", "pod-failure", "", "refuses connections", "default/monitor-7d9f4-a", "default/monitor-7d9f4-b", "default/monitor-7d9f4-c")
	s.availability(0.0024, 612, spike(1, 0, 6))
	s.run.Radius = result.Radius{Targets: 3, Percent: 100}
	s.run.Asserts = append(s.run.Asserts, result.Assertion{
		Name: "monitor-availability", Kind: result.AssertGuard, Outcome: result.Broken,
		Expected: "burn rate below 200 over 5 s", Observed: "998 over 5 s",
	})
	s.run.Verdict, s.run.Reason = result.Aborted, result.GuardRail
	s.run.Summary = "Stopped 6.1 s after the fault began: monitor-availability burned its budget 998 times too fast."
	s.run.Findings = []result.Finding{{Verdict: result.Aborted, Reason: result.GuardRail, Detail: "monitor-availability: burn rate 998 over 5 s, the guard rail is at 200"}}
	return s.run
}

func residueRun() result.Run {
	s := newScene("monitor-memory-stress", "A replica under memory pressure keeps answering.", 280*time.Second)
	s.fault("StressChaos", "memory", "stress allocates in a process beside the replica, not in its cgroup", "resident memory 268 MB, 21 MB before", "default/monitor-7d9f4-a")
	s.availability(0, 0, quiet)
	s.run.Verdict, s.run.Reason = result.Residual, result.LeftBehind
	s.run.Summary = "The stress process outlived its removal."
	s.run.Findings = []result.Finding{{Verdict: result.Residual, Reason: result.LeftBehind, Detail: "1 process is still running"}}
	s.run.Residue = []string{"process 41233 of run monitor-memory-stress-k4x2p: stress, 268 MB"}
	return s.run
}

func controlRun() result.Run {
	s := newScene("monitor-pod-failure", "Losing one of three replicas is invisible to clients.", 350*time.Second)
	s.availability(0, 0, quiet)
	s.run.Control = true
	s.run.Faults = nil
	s.run.Radius = result.Radius{}
	s.run.T0, s.run.T1, s.run.Removed, s.run.Back, s.run.TimeToRecover = nil, nil, nil, nil, nil
	s.run.Summary = "Without a fault everything held."
	return s.run
}

func skippedRun() result.Run {
	return result.Run{
		ID:         "monitor-bandwidth-q",
		Name:       "monitor-bandwidth",
		File:       "chaos/experiments/monitor-bandwidth.yaml",
		Hypothesis: "A slow link does not starve the probe.",
		Attempt:    1,
		Started:    epoch.Add(350 * time.Second),
		Ended:      epoch.Add(350 * time.Second),
		YAML:       "kind: Experiment\n",
		Judgment: result.Judgment{
			Verdict:  result.Inconclusive,
			Reason:   result.Skipped,
			Summary:  "Not run, because residue was found before it.",
			Findings: []result.Finding{{Verdict: result.Inconclusive, Reason: result.Skipped, Detail: "monitor-memory-stress left something behind"}},
			Asserts:  []result.Assertion{{Name: "monitor-availability", Kind: result.AssertSLO, Outcome: result.Unknown, Expected: "at most 0.1% of the error budget"}},
		},
	}
}

func reportOf(runs ...result.Run) result.Report {
	r := result.Report{
		Version: result.Version, Verdict: result.Combine(runs), Started: epoch, Ended: epoch.Add(6 * time.Minute),
		Command: []string{"ballast", "run", "--target", "local", "--out", "out/it's here", "chaos/experiments"}, Directory: "/home/sre/ballast",
		Tool: result.Tool{
			Version: "v0.1.0", Revision: "3f2a9c1d77e04b5aa91d+dirty", Go: "go1.26.8", OS: "linux", Arch: "amd64", CPUs: 2,
			Modules: map[string]string{"github.com/prometheus/prometheus": "v0.315.0", "github.com/tsenart/vegeta/v12": "v12.13.0"},
		},
		Target: result.TargetInfo{
			Kind: "local", ScrapeInterval: 1, EvaluationInterval: 1, AlertScale: 75,
			Notes: []string{"Alert windows are divided by 75: 5 minutes become 4 seconds.", "The history that long windows need was filled in as healthy at 100 requests/s."},
		},
		Experiments: runs,
	}
	return r
}

// onCluster is a report of a cluster of which not all can be read.
func onCluster(runs ...result.Run) result.Report {
	r := reportOf(runs...)
	published := epoch.Add(-48 * time.Hour)
	r.Target = result.TargetInfo{Kind: "cluster", ScrapeInterval: 15, EvaluationInterval: 15, AlertScale: 1, Cluster: &result.ClusterInfo{
		Context: "sandbox", Server: "https://127.0.0.1:6443", Namespace: "monitor", Identity: "system:serviceaccount:chaos-testing:ballast-runner",
		Kubernetes: "v1.34.4", ChaosMesh: "v2.8.3", Prometheus: "3.5.0", Capabilities: &published,
		Nodes:  []result.NodeGroup{{Count: 2, Kernel: "6.8.0", Runtime: "containerd://2.1.4", Architecture: "amd64"}, {Count: 1, Kernel: "6.8.0", Runtime: "containerd://2.1.4", Architecture: "arm64"}},
		Unread: map[string]string{},
	}}
	return r
}

// fixtures are the reports that every rendering is tested with.
func fixtures() map[string]result.Report {
	again := passRun()
	again.Attempt = 2
	long := passRun()
	long.Name = "a-very-long-experiment-name-that-somebody-thought-was-a-good-idea-and-nobody-stopped"
	interrupted := inconclusiveRun()
	interrupted.Reason, interrupted.Summary = result.Interrupted, "Interrupted while the fault was active; it was removed."
	interrupted.Findings[0].Reason = result.Interrupted
	return map[string]result.Report{
		"all":         reportOf(passRun(), failRun(), inconclusiveRun(), abortedRun(), residueRun(), skippedRun()),
		"green":       reportOf(passRun(), again),
		"control":     reportOf(controlRun()),
		"fail":        reportOf(passRun(), failRun()),
		"interrupted": reportOf(failRun(), interrupted),
		"long":        reportOf(long),
		"none":        reportOf(),
		"cluster":     onCluster(passRun()),
	}
}

// at makes points at whole seconds since epoch.
func at(seconds ...float64) []result.Point {
	var out []result.Point
	for _, s := range seconds {
		out = append(out, result.Point{T: epoch.Add(time.Duration(s * float64(time.Second))), V: s})
	}
	return out
}
