//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// smallWorkloads deploys n workloads of two replicas each, which are the monitor in small,
// and nobody's but the test's: no Argo CD heals them, and no SLO is about them. Each is a
// job of its name in Prometheus. It blocks until all are ready and scraped.
func smallWorkloads(ctx context.Context, t *testing.T, ns string, n int) []string {
	t.Helper()
	group := random("small")
	monitor, err := on.AppsV1().Deployments(monitorNamespace).Get(ctx, "monitor", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, n)
	deployments := on.AppsV1().Deployments(ns)
	for i := range names {
		names[i] = fmt.Sprintf("%s-%d", group, i)
		if _, err := deployments.Create(ctx, small(names[i], group, monitor.Spec.Template.Spec), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := deployments.Delete(context.WithoutCancel(ctx), names[i], metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
				t.Error(err)
			}
		})
	}
	scraped(ctx, t, ns, group)
	awaitPods(ctx, t, ns, "ballast.dev/e2e="+group, 2*n)
	// Three samples each: fewer say nothing about how often they are taken.
	await(ctx, t, 2*time.Minute, fmt.Sprintf("%d pods to be scraped three times", 2*n), func(ctx context.Context) (bool, string) {
		var answer struct {
			Result []struct {
				Value [2]any `json:"value"`
			} `json:"result"`
		}
		err := prometheus(ctx, "query", &answer, "query", fmt.Sprintf(`count(count_over_time((up{job=~"%s-.*"}==1)[5m:1s])>10)`, group))
		return err == nil && len(answer.Result) == 1 && answer.Result[0].Value[1] == fmt.Sprint(2*n), seeing(err, fmt.Sprint(answer.Result))
	})
	return names
}

// small is a deployment of the monitor's own pods, as small as they can be.
func small(name, group string, pod corev1.PodSpec) *appsv1.Deployment {
	two, now := int32(2), int64(1)
	labels := map[string]string{"app.kubernetes.io/name": name, "ballast.dev/e2e": group}
	pod.ServiceAccountName, pod.TopologySpreadConstraints, pod.Affinity, pod.TerminationGracePeriodSeconds = "default", nil, nil, &now
	pod.DeprecatedServiceAccount = ""
	pod.Containers = []corev1.Container{*pod.Containers[0].DeepCopy()}
	c := &pod.Containers[0]
	c.Resources = corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1m"), corev1.ResourceMemory: resource.MustParse("16Mi")},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("64Mi")},
	}
	for i, arg := range c.Args {
		switch {
		case strings.HasPrefix(arg, "--collectors="):
			c.Args[i] = "--collectors=memory"
		case strings.HasPrefix(arg, "--drain-pause="):
			c.Args[i] = "--drain-pause=0s"
		}
	}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: &two,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: pod},
		},
	}
}

// scraped has Prometheus scrape the pods of a group every 5 s, one series each beside up.
func scraped(ctx context.Context, t *testing.T, ns, group string) {
	t.Helper()
	monitors := on.dynamic.Resource(schema.GroupVersionResource{Group: "monitoring.coreos.com", Version: "v1", Resource: "podmonitors"}).Namespace(ns)
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "monitoring.coreos.com/v1", "kind": "PodMonitor", "metadata": map[string]any{"name": group},
		"spec": map[string]any{
			"selector": map[string]any{"matchLabels": map[string]any{"ballast.dev/e2e": group}},
			"podMetricsEndpoints": []any{map[string]any{
				"port": "http", "interval": "5s",
				"relabelings": []any{map[string]any{
					"sourceLabels": []any{"__meta_kubernetes_pod_label_app_kubernetes_io_name"}, "targetLabel": "job",
				}},
				"metricRelabelings": []any{map[string]any{
					"action": "keep", "sourceLabels": []any{"__name__"}, "regex": "process_start_time_seconds",
				}},
			}},
		},
	}}
	if _, err := monitors.Create(ctx, object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := monitors.Delete(context.WithoutCancel(ctx), group, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			t.Error(err)
		}
	})
}

// smallExperiment is a PodChaos on one of the two pods of a small workload, and holds
// while the other one serves. spec is Chaos Mesh's, indented by two.
func smallExperiment(workload, observe, spec string) string {
	return fmt.Sprintf(`
apiVersion: ballast.dev/v1alpha1
kind: Experiment
metadata: {name: %[1]s}
spec:
  hypothesis: One pod of two serves while the other one does not.
  baseline: 10s
  observe: %[2]s
  recover: 60s
  slos:
    - {name: serving, promql: 'sum(up{job="%[1]s"})', min: 1}
  blastRadius: {maxTargets: 1, maxPercent: 50%%}
---
apiVersion: chaos-mesh.org/v1alpha1
kind: PodChaos
metadata: {name: %[1]s}
spec:
  mode: one
  selector: {labelSelectors: {app.kubernetes.io/name: %[1]s}}
%[3]s
`, workload, observe, spec)
}

const podFailure = "  action: pod-failure"
