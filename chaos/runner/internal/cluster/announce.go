package cluster

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// regarded are the workloads of a plan as events name them, with how many pods of each
// are hit.
func (t *Target) regarded(p fault.Plan) map[corev1.ObjectReference]int {
	pods := map[string]bool{}
	out := map[corev1.ObjectReference]int{}
	for _, f := range p.Faults {
		for _, hit := range f.Targets {
			i, err := t.in(hit.Namespace)
			if err != nil || pods[hit.Namespace+"/"+hit.Pod] {
				continue
			}
			pods[hit.Namespace+"/"+hit.Pod] = true
			if ref, ok := i.reference(parseWorkload(hit.Workload)); ok {
				out[ref]++
			}
		}
	}
	return out
}

// reference names a workload for an event; false when it is of a kind that is not read
// here, or gone.
func (i *inventory) reference(w workload) (corev1.ObjectReference, bool) {
	of := func(version, kind string, o metav1.Object, err error) (corev1.ObjectReference, bool) {
		if err != nil {
			return corev1.ObjectReference{}, false
		}
		return corev1.ObjectReference{APIVersion: version, Kind: kind, Namespace: i.namespace, Name: o.GetName(), UID: o.GetUID()}, true
	}
	switch w.kind {
	case "deployment":
		o, err := i.deployments.Get(w.name)
		return of("apps/v1", "Deployment", o, err)
	case "statefulset":
		o, err := i.statefulSets.Get(w.name)
		return of("apps/v1", "StatefulSet", o, err)
	case "daemonset":
		o, err := i.daemonSets.Get(w.name)
		return of("apps/v1", "DaemonSet", o, err)
	case "pod":
		o, err := i.pods.Get(w.name)
		return of("v1", "Pod", o, err)
	}
	return corev1.ObjectReference{}, false
}

// announce creates an event on each workload. Nothing depends on it.
func (t *Target) announce(ctx context.Context, on map[corev1.ObjectReference]int, e func(pods int) Event) {
	for ref, pods := range on {
		if err := Announce(ctx, t.Kubernetes, t.run, ref, e(pods)); err != nil {
			t.cfg.Logger.Warn("an event was not created", "workload", ref.Kind+"/"+ref.Name, "error", err)
		}
	}
}
