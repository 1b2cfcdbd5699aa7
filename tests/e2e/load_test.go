//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// The load of the figures: 10,000 requests and some, at a rate that three replicas
// and their clients on two cores serve with ease.
const (
	loadURL      = "http://monitor.monitor.svc.cluster.local/api/v1/cpu"
	loadRate     = 200
	loadDuration = 55 * time.Second
	loadRequests = 10_000
)

// chances is how often a load is tried before too many lost requests are the
// platform's: one moment in which the machine runs none of it loses some, too.
const chances = 3

// underLoad fails the test when more requests than may fail did so each time, or too
// few were made to say. Each time is told.
func underLoad(t *testing.T, during string, least, most uint64, once func() counts) {
	t.Helper()
	for range chances {
		c := once()
		t.Logf("FIGURE during %s %s, aim %d at most", during, c, most)
		if c.Scheduled < least {
			t.Fatalf("only %d requests were made, want %d to judge by", c.Scheduled, least)
		}
		if c.Errors <= most {
			return
		}
	}
	t.Errorf("during %s more than %d requests failed, %d times in a row", during, most, chances)
}

// TestRollingUpdateUnderLoad: no request of a client fails while every pod is replaced.
func TestRollingUpdateUnderLoad(t *testing.T) {
	skipUnless(t, on.deploys != nil, "somewhere to push to: -remote")
	feature(t, "a rolling update",
		check{"fails none of 10,000 requests", func(ctx context.Context, t *testing.T) {
			on.deploys.owed(ctx, t)
			underLoad(t, "a rolling update of 3 replicas", loadRequests, 0, func() counts {
				on.deploys.restoreFile(ctx, t, monitorFile)
				before := namesOf(pods(ctx, t, monitorNamespace, monitorPods))
				g := load(ctx, t, monitorNamespace, loadURL, loadRate, loadDuration)
				on.deploys.values(t, "podAnnotations: {ballast.dev/stamp: "+random("roll")+"}")
				commit, _ := on.deploys.push(ctx, t, "Roll the monitor")
				awaitDeployed(ctx, t, commit, 50*time.Second)
				for _, name := range namesOf(pods(ctx, t, monitorNamespace, monitorPods)) {
					if slices.Contains(before, name) {
						t.Errorf("pod %s was not replaced", name)
					}
				}
				return g.result(ctx, t, 2*loadDuration)
			})
		}},
	)
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
	feature(t, "a drain",
		check{"fails none of 10,000 requests, for the disruption budget paces it", func(ctx context.Context, t *testing.T) {
			nodes, err := on.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			underLoad(t, "a drain of 3 replicas", loadRequests, 0, func() counts {
				victims := pods(ctx, t, monitorNamespace, monitorPods)
				if len(victims) != 3 {
					t.Fatalf("%d pods, want 3", len(victims))
				}
				node := victims[0].Spec.NodeName
				victims = slices.DeleteFunc(victims, func(p corev1.Pod) bool { return p.Spec.NodeName != node })
				t.Cleanup(func() { cordon(context.WithoutCancel(ctx), t, node, false) })
				g := load(ctx, t, monitorNamespace, loadURL, loadRate, loadDuration)
				cordon(ctx, t, node, true)
				drain(ctx, t, victims[:1])
				if len(nodes.Items) == 1 {
					cordon(ctx, t, node, false)
				}
				refused := drain(ctx, t, victims[1:])
				awaitPods(ctx, t, monitorNamespace, monitorPods, 3)
				t.Logf("the disruption budget refused %d times", refused)
				if refused == 0 {
					t.Error("the disruption budget let two pods go at once")
				}
				return g.result(ctx, t, 2*loadDuration)
			})
		}},
	)
}

// TestPodKillUnderLoad kills a pod without a warning, by Chaos Mesh.
func TestPodKillUnderLoad(t *testing.T) {
	needs(t, "PodChaos/pod-kill")
	feature(t, "a killed pod",
		check{"fails at most 0.1 % of 10,000 requests", func(ctx context.Context, t *testing.T) {
			underLoad(t, "a pod-kill of 1 of 3 replicas", loadRequests, loadRequests/1000, func() counts {
				before := namesOf(pods(ctx, t, monitorNamespace, monitorPods))
				g := load(ctx, t, monitorNamespace, loadURL, loadRate, loadDuration)
				f := inject(ctx, t, "PodChaos", map[string]any{"action": "pod-kill", "gracePeriod": int64(0)})
				await(ctx, t, 30*time.Second, "a pod to be gone", func(ctx context.Context) (bool, string) {
					now := namesOf(pods(ctx, t, monitorNamespace, monitorPods))
					return slices.ContainsFunc(before, func(name string) bool { return !slices.Contains(now, name) }), strings.Join(now, ", ")
				})
				back := awaitPods(ctx, t, monitorNamespace, monitorPods, 3)
				t.Logf("FIGURE three pods ready again %.1f s after one was killed", back.Seconds())
				f.recover(ctx, t)
				return g.result(ctx, t, 2*loadDuration)
			})
		}},
	)
}
