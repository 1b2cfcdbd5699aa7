//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ballast-sre/ballast/internal/capability"
)

// fault is one object of Chaos Mesh.
type fault struct{ kind, name string }

// inject creates a fault that hits one pod of the monitor. It is removed at the end
// of the test, if not before.
func inject(ctx context.Context, t *testing.T, kind string, spec map[string]any) fault {
	t.Helper()
	f := fault{kind, random("e2e")}
	all := map[string]any{
		"mode": "one",
		"selector": map[string]any{
			"namespaces":     []any{monitorNamespace},
			"labelSelectors": map[string]any{"app.kubernetes.io/name": "monitor"},
		},
	}
	maps.Copy(all, spec)
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "chaos-mesh.org/v1alpha1", "kind": kind, "metadata": map[string]any{"name": f.name, "namespace": monitorNamespace}, "spec": all,
	}}
	if _, err := on.dynamic.Resource(chaosResource(kind)).Namespace(monitorNamespace).Create(ctx, object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.recover(context.WithoutCancel(ctx), t) })
	return f
}

// recover asks for the removal of a fault, and blocks until the controller has undone it.
func (f fault) recover(ctx context.Context, t *testing.T) {
	t.Helper()
	api := on.dynamic.Resource(chaosResource(f.kind)).Namespace(monitorNamespace)
	if err := api.Delete(ctx, f.name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	await(ctx, t, time.Minute, f.kind+" to be gone", func(ctx context.Context) (bool, string) {
		object, err := api.Get(ctx, f.name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, ""
		}
		return false, seeing(err, fmt.Sprint(object))
	})
}

// injected blocks until the controller reports that every target is hit, and returns
// their names.
func (f fault) injected(ctx context.Context, t *testing.T) []string {
	t.Helper()
	var targets []string
	await(ctx, t, 30*time.Second, f.kind+" to be injected", func(ctx context.Context) (bool, string) {
		object, err := on.dynamic.Resource(chaosResource(f.kind)).Namespace(monitorNamespace).Get(ctx, f.name, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		status, _, _ := unstructured.NestedMap(object.Object, "status") // absent at first
		text, err := json.Marshal(status)
		if err != nil {
			return false, err.Error()
		}
		conditions, _, _ := unstructured.NestedSlice(status, "conditions")
		done := slices.ContainsFunc(conditions, func(c any) bool {
			m, ok := c.(map[string]any)
			return ok && m["type"] == "AllInjected" && m["status"] == "True"
		})
		records, _, _ := unstructured.NestedSlice(status, "experiment", "containerRecords")
		targets = nil
		for _, r := range records {
			if m, ok := r.(map[string]any); ok {
				id, _ := m["id"].(string)
				_, rest, _ := strings.Cut(id, "/")
				name, _, _ := strings.Cut(rest, "/")
				targets = append(targets, name)
			}
		}
		return done && len(targets) > 0, string(text)
	})
	return targets
}

// needs skips a test of a fault, KIND/ACTION, that the cluster calls impossible, and
// says why it does. A source node can do all that is injected here.
func needs(t *testing.T, name string) {
	t.Helper()
	document := capabilities(t.Context(), t)
	all := capability.Faults()
	i := slices.IndexFunc(all, func(f capability.Fault) bool { return f.String() == name })
	if i < 0 {
		t.Fatalf("there is no fault %s", name)
	}
	v := document.Judge(all[i])
	switch {
	case v.Possible:
	case on.own != nil && on.own.source():
		t.Fatalf("%s is said to be impossible: %s", name, strings.Join(v.Reasons, "; "))
	default:
		t.Skipf("%s is not possible here: %s", name, strings.Join(v.Reasons, "; "))
	}
}

// capabilities is what the cluster reports that it can inject.
func capabilities(ctx context.Context, t *testing.T) capability.Document {
	t.Helper()
	published, err := on.CoreV1().ConfigMaps("ballast-system").Get(ctx, "capabilities", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	document, err := capability.Decode(strings.NewReader(published.Data["capabilities.json"]))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// TestPodKill: a pod goes, another comes.
func TestPodKill(t *testing.T) {
	needs(t, "PodChaos/pod-kill")
	feature(t, "pod-kill",
		check{"takes one pod, which is replaced", func(ctx context.Context, t *testing.T) {
			before := namesOf(pods(ctx, t, monitorNamespace, monitorPods))
			f := inject(ctx, t, "PodChaos", map[string]any{"action": "pod-kill", "gracePeriod": int64(0)})
			targets := f.injected(ctx, t)
			if len(targets) != 1 || !slices.Contains(before, targets[0]) {
				t.Fatalf("the controller reports that it hit %v, want one of %v", targets, before)
			}
			await(ctx, t, 30*time.Second, "the pod to be gone", func(ctx context.Context) (bool, string) {
				now := namesOf(pods(ctx, t, monitorNamespace, monitorPods))
				return !slices.Contains(now, targets[0]), strings.Join(now, ", ")
			})
			awaitPods(ctx, t, monitorNamespace, monitorPods, 3)
			f.recover(ctx, t)
		}},
	)
}

// TestPartition cuts one pod of the monitor off from one client, both ways.
func TestPartition(t *testing.T) {
	needs(t, "NetworkChaos/partition (targeted)")
	feature(t, "partition",
		check{"cuts a client off as long as it lasts, and no longer", func(ctx context.Context, t *testing.T) {
			ref, client := receiver(ctx, t), random("client")
			start(ctx, t, monitorNamespace, hardened(client, ref))
			awaitPhase(ctx, t, monitorNamespace, client, time.Minute, corev1.PodRunning)
			awaitPods(ctx, t, monitorNamespace, monitorPods, 3)
			address := map[string]string{}
			for _, p := range pods(ctx, t, monitorNamespace, monitorPods) {
				address[p.Name] = p.Status.PodIP
			}
			reach := func(ctx context.Context, ip string) (string, error) {
				return execute(ctx, monitorNamespace, client, "main", "/receiver", "fetch", "http://"+ip+":8080/healthz")
			}
			for name, ip := range address {
				// Policies know the client only a little after it has started.
				await(ctx, t, 30*time.Second, name+" to be reached before the fault", func(ctx context.Context) (bool, string) {
					text, err := reach(ctx, ip)
					return err == nil, seeing(err, text)
				})
			}
			f := inject(ctx, t, "NetworkChaos", map[string]any{
				"action": "partition", "direction": "both", "duration": "120s",
				"target": map[string]any{"mode": "all", "selector": map[string]any{
					"namespaces": []any{monitorNamespace}, "labelSelectors": map[string]any{"app": client},
				}},
			})
			hit := ""
			for _, name := range f.injected(ctx, t) {
				if address[name] != "" {
					hit = name
				}
			}
			if hit == "" {
				t.Fatal("the controller names no pod of the monitor")
			}
			for name, ip := range address {
				text, err := reach(ctx, ip)
				if (err != nil) != (name == hit) {
					t.Errorf("%s was hit; reaching %s: %v %s", hit, name, err, text)
				}
			}
			f.recover(ctx, t)
			took := await(ctx, t, 30*time.Second, "the client to reach it again", func(ctx context.Context) (bool, string) {
				text, err := reach(ctx, address[hit])
				return err == nil, seeing(err, text)
			})
			t.Logf("reached again %.1f s after the fault was gone", took.Seconds())
		}},
	)
}

// cpuOf is what a pod of the monitor uses of a CPU, as the metrics API says: over the
// last 15 s or so.
func cpuOf(ctx context.Context, pod string) (cores float64, err error) {
	text, err := on.CoreV1().RESTClient().Get().AbsPath("apis/metrics.k8s.io/v1beta1/namespaces/" + monitorNamespace + "/pods/" + pod).DoRaw(ctx)
	if err != nil {
		return 0, err
	}
	var metrics struct {
		Containers []struct {
			Usage map[string]resource.Quantity `json:"usage"`
		} `json:"containers"`
	}
	if err := json.Unmarshal(text, &metrics); err != nil {
		return 0, err
	}
	for _, c := range metrics.Containers {
		q := c.Usage["cpu"]
		cores += q.AsApproximateFloat64()
	}
	return cores, nil
}

// TestCPUStress makes one pod busy.
func TestCPUStress(t *testing.T) {
	needs(t, "StressChaos/cpu")
	feature(t, "CPU stress",
		check{"shows in the pod's own usage, and goes with the fault", func(ctx context.Context, t *testing.T) {
			f := inject(ctx, t, "StressChaos", map[string]any{
				"duration": "120s", "stressors": map[string]any{"cpu": map[string]any{"workers": int64(1), "load": int64(100)}},
			})
			targets := f.injected(ctx, t)
			const busy, idle = 0.4, 0.2 // cores
			await(ctx, t, 90*time.Second, "the pod to be busy", func(ctx context.Context) (bool, string) {
				cores, err := cpuOf(ctx, targets[0])
				return err == nil && cores > busy, seeing(err, fmt.Sprintf("%.3f cores", cores))
			})
			f.recover(ctx, t)
			await(ctx, t, 90*time.Second, "the pod to be idle again", func(ctx context.Context) (bool, string) {
				cores, err := cpuOf(ctx, targets[0])
				return err == nil && cores < idle, seeing(err, fmt.Sprintf("%.3f cores", cores))
			})
			pod, err := on.CoreV1().Pods(monitorNamespace).Get(ctx, targets[0], metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if text, err := beside(ctx, t, *pod, "sh", "-c", "grep -l '^stress-ng' /proc/[0-9]*/comm || true"); err != nil || strings.TrimSpace(text) != "" {
				t.Errorf("stress-ng still runs: %q, %v", text, err)
			}
		}},
	)
}

// clockOf is how far the clock of a pod of the monitor is behind that of this machine,
// as its readings say.
func clockOf(ctx context.Context, pod string) (behind time.Duration, err error) {
	err = forwarded(ctx, monitorNamespace, pod, 8080, func(address string) error {
		body, err := get(ctx, "http://"+address+"/api/v1/cpu")
		if err != nil {
			return err
		}
		var reading struct{ SampledAt time.Time }
		if err := json.Unmarshal(body, &reading); err != nil {
			return err
		}
		behind = time.Since(reading.SampledAt)
		return nil
	})
	return behind, err
}

// TestTimeShift puts the clock of one pod back.
func TestTimeShift(t *testing.T) {
	needs(t, "TimeChaos")
	feature(t, "a shift of time",
		check{"shows in the pod's own readings and in no other's, and goes with the fault", func(ctx context.Context, t *testing.T) {
			f := inject(ctx, t, "TimeChaos", map[string]any{"timeOffset": "-1h", "clockIds": []any{"CLOCK_REALTIME"}, "duration": "120s"})
			targets := f.injected(ctx, t)
			const shifted, exact = 59 * time.Minute, time.Minute
			await(ctx, t, time.Minute, "the pod's clock to be an hour behind", func(ctx context.Context) (bool, string) {
				behind, err := clockOf(ctx, targets[0])
				return err == nil && behind > shifted, seeing(err, behind.String())
			})
			for _, p := range pods(ctx, t, monitorNamespace, monitorPods) {
				behind, err := clockOf(ctx, p.Name)
				if err != nil || p.Name != targets[0] && behind.Abs() > exact {
					t.Errorf("%s was hit; the clock of %s is %s behind, %v", targets[0], p.Name, behind, err)
				}
			}
			f.recover(ctx, t)
			await(ctx, t, time.Minute, "the pod's clock to be right again", func(ctx context.Context) (bool, string) {
				behind, err := clockOf(ctx, targets[0])
				return err == nil && behind.Abs() < exact, seeing(err, behind.String())
			})
		}},
	)
}

// TestCapabilities shows for every fault of Chaos Mesh whether this cluster can do it.
func TestCapabilities(t *testing.T) {
	feature(t, "capabilities",
		check{"are published, and say of every fault whether it is possible, or why not", func(ctx context.Context, t *testing.T) {
			document := capabilities(ctx, t)
			var table strings.Builder
			fmt.Fprintf(&table, "kernel %s, cgroups %s\n", document.Kernel, document.Cgroup)
			for _, f := range capability.Faults() {
				v := document.Judge(f)
				if v.Possible == (len(v.Reasons) > 0) {
					t.Errorf("%s: possible is %t, and there are %d reasons", f, v.Possible, len(v.Reasons))
				}
				fmt.Fprintf(&table, "%-45s %-5s %s\n", f, strconv.FormatBool(v.Possible), strings.Join(v.Reasons, "; "))
			}
			t.Log("\n" + table.String())
		}},
	)
}
