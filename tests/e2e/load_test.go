//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const loadURL = "http://monitor.monitor.svc.cluster.local/api/v1/cpu"

// leastRequests are enough to judge by.
const leastRequests = 10_000

// paces are those at which nothing may be lost: one that three replicas and their
// clients on two cores serve with ease and, with -fast, one that leaves no connection
// idle and takes a machine that does nothing else. Both last until the last pod that was
// replaced has drained.
func paces() []pace {
	if *fast {
		return []pace{{200, 55 * time.Second}, {1000, 40 * time.Second}}
	}
	return []pace{{200, 55 * time.Second}}
}

// noneLost returns a check for each pace that a disruption costs no request.
func noneLost(during string, do func(ctx context.Context, t *testing.T, p pace) counts) []check {
	var all []check
	for _, p := range paces() {
		says := fmt.Sprintf("loses none of %d requests, at %d a second", p.perSecond*int(p.duration.Seconds()), p.perSecond)
		all = append(all, check{says, func(ctx context.Context, t *testing.T) {
			began := time.Now()
			c := do(ctx, t, p)
			sendLag(ctx, t, began)
			t.Log(c)
			figure(t, fmt.Sprintf("requests lost during %s at %d a second", during, p.perSecond), float64(c.Errors), 0, "requests")
			if c.Scheduled < leastRequests {
				t.Errorf("only %d requests were sent, want %d to judge by", c.Scheduled, leastRequests)
			}
		}})
	}
	return all
}

// TestRollingUpdateUnderLoad: no request of a client fails while every pod is replaced.
func TestRollingUpdateUnderLoad(t *testing.T) {
	skipUnless(t, on.deploys != nil, "somewhere to push to: -remote")
	on.deploys.owed(t.Context(), t)
	feature(t, "a rolling update", noneLost("a rolling update of 3 replicas", func(ctx context.Context, t *testing.T, p pace) counts {
		t.Helper()
		on.deploys.restoreFile(ctx, t, monitorFile)
		before := namesOf(pods(ctx, t, monitorNamespace, monitorPods))
		g := load(ctx, t, monitorNamespace, loadURL, p)
		on.deploys.values(t, "podAnnotations: {ballast.dev/stamp: "+random("roll")+"}")
		commit, _ := on.deploys.push(ctx, t, "Roll the monitor")
		awaitDeployed(ctx, t, commit, 50*time.Second)
		for _, name := range namesOf(pods(ctx, t, monitorNamespace, monitorPods)) {
			if slices.Contains(before, name) {
				t.Errorf("pod %s was not replaced", name)
			}
		}
		awaitGone(ctx, t, monitorNamespace, before)
		return g.result(ctx, t)
	})...)
}

// drain evicts pods as draining their node does: one request each, again and again
// while the disruption budget refuses.
func drain(ctx context.Context, t *testing.T, victims []corev1.Pod) (refused int) {
	t.Helper()
	for _, p := range victims {
		await(ctx, t, time.Minute, "the eviction of "+p.Name, func(ctx context.Context) (bool, string) {
			err := on.CoreV1().Pods(p.Namespace).EvictV1(ctx, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: p.Name, Namespace: p.Namespace}})
			if apierrors.IsTooManyRequests(err) {
				refused++
			}
			return err == nil, seeing(err, "")
		})
	}
	return refused
}

// cordon closes a node to new pods, or opens it.
func cordon(ctx context.Context, t *testing.T, node string, closed bool) {
	t.Helper()
	patch := fmt.Appendf(nil, `{"spec":{"unschedulable":%t}}`, closed)
	if _, err := on.CoreV1().Nodes().Patch(ctx, node, types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestDrainUnderLoad drains the node of the monitor. Where it is the only one, it is
// opened again as soon as the first pod has gone, or the next could go nowhere.
func TestDrainUnderLoad(t *testing.T) {
	feature(t, "a drain, which the disruption budget paces,", noneLost("a drain of 3 replicas", func(ctx context.Context, t *testing.T, p pace) counts {
		t.Helper()
		nodes, err := on.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		awaitPods(ctx, t, monitorNamespace, monitorPods, 3)
		victims := pods(ctx, t, monitorNamespace, monitorPods)
		node := victims[0].Spec.NodeName
		victims = slices.DeleteFunc(victims, func(p corev1.Pod) bool { return p.Spec.NodeName != node })
		t.Cleanup(func() { cordon(context.WithoutCancel(ctx), t, node, false) })
		g := load(ctx, t, monitorNamespace, loadURL, p)
		cordon(ctx, t, node, true)
		drain(ctx, t, victims[:1])
		if len(nodes.Items) == 1 {
			cordon(ctx, t, node, false)
		}
		refused := drain(ctx, t, victims[1:])
		awaitPods(ctx, t, monitorNamespace, monitorPods, 3)
		awaitGone(ctx, t, monitorNamespace, namesOf(victims))
		t.Logf("the disruption budget refused %d times", refused)
		if refused == 0 && len(victims) > 1 {
			t.Error("the disruption budget let two pods go at once")
		}
		return g.result(ctx, t)
	})...)
}
