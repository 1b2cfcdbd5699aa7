package cluster

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/internal/prom"
)

// kubelet is what it measured of a container's CPU, in seconds used, oldest first.
type kubelet []count

func (k kubelet) Instant(_ context.Context, expr string, at time.Time) (prom.Sample, error) {
	var known kubelet
	for _, c := range k {
		if at.IsZero() || !c.at.After(at) {
			known = append(known, c)
		}
	}
	n := len(known)
	switch {
	case n == 0, strings.Contains(expr, "irate") && n < 2:
		return prom.Sample{}, prom.ErrNoData
	case strings.Contains(expr, "irate"):
		return prom.Sample{V: (known[n-1].value - known[n-2].value) / known[n-1].at.Sub(known[n-2].at).Seconds()}, nil
	case strings.Contains(expr, "timestamp"):
		return prom.Sample{V: float64(known[n-1].at.UnixMilli()) / 1000}, nil
	}
	return prom.Sample{V: known[n-1].value}, nil
}

func TestWhatAContainerUsesOfTheCPUIsMeasuredFromTheFaultOn(t *testing.T) {
	half := 50
	limited := func(p *corev1.Pod) {
		p.Spec.Containers[0].Resources.Limits = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("200m")}
	}
	type at struct{ second, used float64 } // from the fault on
	for name, tc := range map[string]struct {
		measured []at
		after    time.Duration // when it is looked at
		pod      *corev1.Pod
		shown    bool
		says     string
	}{
		"the kubelet has not measured since":              {[]at{{-14, 10}, {-4, 10.2}}, 8 * time.Second, podWith("a"), false, "before the fault"},
		"it measured a moment after":                      {[]at{{-14, 10}, {-4, 10.2}, {1.5, 10.95}}, 4 * time.Second, podWith("a"), false, "before the fault"},
		"one measurement, a part of it before the fault":  {[]at{{-14, 10}, {-4, 10.2}, {8, 14.28}}, 9 * time.Second, podWith("a"), true, "0.50 cores over 8 s, where it used 0.02"},
		"nothing has happened":                            {[]at{{-14, 10}, {-4, 10.2}, {8, 10.44}}, 9 * time.Second, podWith("a"), false, "0.02 cores over 8 s"},
		"a part of what was asked":                        {[]at{{-14, 10}, {-4, 10.2}, {10, 12.28}}, 11 * time.Second, podWith("a"), false, "0.20 cores"},
		"it was as busy before":                           {[]at{{-14, 5}, {-4, 10}, {10, 17}}, 11 * time.Second, podWith("a"), false, "0.50 before"},
		"the limit is all that can be had":                {[]at{{-14, 10}, {-4, 10.2}, {10, 12.28}}, 11 * time.Second, podWith("a", limited), true, "0.20 more can be had"},
		"it has ended, as the last measurements say":      {[]at{{-14, 10}, {-4, 10.2}, {10, 15.28}, {22, 21.28}, {34, 21.5}}, 43 * time.Second, podWith("a"), false, "0.02 cores over 12 s"},
		"it goes on, as the last measurements say":        {[]at{{-14, 10}, {-4, 10.2}, {10, 15.28}, {22, 21.28}, {34, 27.28}}, 43 * time.Second, podWith("a"), true, "0.50 cores over 12 s"},
		"the container was started anew, and counts anew": {[]at{{-14, 10}, {-4, 10.2}, {10, 1}}, 11 * time.Second, podWith("a"), false, "-"},
		"nothing measured it before":                      {[]at{{8, 14}}, 9 * time.Second, podWith("a"), false, "no such series"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				t0 := time.Now()
				var k kubelet
				for _, m := range tc.measured {
					k = append(k, count{t0.Add(time.Duration(m.second * float64(time.Second))), m.used})
				}
				time.Sleep(tc.after)
				target := &Target{Cluster: &Cluster{cfg: Config{Querier: k}}}
				load := &v1alpha1.StressChaos{Spec: v1alpha1.StressChaosSpec{Stressors: &v1alpha1.Stressors{CPUStressor: &v1alpha1.CPUStressor{Stressor: v1alpha1.Stressor{Workers: 1}, Load: &half}}}}
				check(t, target.observeStress(t.Context(), load, snapshot{at: t0}, tc.pod, fault.Target{Namespace: "monitor", Pod: "monitor-a"}), tc.shown, tc.says)
			})
		})
	}
}

// Where observe is short, the last measurement at its end is still the one that confirmed
// the load at its beginning.
func TestALoadIsNotShownTwiceByTheSameMeasurement(t *testing.T) {
	half := 50
	load := &v1alpha1.StressChaos{Spec: v1alpha1.StressChaosSpec{Stressors: &v1alpha1.Stressors{CPUStressor: &v1alpha1.CPUStressor{Stressor: v1alpha1.Stressor{Workers: 1}, Load: &half}}}}
	hit := fault.Target{Namespace: "monitor", Pod: "monitor-a"}
	for name, tc := range map[string]struct {
		later count // seconds from the fault on, and what was used by then
		after time.Duration
		shown bool
		says  string
	}{
		"nothing was measured since":           {count{}, 18 * time.Second, false, "not measured again since the fault was seen"},
		"it goes on":                           {count{value: 20.28}, 22 * time.Second, true, "0.50 cores over 12 s"},
		"it has ended right after it was seen": {count{value: 14.52}, 22 * time.Second, false, "0.02 cores over 12 s"},
		"it has ended in between":              {count{value: 17.2}, 22 * time.Second, false, "0.24 cores over 12 s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				t0 := time.Now()
				k := kubelet{{t0.Add(-14 * time.Second), 10}, {t0.Add(-4 * time.Second), 10.2}, {t0.Add(8 * time.Second), 14.28}}
				if tc.later.value > 0 {
					k = append(k, count{t0.Add(20 * time.Second), tc.later.value})
				}
				target := &Target{Cluster: &Cluster{cfg: Config{Querier: k}}}
				look := func() effect {
					return target.observeStress(t.Context(), load, snapshot{at: t0}, podWith("a"), hit)
				}
				time.Sleep(9 * time.Second)
				check(t, look(), true, "0.50 cores over 8 s")
				check(t, look(), false, "not measured again")
				time.Sleep(tc.after - 9*time.Second)
				check(t, look(), tc.shown, tc.says)
			})
		})
	}
	t.Run("memory is not either", func(t *testing.T) {
		full := &v1alpha1.StressChaos{Spec: v1alpha1.StressChaosSpec{Stressors: &v1alpha1.Stressors{MemoryStressor: &v1alpha1.MemoryStressor{Stressor: v1alpha1.Stressor{Workers: 1}, Size: "64MB"}}}}
		target := watching(answers{"container_memory": {before: 20 << 20, now: 82 << 20}})
		look := func() effect {
			return target.observeStress(t.Context(), full, snapshot{at: noon}, podWith("a"), hit)
		}
		check(t, look(), true, "82MiB")
		check(t, look(), false, "not measured again")
	})
}
