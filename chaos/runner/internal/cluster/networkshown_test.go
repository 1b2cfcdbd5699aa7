package cluster

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	corev1 "k8s.io/api/core/v1"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/internal/prom"
)

// measured is a series before and under the fault, and when it was last scraped. What is
// not given does not exist.
type measured struct {
	before, now float64
	stale       bool // last scraped before the fault
}

// answers are series by a part of their selector.
type answers map[string]measured

func (a answers) Instant(_ context.Context, expr string, at time.Time) (prom.Sample, error) {
	for part, m := range a {
		if !strings.Contains(expr, part) {
			continue
		}
		switch {
		case strings.Contains(expr, "timestamp("):
			taken := noon.Add(10 * time.Second)
			if m.stale {
				taken = noon
			}
			return prom.Sample{V: float64(taken.UnixMilli()) / 1000}, nil
		case at.IsZero():
			return prom.Sample{V: m.now}, nil
		case at.Equal(noon):
			return prom.Sample{V: m.before}, nil
		}
		return prom.Sample{}, fmt.Errorf("asked for %s", at)
	}
	return prom.Sample{}, prom.ErrNoData
}

func watching(a answers) *Target { return &Target{Cluster: &Cluster{cfg: Config{Querier: a}}} }

const (
	good = `probe_pod_requests{outcome="success"`
	bad  = `probe_pod_requests{outcome="error"`
	fast = `probe_pod_connect_duration_seconds{statistic="min"`
	slow = `probe_pod_duration_seconds{statistic="max"`
)

func TestWhatANetworkFaultDoesIsSeenFromTheFarEnd(t *testing.T) {
	cut := v1alpha1.NetworkChaosSpec{Action: v1alpha1.PartitionAction}
	late := v1alpha1.NetworkChaosSpec{Action: v1alpha1.DelayAction, TcParameter: v1alpha1.TcParameter{Delay: &v1alpha1.DelaySpec{Latency: "100ms"}}}
	lost := v1alpha1.NetworkChaosSpec{Action: v1alpha1.LossAction, TcParameter: v1alpha1.TcParameter{Loss: &v1alpha1.LossSpec{Loss: "25"}}}
	both := v1alpha1.NetworkChaosSpec{Action: v1alpha1.NetemAction, TcParameter: v1alpha1.TcParameter{Delay: late.Delay, Loss: lost.Loss}}
	for name, tc := range map[string]struct {
		spec  v1alpha1.NetworkChaosSpec
		from  string
		seen  answers
		shown bool
		says  string
	}{
		"a partition, everything fails":           {cut, watchedByProbe, answers{good: {before: 5}, bad: {now: 5}}, true, "all of 5 requests"},
		"a partition, one still succeeds":         {cut, watchedByProbe, answers{good: {before: 5, now: 1}, bad: {now: 4}}, false, "1 of 5"},
		"a partition, nothing has happened":       {cut, watchedByProbe, answers{good: {before: 5, now: 5}, bad: {}}, false, "5 of 5"},
		"a partition, it failed before":           {cut, watchedByProbe, answers{good: {}, bad: {now: 5}}, false, "not reached before"},
		"a partition, nothing asked":              {cut, watchedByProbe, answers{good: {before: 5}, bad: {}}, false, "0 of 0"},
		"a partition, the reading is old":         {cut, watchedByProbe, answers{good: {before: 5, stale: true}, bad: {now: 5, stale: true}}, false, "before the fault"},
		"a partition, nothing measures it":        {cut, watchedByProbe, answers{}, false, "no such series"},
		"from Prometheus, it cannot scrape":       {cut, watchedByPrometheus, answers{`up{job="monitor"`: {before: 1}}, true, "up is 0"},
		"from Prometheus, it still scrapes":       {cut, watchedByPrometheus, answers{`up{job="monitor"`: {before: 1, now: 1}}, false, "still scrapes"},
		"from Prometheus, it could not before":    {cut, watchedByPrometheus, answers{`up{job="monitor"`: {}}, false, "before the fault either"},
		"from Prometheus, its sample is old":      {cut, watchedByPrometheus, answers{`up{job="monitor"`: {before: 1, stale: true}}, false, "before the fault"},
		"a delay, it shows":                       {late, watchedByProbe, answers{fast: {before: .001, now: .101}}, true, "101.0 ms"},
		"a delay, less than half of it shows":     {late, watchedByProbe, answers{fast: {before: .001, now: .045}}, false, "45.0 ms"},
		"a delay, the machine was as slow":        {late, watchedByProbe, answers{fast: {before: .2, now: .21}}, false, "200.0 ms before"},
		"a loss, requests fail":                   {lost, watchedByProbe, answers{bad: {now: 2}, slow: {before: .01}}, true, "2 requests"},
		"a loss, packets were sent again":         {lost, watchedByProbe, answers{bad: {}, slow: {before: .01, now: .25}}, true, "250.0 ms"},
		"a loss, nothing shows":                   {lost, watchedByProbe, answers{bad: {}, slow: {before: .01, now: .02}}, false, "20.0 ms"},
		"delay and loss, both show":               {both, watchedByProbe, answers{fast: {before: .001, now: .101}, bad: {now: 1}, slow: {before: .01}}, true, "; 1 requests"},
		"delay and loss, only the delay shows":    {both, watchedByProbe, answers{fast: {before: .001, now: .101}, bad: {}, slow: {before: .01, now: .12}}, false, "101.0 ms"},
		"delay and loss, the delay does not":      {both, watchedByProbe, answers{fast: {before: .001, now: .002}, bad: {now: 3}, slow: {before: .01}}, false, "3 requests"},
		"a duplicate, which nothing here can see": {v1alpha1.NetworkChaosSpec{Action: v1alpha1.DuplicateAction}, watchedByProbe, answers{good: {before: 5, now: 5}}, false, "nothing here can show"},
	} {
		t.Run(name, func(t *testing.T) {
			got := watching(tc.seen).observeNetwork(t.Context(), &v1alpha1.NetworkChaos{Spec: tc.spec}, snapshot{at: noon}, fault.Target{Namespace: "monitor", Pod: "monitor-a"}, tc.from)
			check(t, got, tc.shown, tc.says)
		})
	}
}

func TestWhatALoadDoesIsSeenInWhatTheContainerUses(t *testing.T) {
	const memory = "container_memory_working_set_bytes"
	half := 50
	busy := &v1alpha1.Stressors{CPUStressor: &v1alpha1.CPUStressor{Stressor: v1alpha1.Stressor{Workers: 2}, Load: &half}}
	full := &v1alpha1.Stressors{MemoryStressor: &v1alpha1.MemoryStressor{Stressor: v1alpha1.Stressor{Workers: 1}, Size: "64MB"}}
	const mb = 1 << 20
	for name, tc := range map[string]struct {
		load  *v1alpha1.Stressors
		pod   *corev1.Pod
		seen  answers
		shown bool
		says  string
	}{
		"nothing measures containers":      {busy, podWith("a"), answers{}, false, "no such series"},
		"the memory is held":               {full, podWith("a"), answers{memory: {before: 20 * mb, now: 82 * mb}}, true, "82MiB"},
		"a part of the memory is held":     {full, podWith("a"), answers{memory: {before: 20 * mb, now: 60 * mb}}, false, "60MiB"},
		"nothing is asked for":             {nil, podWith("a"), answers{}, false, "no stressor"},
		"a share of memory cannot be seen": {&v1alpha1.Stressors{MemoryStressor: &v1alpha1.MemoryStressor{Size: "50%"}}, podWith("a"), answers{memory: {now: 1}}, false, "depends on the node"},
	} {
		t.Run(name, func(t *testing.T) {
			got := watching(tc.seen).observeStress(t.Context(), &v1alpha1.StressChaos{Spec: v1alpha1.StressChaosSpec{Stressors: tc.load}}, snapshot{at: noon}, tc.pod, fault.Target{Namespace: "monitor", Pod: "monitor-a"})
			check(t, got, tc.shown, tc.says)
		})
	}
}

func TestAShiftedClockIsSeenInWhatThePodAnswers(t *testing.T) {
	const series = "probe_pod_clock_offset_seconds"
	for name, tc := range map[string]struct {
		offset string
		seen   answers
		shown  bool
		says   string
	}{
		"an hour back":                  {"-1h", answers{series: {now: -3600}}, true, "-3600 s"},
		"an hour forth":                 {"1h", answers{series: {before: 1, now: 3600}}, true, "3600 s"},
		"nothing has happened":          {"-1h", answers{series: {}}, false, "0 s"},
		"the other way":                 {"-1h", answers{series: {now: 3600}}, false, "3600 s"},
		"it was off before":             {"-1h", answers{series: {before: -3600, now: -3600}}, false, "-3600 s before"},
		"too little to be seen":         {"-2s", answers{series: {now: -2}}, false, "too small"},
		"nothing measures it":           {"-1h", answers{}, false, "no such series"},
		"the reading is from before it": {"-1h", answers{series: {now: -3600, stale: true}}, false, "before the fault"},
	} {
		t.Run(name, func(t *testing.T) {
			got := watching(tc.seen).observeClock(t.Context(), &v1alpha1.TimeChaos{Spec: v1alpha1.TimeChaosSpec{TimeOffset: tc.offset}}, snapshot{at: noon}, fault.Target{Namespace: "monitor", Pod: "monitor-a"})
			check(t, got, tc.shown, tc.says)
		})
	}
}
