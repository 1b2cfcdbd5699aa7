//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
)

// The phases in which tests interfere.
const (
	observing  = "observe"
	confirming = "confirm"
)

// ended compares how a session with one experiment ended, within two minutes: with one of
// the reasons.
func (s *session) ended(t *testing.T, verdict string, reasons ...string) {
	t.Helper()
	code := map[string]int{"pass": 0, "fail": 1, "inconclusive": 3, "aborted": 4, "residue": 5}[verdict]
	got, exit := s.end(t, 2*time.Minute)
	if len(got) != 1 || got[0].Verdict != verdict || !slices.Contains(reasons, got[0].Reason) || exit != code {
		t.Errorf("exit code %d: %+v; want %s %v, exit code %d\n%s", exit, got, verdict, reasons, code, s.log)
		return
	}
	t.Logf("%s %s: %s", verdict, got[0].Reason, got[0].Summary)
}

// pausedArgo has Argo CD heal nothing until the test ends: what a test breaks stays broken.
func pausedArgo(ctx context.Context, t *testing.T) {
	t.Helper()
	scaled(ctx, t, argoNamespace, "statefulsets", "argocd-application-controller", 0)
}

// scaled changes the size of a workload until the test ends, and blocks until it has it.
func scaled(ctx context.Context, t *testing.T, ns, kind, name string, replicas int64) (back func()) {
	t.Helper()
	api := on.dynamic.Resource(schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: kind}).Namespace(ns)
	was, err := api.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := unstructured.NestedInt64(was.Object, "spec", "replicas") // always there
	set := func(ctx context.Context, n int64) {
		t.Helper()
		patch := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, n)
		if _, err := api.Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			t.Error(err)
			return
		}
		await(ctx, t, 2*time.Minute, fmt.Sprintf("%s to have %d replicas", name, n), func(ctx context.Context) (bool, string) {
			is, err := api.Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return false, err.Error()
			}
			all, _, _ := unstructured.NestedInt64(is.Object, "status", "replicas")
			ready, _, _ := unstructured.NestedInt64(is.Object, "status", "readyReplicas")
			return all == n && ready == n, fmt.Sprintf("%d, %d ready", all, ready)
		})
	}
	set(ctx, replicas)
	var once sync.Once
	back = func() { once.Do(func() { set(context.WithoutCancel(ctx), before) }) }
	t.Cleanup(back)
	return back
}

// patched changes an object until the test ends.
func patched(ctx context.Context, t *testing.T, resource schema.GroupVersionResource, ns, name, patch, undo string) (back func()) {
	t.Helper()
	api := on.dynamic.Resource(resource).Namespace(ns)
	if _, err := api.Patch(ctx, name, types.JSONPatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	back = func() {
		once.Do(func() {
			if _, err := api.Patch(context.WithoutCancel(ctx), name, types.JSONPatchType, []byte(undo), metav1.PatchOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(back)
	return back
}

// TestTruth breaks each thing that a verdict depends on, on the real cluster, and compares
// the verdict; and looks each time whether anything of the fault is left.
func TestTruth(t *testing.T) {
	skipUnless(t, everything(), "-catalogue=all: make e2e CATALOGUE=all")
	skipUnless(t, on.own != nil && on.own.source(), "a source node of the tests' own, as its parts are broken")
	r := newRunner(t.Context(), t)
	ctx := t.Context()
	names := smallWorkloads(ctx, t, monitorNamespace, 1)
	w := names[0]
	selector := "app.kubernetes.io/name=" + w
	failing := func(t *testing.T, observe string) string {
		t.Helper()
		return document(t, smallExperiment(w, observe, podFailure))
	}
	after := func(ctx context.Context, t *testing.T) {
		t.Helper()
		awaitNoneLeft(ctx, t, time.Minute)
		awaitPods(ctx, t, monitorNamespace, selector, 2)
		nothingLeft(ctx, t)
	}
	rows := []check{
		{"with nothing broken, it passes", func(ctx context.Context, t *testing.T) {
			s := r.start(ctx, t, "--no-load", failing(t, "10s"))
			s.await(ctx, t, "inject")
			recorded := awaitRecord(ctx, t)
			s.ended(t, "pass", "")
			figure(t, "the runner has seen the effect after Chaos Mesh's record of it", max(0, s.confirmed(t).Sub(recorded).Seconds()), 2, "s")
		}},
		{"a target that is deleted under fault is no longer under fault", func(ctx context.Context, t *testing.T) {
			s := r.start(ctx, t, "--no-load", failing(t, "15s"))
			s.await(ctx, t, observing)
			for _, p := range pods(ctx, t, monitorNamespace, selector) {
				if !ready(p) {
					if err := on.CoreV1().Pods(monitorNamespace).Delete(ctx, p.Name, metav1.DeleteOptions{}); err != nil {
						t.Fatal(err)
					}
				}
			}
			s.ended(t, "inconclusive", "not-held")
		}},
		{"a rollout under fault takes the targets away", func(ctx context.Context, t *testing.T) {
			s := r.start(ctx, t, "--no-load", failing(t, "20s"))
			s.await(ctx, t, observing)
			patch := fmt.Appendf(nil, `{"spec":{"template":{"metadata":{"annotations":{"ballast.dev/e2e":%q}}}}}`, random("rollout"))
			if _, err := on.AppsV1().Deployments(monitorNamespace).Patch(ctx, w, types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err != nil {
				t.Fatal(err)
			}
			s.ended(t, "inconclusive", "not-held")
		}},
		{"an autoscaler may add a replica under fault", func(ctx context.Context, t *testing.T) {
			s := r.start(ctx, t, "--no-load", failing(t, "25s"))
			s.await(ctx, t, observing)
			back := autoscaled(ctx, t, w, 3)
			s.await(ctx, t, "recover")
			if got := len(pods(ctx, t, monitorNamespace, selector)); got != 3 {
				t.Errorf("there are %d pods, the autoscaler wants 3", got)
			}
			s.ended(t, "pass", "")
			back()
		}},
		{"Prometheus that stops under fault ends the run, and its fault", func(ctx context.Context, t *testing.T) {
			s := r.start(ctx, t, "--no-load", failing(t, "30s"))
			s.await(ctx, t, observing)
			stopped := time.Now()
			frozenPrometheus(ctx, t, 20*time.Second)
			gone := awaitNoneLeft(ctx, t, 30*time.Second)
			t.Logf("Prometheus was stopped at %s", stopped.Format(time.TimeOnly))
			figure(t, "the fault is gone after Prometheus stopped, of which 5 s are waited", gone.Seconds(), 10, "s")
			s.ended(t, "inconclusive", "prometheus-unreachable")
		}},
		{"an API server that is out of reach for 20 s ends the run, and the fault goes", func(ctx context.Context, t *testing.T) {
			cut, far := behindAWire(ctx, t, r)
			s := far.start(ctx, t, "--no-load", failing(t, "40s"))
			s.await(ctx, t, observing)
			restore := cut()
			time.AfterFunc(20*time.Second, restore)
			figure(t, "the fault is gone after the runner lost the API server", awaitNoneLeft(ctx, t, time.Minute).Seconds(), 40, "s")
			// Prometheus is asked through the API server, and is out of reach as well. The runner
			// has 15 s to remove the fault: what it could not look at by then counts as left.
			got, code := s.end(t, 2*time.Minute)
			if len(got) != 1 || !slices.Contains([]string{"3 target-unreachable", "3 prometheus-unreachable", "5 left-behind"}, fmt.Sprint(code, " ", got[0].Reason)) {
				t.Errorf("exit code %d: %+v", code, got)
			}
			t.Logf("exit code %d: %+v", code, got)
		}},
		{"a user without rights is refused by the name of each", func(ctx context.Context, t *testing.T) {
			nobody := r.as(ctx, t, "default")
			s := nobody.start(ctx, t, "--no-load", failing(t, "10s"))
			got, code := s.end(t, time.Minute)
			if code == 0 || len(got) == 1 && got[0].Verdict == "pass" {
				t.Errorf("exit code %d: %+v", code, got)
			}
			if text := s.log.String() + fmt.Sprint(got); !strings.Contains(text, "create podchaos.chaos-mesh.org in namespace monitor") {
				t.Errorf("the right is not named: %s", text)
			}
		}},
		{"two runs on the same pods are not under way at once", func(ctx context.Context, t *testing.T) {
			file := failing(t, "10s")
			first := r.start(ctx, t, "--no-load", file)
			first.await(ctx, t, "baseline")
			second := r.start(ctx, t, "--no-load", file)
			first.await(ctx, t, "verdict")
			firstEnded := time.Now()
			injected := second.await(ctx, t, "inject")
			if injected.Before(firstEnded.Add(-time.Second)) {
				t.Errorf("the second injected at %s, the first ended at %s", injected, firstEnded)
			}
			first.ended(t, "pass", "")
			second.ended(t, "pass", "")
		}},
		{"definitions that drop the list of pods are noticed before anything is hit", func(ctx context.Context, t *testing.T) {
			crds := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
			path := "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/selector/properties/pods"
			patched(ctx, t, crds, "", "podchaos.chaos-mesh.org", `[{"op":"remove","path":"`+path+`"}]`,
				`[{"op":"add","path":"`+path+`","value":{"type":"object","additionalProperties":{"type":"array","items":{"type":"string"}}}}]`)
			time.Sleep(2 * time.Second) // the API server takes a changed definition a moment later
			r.start(ctx, t, "--no-load", failing(t, "10s")).ended(t, "inconclusive", "not-injected")
		}},
		{"a cluster that does not know the kind of fault injects nothing", func(ctx context.Context, t *testing.T) {
			back := undefined(ctx, t, "podchaos.chaos-mesh.org")
			r.start(ctx, t, "--no-load", failing(t, "10s")).ended(t, "inconclusive", "not-injected")
			back()
		}},
		{"a webhook that does not answer lets nothing be injected", func(ctx context.Context, t *testing.T) {
			// Not by the Service: the API server's connection to the webhook outlives its endpoints.
			configurations := schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "mutatingwebhookconfigurations"}
			pointed := func(from, to string) string {
				return fmt.Sprintf(`[{"op":"test","path":"/webhooks/0/name","value":"mpodchaos.kb.io"},{"op":"test","path":"/webhooks/0/clientConfig/service/name","value":%q},{"op":"replace","path":"/webhooks/0/clientConfig/service/name","value":%q}]`, from, to)
			}
			const service = "chaos-mesh-controller-manager"
			patched(ctx, t, configurations, "", "chaos-mesh-mutation", pointed(service, "nobody"), pointed("nobody", service))
			r.start(ctx, t, "--no-load", failing(t, "10s")).ended(t, "inconclusive", "target-unreachable")
		}},
		{"a daemon that is down lets nothing be confirmed", func(ctx context.Context, t *testing.T) {
			sets := schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"}
			gone := namesOf(pods(ctx, t, chaosNamespace, "app.kubernetes.io/component=chaos-daemon"))
			back := patched(ctx, t, sets, chaosNamespace, "chaos-daemon",
				`[{"op":"add","path":"/spec/template/spec/nodeSelector","value":{"nobody":"here"}}]`, `[{"op":"remove","path":"/spec/template/spec/nodeSelector"}]`)
			awaitGone(ctx, t, chaosNamespace, gone)
			s := r.start(ctx, t, "--no-load", document(t, smallExperiment(w, "10s", "  action: container-kill\n  containerNames: [monitor]")))
			s.ended(t, "inconclusive", "not-injected")
			back()
			await(ctx, t, time.Minute, "the daemon to be back", func(ctx context.Context) (bool, string) {
				all := pods(ctx, t, chaosNamespace, "app.kubernetes.io/component=chaos-daemon")
				return len(all) > 0 && ready(all[0]), strings.Join(namesOf(all), ", ")
			})
		}},
		{"a controller that stops under fault leaves it, and this is said with what frees it", func(ctx context.Context, t *testing.T) {
			s := r.start(ctx, t, "--no-load", failing(t, "15s"))
			s.await(ctx, t, observing)
			back := scaled(ctx, t, chaosNamespace, "deployments", "chaos-controller-manager", 0)
			s.ended(t, "residue", "left-behind")
			if !strings.Contains(s.log.String(), "kubectl") {
				t.Errorf("no command is named: %s", s.log)
			}
			back()
		}},
		{"a namespace that is going away ends the run without a pass", func(ctx context.Context, t *testing.T) {
			ns := namespace(ctx, t)
			annotate := []byte(`{"metadata":{"annotations":{"chaos-mesh.org/inject":"enabled"}}}`)
			if _, err := on.CoreV1().Namespaces().Patch(ctx, ns, types.MergePatchType, annotate, metav1.PatchOptions{}); err != nil {
				t.Fatal(err)
			}
			there := smallWorkloads(ctx, t, ns, 1)[0]
			admin := r.admin(t)
			s := admin.start(ctx, t, "--namespace="+ns, "--no-load", document(t, smallExperiment(there, "30s", podFailure)))
			s.await(ctx, t, observing)
			if err := on.CoreV1().Namespaces().Delete(ctx, ns, metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			got, code := s.end(t, 2*time.Minute)
			if code != 3 && code != 1 || len(got) != 1 {
				t.Errorf("exit code %d: %+v", code, got)
			}
			t.Logf("exit code %d: %+v", code, got)
			await(ctx, t, 2*time.Minute, "the namespace to be gone", func(ctx context.Context) (bool, string) {
				_, err := on.CoreV1().Namespaces().Get(ctx, ns, metav1.GetOptions{})
				return apierrors.IsNotFound(err), fmt.Sprint(err)
			})
		}},
	}
	var checks []check
	for i, row := range rows {
		checks = append(checks, check{row.says, func(ctx context.Context, t *testing.T) {
			if i > untouched {
				pausedArgo(ctx, t)
			}
			row.do(ctx, t)
			after(ctx, t)
		}})
	}
	feature(t, "what a verdict depends on", checks...)
}

// undefined takes a definition away until the test ends, at the latest.
func undefined(ctx context.Context, t *testing.T, name string) (back func()) {
	t.Helper()
	api := on.dynamic.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	was, err := api.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := api.Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	await(ctx, t, time.Minute, name+" to be gone", func(ctx context.Context) (bool, string) {
		_, err := api.Get(ctx, name, metav1.GetOptions{})
		return apierrors.IsNotFound(err), fmt.Sprint(err)
	})
	unstructured.RemoveNestedField(was.Object, "status")
	for _, set := range []string{"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"} {
		unstructured.RemoveNestedField(was.Object, "metadata", set)
	}
	var once sync.Once
	back = func() {
		once.Do(func() {
			ctx := context.WithoutCancel(ctx)
			if _, err := api.Create(ctx, was, metav1.CreateOptions{}); err != nil {
				t.Error(err)
				return
			}
			await(ctx, t, time.Minute, name+" to be served again", func(ctx context.Context) (bool, string) {
				_, err := on.dynamic.Resource(chaosResource("PodChaos")).List(ctx, metav1.ListOptions{})
				return err == nil, seeing(err, "")
			})
		})
	}
	t.Cleanup(back)
	return back
}

// untouched is the last row that leaves the platform itself alone: Argo CD would heal what
// those after it break.
const untouched = 7 // counted from 0

// awaitRecord blocks until Chaos Mesh has noted that it injected the fault of a run, and
// returns when that was seen, to a tenth of a second.
func awaitRecord(ctx context.Context, t *testing.T) time.Time {
	t.Helper()
	await(ctx, t, 2*time.Minute, "Chaos Mesh to note an injection", func(ctx context.Context) (bool, string) {
		list, err := on.dynamic.Resource(chaosResource("PodChaos")).Namespace(monitorNamespace).List(ctx, metav1.ListOptions{LabelSelector: runLabel})
		if err != nil {
			return false, err.Error()
		}
		for _, o := range list.Items {
			records, _, _ := unstructured.NestedSlice(o.Object, "status", "experiment", "containerRecords") // absent at first
			for _, r := range records {
				if m, ok := r.(map[string]any); ok && m["phase"] == "Injected" {
					return true, ""
				}
			}
		}
		return false, fmt.Sprintf("%d objects", len(list.Items))
	})
	return time.Now()
}

// as is the runner with another service account of its namespace.
func (r runner) as(ctx context.Context, t *testing.T, account string) runner {
	t.Helper()
	hour := int64(3600)
	token, err := on.CoreV1().ServiceAccounts(chaosNamespace).CreateToken(ctx, account,
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &hour}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := clientcmd.LoadFromFile(r.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	cfg.AuthInfos["runner"].Token = token.Status.Token
	r.kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*cfg, r.kubeconfig); err != nil {
		t.Fatal(err)
	}
	return r
}

// admin is the runner as cluster-admin, which may hit every namespace, through an
// account of its own.
func (r runner) admin(t *testing.T) runner {
	t.Helper()
	ctx := t.Context()
	name := random("admin")
	if _, err := on.CoreV1().ServiceAccounts(chaosNamespace).Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err := on.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: chaosNamespace, Name: name}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(ctx)
		if err := on.RbacV1().ClusterRoleBindings().Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
		if err := on.CoreV1().ServiceAccounts(chaosNamespace).Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	return r.as(ctx, t, name)
}

// autoscaled gives a workload an autoscaler that wants a number of replicas, and blocks
// until they are there. back takes it away again, at the end of the test at the latest.
func autoscaled(ctx context.Context, t *testing.T, name string, replicas int32) (back func()) {
	t.Helper()
	idle := int32(99)
	api := on.AutoscalingV2().HorizontalPodAutoscalers(monitorNamespace)
	_, err := api.Create(ctx, &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: name},
			MinReplicas:    &replicas, MaxReplicas: replicas,
			Metrics: []autoscalingv2.MetricSpec{{
				Type: autoscalingv2.ResourceMetricSourceType,
				Resource: &autoscalingv2.ResourceMetricSource{
					Name:   corev1.ResourceMemory,
					Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &idle},
				},
			}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	back = func() {
		once.Do(func() { unscaled(context.WithoutCancel(ctx), t, name) })
	}
	t.Cleanup(back)
	await(ctx, t, time.Minute, "the autoscaler to add a replica", func(ctx context.Context) (bool, string) {
		all := pods(ctx, t, monitorNamespace, "app.kubernetes.io/name="+name)
		return len(all) == int(replicas), strings.Join(namesOf(all), ", ")
	})
	return back
}

// unscaled removes the autoscaler of a small workload, and blocks until it has its two
// replicas again.
func unscaled(ctx context.Context, t *testing.T, name string) {
	t.Helper()
	if err := on.AutoscalingV2().HorizontalPodAutoscalers(monitorNamespace).Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
	scale := []byte(`{"spec":{"replicas":2}}`)
	if _, err := on.AppsV1().Deployments(monitorNamespace).Patch(ctx, name, types.MergePatchType, scale, metav1.PatchOptions{}); err != nil && !apierrors.IsNotFound(err) {
		t.Error(err)
	}
	awaitPods(ctx, t, monitorNamespace, "app.kubernetes.io/name="+name, 2)
}

// frozenPrometheus stops the process of Prometheus for some time, in the background. Its
// kubelet starts it anew only after half a minute.
func frozenPrometheus(ctx context.Context, t *testing.T, d time.Duration) {
	t.Helper()
	all := pods(ctx, t, observabilityNamespace, "app.kubernetes.io/name=prometheus")
	if len(all) != 1 {
		t.Fatalf("there are %d pods of Prometheus", len(all))
	}
	var id string
	for _, s := range all[0].Status.ContainerStatuses {
		if s.Name == "prometheus" {
			_, id, _ = strings.Cut(s.ContainerID, "://")
		}
	}
	pid, err := beside(ctx, t, all[0], "sh", "-c", findProcess, "sh", id)
	if err != nil {
		t.Fatal(err)
	}
	pid = strings.TrimSpace(pid)
	if _, err := beside(ctx, t, all[0], "kill", "-STOP", pid); err != nil {
		t.Fatal(err)
	}
	var thawed sync.Once
	thaw := func() {
		thawed.Do(func() {
			if _, err := beside(context.WithoutCancel(ctx), t, all[0], "kill", "-CONT", pid); err != nil {
				t.Error(err)
			}
		})
	}
	timer := time.AfterFunc(d, thaw)
	t.Cleanup(func() { timer.Stop(); thaw() })
}

// behindAWire is the runner with the API server behind a wire, which cut cuts: nothing
// passes any more, in either direction, and no connection is refused or closed.
func behindAWire(ctx context.Context, t *testing.T, r runner) (cut func() (restore func()), far runner) {
	t.Helper()
	cfg, err := clientcmd.LoadFromFile(r.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	server, err := url.Parse(cfg.Clusters["e2e"].Server)
	if err != nil {
		t.Fatal(err)
	}
	wire := &wire{whole: make(chan struct{})}
	close(wire.whole)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	passing, stop := context.WithCancel(ctx)
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { wire.pass(passing, conn, server.Host) })
		}
	})
	t.Cleanup(func() {
		stop()
		_ = listener.Close() // nothing was written to it
		all.Wait()
	})
	cfg.Clusters["e2e"].TLSServerName = server.Hostname()
	cfg.Clusters["e2e"].Server = "https://" + listener.Addr().String()
	r.kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*cfg, r.kubeconfig); err != nil {
		t.Fatal(err)
	}
	return wire.cut, r
}

// wire passes bytes while it is whole.
type wire struct {
	mu    sync.Mutex
	whole chan struct{} // closed while it is
}

func (w *wire) cut() (restore func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	broken := make(chan struct{})
	w.whole = broken
	return func() { close(broken) }
}

func (w *wire) wait(ctx context.Context) {
	w.mu.Lock()
	whole := w.whole
	w.mu.Unlock()
	select {
	case <-whole:
	case <-ctx.Done():
	}
}

func (w *wire) pass(ctx context.Context, near net.Conn, address string) {
	defer near.Close()
	far, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return
	}
	defer far.Close()
	defer context.AfterFunc(ctx, func() { _, _ = near.Close(), far.Close() })() // ends both copies
	var both sync.WaitGroup
	both.Go(func() { w.copy(ctx, far, near) })
	both.Go(func() { w.copy(ctx, near, far) })
	both.Wait()
}

func (w *wire) copy(ctx context.Context, to, from net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		w.wait(ctx)
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			if err != io.EOF { //nolint:errorlint // what a connection returns is never wrapped
				_ = from.Close()
			}
			if c, ok := to.(*net.TCPConn); ok {
				_ = c.CloseWrite() // the other direction goes on
			}
			return
		}
	}
}

// TestKilledInEachPhase kills the runner in each phase of an experiment, and looks a
// minute later for what is left.
func TestKilledInEachPhase(t *testing.T) {
	skipUnless(t, everything(), "-catalogue=all, as it takes ten minutes")
	r := newRunner(t.Context(), t)
	w := smallWorkloads(t.Context(), t, monitorNamespace, 1)[0]
	var checks []check
	for _, phase := range []string{"plan", "warm-up", "baseline", "inject", confirming, observing, "recover", "audit", "verdict"} {
		checks = append(checks, check{"killed in phase " + phase + ", nothing is left after a minute", func(ctx context.Context, t *testing.T) {
			s := r.start(ctx, t, "--no-load", document(t, smallExperiment(w, "10s", podFailure)))
			s.await(ctx, t, phase)
			s.signal(t, syscall.SIGKILL)
			figure(t, "nothing is left of a run that was killed in phase "+phase, awaitNoneLeft(ctx, t, time.Minute).Seconds(), 60, "s")
			awaitPods(ctx, t, monitorNamespace, "app.kubernetes.io/name="+w, 2)
			nothingLeft(ctx, t)
		}})
	}
	feature(t, "a runner that is killed", checks...)
}
