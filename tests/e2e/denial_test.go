//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"maps"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// TestNetworkPolicy tries to reach the monitor, with and without the right to. A policy
// is in force for a new pod only a little after that has started: the first attempts
// wait for it, and how long is a figure with a bound. From then on every attempt counts.
func TestNetworkPolicy(t *testing.T) {
	const times = 5
	url := func(ctx context.Context, t *testing.T, ns, service string, port int) string {
		t.Helper()
		s, err := on.CoreV1().Services(ns).Get(ctx, service, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		// Its address: to be denied a name is not what is to be shown.
		return fmt.Sprintf("http://%s/", net.JoinHostPort(s.Spec.ClusterIP, strconv.Itoa(port)))
	}
	try := func(ctx context.Context, t *testing.T, ns, pod, url string, reached bool) {
		t.Helper()
		attempt := func(ctx context.Context) (bool, string) {
			text, err := execute(ctx, ns, pod, "main", "/receiver", "fetch", url)
			return (err == nil) == reached, seeing(err, text)
		}
		took := await(ctx, t, 30*time.Second, fmt.Sprintf("attempts from %s/%s to reach %s: %t", ns, pod, url, reached), attempt)
		for range times {
			if same, seen := attempt(ctx); !same {
				t.Errorf("%s/%s reaches %s: not %t any more: %s", ns, pod, url, reached, seen)
			}
		}
		figure(t, fmt.Sprintf("the policy is in force, and %s of %s reaches %s: %t", pod, ns, url, reached), took.Seconds(), 5, "s")
	}
	client := func(ctx context.Context, t *testing.T, ns, ref string, labels map[string]string) string {
		t.Helper()
		name := random("client")
		pod := hardened(name, ref)
		maps.Copy(pod.Labels, labels)
		start(ctx, t, ns, pod)
		awaitPhase(ctx, t, ns, name, time.Minute, corev1.PodRunning)
		return name
	}
	ref := receiver(t.Context(), t)
	feature(t, "the network policy",
		check{"lets the monitor's own namespace in, and nobody else", func(ctx context.Context, t *testing.T) {
			monitor := url(ctx, t, monitorNamespace, "monitor", 80)
			try(ctx, t, monitorNamespace, client(ctx, t, monitorNamespace, ref, nil), monitor, true)
			other := namespace(ctx, t)
			try(ctx, t, other, client(ctx, t, other, ref, nil), monitor, false)
		}},
		check{"lets nobody out of the monitor", func(ctx context.Context, t *testing.T) {
			service := url(ctx, t, "kube-system", "kube-dns", 9153)
			// Another pod of the namespace may, so that it is the policy that forbids it.
			try(ctx, t, monitorNamespace, client(ctx, t, monitorNamespace, ref, nil), service, true)
			selected := map[string]string{"app.kubernetes.io/name": "monitor", "app.kubernetes.io/instance": "monitor"}
			try(ctx, t, monitorNamespace, client(ctx, t, monitorNamespace, ref, selected), service, false)
		}},
	)
}

// TestRBAC acts as the service accounts of the platform.
func TestRBAC(t *testing.T) {
	as := func(t *testing.T, ns, account string) *kubernetes.Clientset {
		t.Helper()
		config := rest.CopyConfig(on.config)
		config.Impersonate.UserName = "system:serviceaccount:" + ns + ":" + account
		config.Impersonate.Groups = []string{"system:serviceaccounts", "system:serviceaccounts:" + ns, "system:authenticated"}
		client, err := kubernetes.NewForConfig(config)
		if err != nil {
			t.Fatal(err)
		}
		return client
	}
	feature(t, "service accounts",
		check{"of workloads may do nothing at all", func(ctx context.Context, t *testing.T) {
			for _, account := range []string{"monitor", "probe"} {
				client := as(t, monitorNamespace, account)
				for what, try := range attempts(client, monitorNamespace) {
					if err := try(ctx); !apierrors.IsForbidden(err) {
						t.Errorf("%s tries to %s: %v, want forbidden", account, what, err)
					}
				}
			}
		}},
		check{"of Prometheus may find its targets, and neither read a secret nor change anything", func(ctx context.Context, t *testing.T) {
			client := as(t, observabilityNamespace, "prometheus")
			if _, err := client.CoreV1().Pods(monitorNamespace).List(ctx, metav1.ListOptions{}); err != nil {
				t.Errorf("it lists pods: %v, want that it may", err)
			}
			for what, try := range attempts(client, monitorNamespace) {
				if what == "list pods" {
					continue
				}
				if err := try(ctx); !apierrors.IsForbidden(err) {
					t.Errorf("it tries to %s: %v, want forbidden", what, err)
				}
			}
		}},
		check{"of projects may do nothing outside of what their applications deploy", func(ctx context.Context, t *testing.T) {
			for _, account := range []string{"deploy-environments", "deploy-monitor", "deploy-platform"} {
				client := as(t, argoNamespace, account)
				for _, ns := range []string{monitorNamespace, "kube-system"} {
					for what, try := range attempts(client, ns) {
						if err := try(ctx); !apierrors.IsForbidden(err) {
							t.Errorf("%s tries to %s in %s: %v, want forbidden", account, what, ns, err)
						}
					}
				}
			}
		}},
		check{"of the runner and the guard may not do what an intruder would try", func(ctx context.Context, t *testing.T) {
			for _, account := range []string{"ballast-runner", "ballast-guard"} {
				client := as(t, chaosNamespace, account)
				for what, try := range attempts(client, monitorNamespace) {
					if what == "list pods" && account == "ballast-runner" {
						continue // it draws whom it hits
					}
					if err := try(ctx); !apierrors.IsForbidden(err) {
						t.Errorf("%s tries to %s: %v, want forbidden", account, what, err)
					}
				}
			}
		}},
	)
}

// attempts are what an intruder would try first.
func attempts(client *kubernetes.Clientset, ns string) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"list pods": func(ctx context.Context) error {
			_, err := client.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{})
			return err
		},
		"list secrets": func(ctx context.Context) error {
			_, err := client.CoreV1().Secrets(ns).List(ctx, metav1.ListOptions{})
			return err
		},
		"list secrets of Argo CD": func(ctx context.Context) error {
			_, err := client.CoreV1().Secrets(argoNamespace).List(ctx, metav1.ListOptions{})
			return err
		},
		"delete pods": func(ctx context.Context) error {
			return client.CoreV1().Pods(ns).DeleteCollection(ctx, metav1.DeleteOptions{DryRun: []string{metav1.DryRunAll}}, metav1.ListOptions{})
		},
		"create a pod": func(ctx context.Context) error {
			_, err := client.CoreV1().Pods(ns).Create(ctx, hardened(random("try"), "nothing"), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
			return err
		},
		"become an administrator": func(ctx context.Context) error {
			_, err := client.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
				ObjectMeta: metav1.ObjectMeta{Name: random("try")}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
			}, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
			return err
		},
	}
}

// TestProjects asks Argo CD for what its projects do not allow.
func TestProjects(t *testing.T) {
	application := func(project, ns, path string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": map[string]any{"name": random("try"), "namespace": argoNamespace},
			"spec": map[string]any{
				"project":     project,
				"source":      map[string]any{"repoURL": "http://git.ballast-system.svc/ballast.git", "targetRevision": "main", "path": path},
				"destination": map[string]any{"server": "https://kubernetes.default.svc", "namespace": ns},
				"syncPolicy":  map[string]any{"automated": map[string]any{}},
			},
		}}
	}
	feature(t, "projects",
		check{"refuse what is out of their bounds, before anything is applied", func(ctx context.Context, t *testing.T) {
			for _, c := range []struct{ what, project, namespace string }{
				{"the project of the monitor in the namespace of the system", "monitor", "kube-system"},
				{"the project of the monitor in that of observability", "monitor", observabilityNamespace},
				{"no project but the one that Argo CD makes", "default", monitorNamespace},
			} {
				app := application(c.project, c.namespace, "platform/helm/monitor")
				api := on.dynamic.Resource(argoResource()).Namespace(argoNamespace)
				if _, err := api.Create(ctx, app, metav1.CreateOptions{}); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := api.Delete(context.WithoutCancel(ctx), app.GetName(), metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
						t.Error(err)
					}
				})
				await(ctx, t, time.Minute, c.what+" to be refused", func(ctx context.Context) (bool, string) {
					a, err := applicationOf(ctx, app.GetName())
					return err == nil && strings.Contains(fmt.Sprint(a.messages), "InvalidSpecError"), seeing(err, a.String())
				})
			}
		}},
	)
}
