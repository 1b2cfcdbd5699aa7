package cluster

import (
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// injectedInto is an object whose records say for each pod whether it is injected.
func injectedInto(kind string, pods map[string]bool) *unstructured.Unstructured {
	u := chaosObject(kind, "monitor", "k", "run")
	var records []any
	for pod, in := range pods {
		phase := "Not Injected"
		if in {
			phase = "Injected"
		}
		records = append(records, map[string]any{"id": "monitor/" + pod, "selectorKey": ".", "phase": phase, "injectedCount": int64(1)})
	}
	u.Object["status"] = map[string]any{"experiment": map[string]any{"containerRecords": records}}
	return u
}

// Pod a is planned. Whether it counts depends on its state and on Chaos Mesh's records.
func TestPodsUnderFaultAreCountedAmongThoseThatServe(t *testing.T) {
	renewed := func(p *corev1.Pod) { p.UID = "another" }
	for name, tc := range map[string]struct {
		pods    []runtime.Object
		oneShot bool
		records map[string]bool
		want    fault.Coverage
	}{
		"nothing is injected yet":              {three(), false, nil, fault.Coverage{Ready: 2}},
		"one of two is under fault":            {three(), false, map[string]bool{"a": true}, fault.Coverage{Ready: 2, UnderFault: 1}},
		"it has ended":                         {three(), false, map[string]bool{"a": false}, fault.Coverage{Ready: 2}},
		"the fault takes the pod away":         {[]runtime.Object{owned("a", "monitor-1", unready), owned("b", "monitor-1")}, false, map[string]bool{"a": true}, fault.Coverage{Ready: 1, Down: 1}},
		"the planned pod is gone":              {[]runtime.Object{owned("b", "monitor-1"), owned("c", "monitor-1")}, false, map[string]bool{"a": true}, fault.Coverage{Ready: 2}},
		"another pod of its name":              {[]runtime.Object{owned("a", "monitor-1", renewed)}, false, map[string]bool{"a": true}, fault.Coverage{Ready: 1}},
		"more pods came":                       {append(three(), owned("d", "monitor-1")), false, map[string]bool{"a": true}, fault.Coverage{Ready: 3, UnderFault: 1}},
		"pods of another workload":             {append(three(), owned("x", "")), false, map[string]bool{"a": true}, fault.Coverage{Ready: 2, UnderFault: 1}},
		"a kill that happened, the pod is up":  {three(), true, map[string]bool{"a": true}, fault.Coverage{Ready: 2}},
		"a kill that happened, the pod leaves": {[]runtime.Object{owned("a", "monitor-1", leaving), owned("b", "monitor-1")}, true, map[string]bool{"a": true}, fault.Coverage{Ready: 1, Down: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			target := platform(t, tc.pods...)
			plan := fault.Plan{Run: "run", Faults: []fault.Planned{{
				Fault:   fault.Fault{Kind: "NetworkChaos", Name: "k", OneShot: tc.oneShot},
				Targets: []fault.Target{{Namespace: "monitor", Pod: "a", UID: "a", Workload: "deployment/monitor"}},
			}}}
			if tc.records != nil {
				object := injectedInto("NetworkChaos", tc.records)
				target.Dynamic = newDynamic(t, object)
				o := target.track(object)
				defer o.stop()
				target.created["NetworkChaos/k"] = o
			}
			got, err := target.Coverage(t.Context(), plan)
			tc.want.Workload = "deployment/monitor"
			if err != nil || len(got) != 1 || got[0] != tc.want {
				t.Errorf("%+v, %v, want %+v", got, err, tc.want)
			}
		})
	}
}

func TestNobodyKnowsTheCoverageWhileTheAPIServerIsSilent(t *testing.T) {
	target := platform(t, three()...)
	target.pulse.last = time.Now().Add(-time.Hour)
	if got, err := target.Coverage(t.Context(), fault.Plan{}); !errors.Is(err, fault.ErrUnreachable) {
		t.Errorf("%v, %v", got, err)
	}
}
