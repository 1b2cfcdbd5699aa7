//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	tenantFile      = "docs/tenant/phonebook.yaml"
	tenantTarget    = "platform/argocd/tenants/sandbox/phonebook/phonebook.yaml"
	tenantApp       = "tenant-phonebook" // applies the file
	brokenTarget    = "platform/argocd/tenants/sandbox/broken/broken.yaml"
	brokenApp       = "tenant-broken"
	tenantNamespace = "directory"
)

// addTenant writes a team's one file.
func (c *checkout) addTenant(t *testing.T, path string, text []byte) {
	t.Helper()
	file := filepath.Join(c.dir, path)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// deleteApplication deletes an application without objects, which its ApplicationSet leaves.
func deleteApplication(ctx context.Context, t *testing.T, name string) {
	t.Helper()
	err := on.dynamic.Resource(argoResource()).Namespace(argoNamespace).Delete(ctx, name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		t.Error(err)
	}
}

// TestTenant adds an application of another team, by one file.
func TestTenant(t *testing.T) {
	skipUnless(t, on.deploys != nil, "somewhere to push to: -remote")
	on.deploys.owed(t.Context(), t)
	feature(t, "another team's application",
		check{"is added by one file, and serves", func(ctx context.Context, t *testing.T) {
			text, err := os.ReadFile(filepath.Join(on.deploys.dir, tenantFile))
			if err != nil {
				t.Fatal(err)
			}
			on.deploys.addTenant(t, tenantTarget, text)
			// The broken file of a third team holds up neither this team nor the platform. It has
			// apiVersion and kind, as Argo CD ignores files that do not look like an object.
			on.deploys.addTenant(t, brokenTarget, []byte("apiVersion: argoproj.io/v1alpha1\nkind: [Application\nmetadata: {name: broken}\n"))
			began := time.Now()
			on.deploys.push(ctx, t, "Add the phonebook")
			await(ctx, t, 2*time.Minute, "the phonebook to be deployed", func(ctx context.Context) (bool, string) {
				a, err := applicationOf(ctx, "phonebook")
				return err == nil && a.sync == "Synced" && a.health == "Healthy", seeing(err, a.String())
			})
			figure(t, "another team's application is healthy after the push of its file", time.Since(began).Seconds(), 30, "s")
			if body, err := ask(ctx, tenantNamespace, "phonebook:health", "health"); err != nil || !strings.Contains(string(body), "OK") {
				t.Errorf("the phonebook answers %q, %v; want OK", body, err)
			}
		}},
		check{"waits for no other team's, whose mistake is that team's own", func(ctx context.Context, t *testing.T) {
			await(ctx, t, time.Minute, "Argo CD to say whose file is broken", func(ctx context.Context) (bool, string) {
				a, err := applicationOf(ctx, brokenApp)
				return err == nil && strings.Contains(strings.Join(a.messages, " "), "ComparisonError"), seeing(err, a.String())
			})
			for _, name := range []string{environmentApp, tenantApp} {
				if a, err := applicationOf(ctx, name); err != nil || a.sync != "Synced" || strings.Contains(a.String(), "ComparisonError") {
					t.Errorf("%s: %s, %v; want it as if there were no other team", name, a, err)
				}
			}
		}},
		check{"brings rules of its own, which Prometheus evaluates over its own metrics", func(ctx context.Context, t *testing.T) {
			await(ctx, t, 2*time.Minute, "the team's rule to have a value", func(ctx context.Context) (bool, string) {
				rules, err := rulesOf(ctx)
				if err != nil || rules["PhonebookDown"].Health != "ok" {
					return false, seeing(err, fmt.Sprint(rules["PhonebookDown"]))
				}
				var answer struct{ Result []any }
				err = prometheus(ctx, "query", &answer, "query", "directory:phonebook_up:ratio == 1")
				return err == nil && len(answer.Result) == 1, seeing(err, "no value")
			})
		}},
		check{"cannot reach into the monitor's namespace, neither to deploy nor with a role", func(ctx context.Context, t *testing.T) {
			const destination = "  destination: {server: https://kubernetes.default.svc, namespace: directory}\n"
			on.deploys.edit(t, tenantTarget, destination, strings.Replace(destination, tenantNamespace, monitorNamespace, 1))
			on.deploys.push(ctx, t, "Reach for the monitor")
			await(ctx, t, time.Minute, "Argo CD to refuse", func(ctx context.Context) (bool, string) {
				a, err := applicationOf(ctx, "phonebook")
				return err == nil && strings.Contains(strings.Join(a.messages, " "), "InvalidSpecError"), seeing(err, a.String())
			})
			if _, err := on.AppsV1().Deployments(monitorNamespace).Get(ctx, "phonebook", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
				t.Errorf("the phonebook in the monitor's namespace: %v, want that it is not there", err)
			}
		}},
		check{"goes when its file goes, also when that is only moved elsewhere", func(ctx context.Context, t *testing.T) {
			if _, err := on.deploys.git(ctx, "mv", tenantTarget, "docs/tenant/moved.yaml"); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(filepath.Dir(filepath.Join(on.deploys.dir, brokenTarget))); err != nil {
				t.Fatal(err)
			}
			on.deploys.push(ctx, t, "Move the phonebook away")
			await(ctx, t, 2*time.Minute, "the phonebook to be gone", func(ctx context.Context) (bool, string) {
				list, err := on.AppsV1().Deployments(tenantNamespace).List(ctx, metav1.ListOptions{})
				if err != nil {
					return false, err.Error()
				}
				_, gone := applicationOf(ctx, "phonebook")
				projects := schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "appprojects"}
				_, free := on.dynamic.Resource(projects).Namespace(argoNamespace).Get(ctx, tenantNamespace, metav1.GetOptions{})
				return len(list.Items) == 0 && apierrors.IsNotFound(gone) && apierrors.IsNotFound(free),
					fmt.Sprintf("%d deployments, application: %v, project: %v", len(list.Items), gone, free)
			})
			for _, name := range []string{tenantApp, brokenApp} {
				deleteApplication(ctx, t, name)
			}
			if err := on.CoreV1().Namespaces().Delete(ctx, tenantNamespace, metav1.DeleteOptions{}); err != nil {
				t.Error(err)
			}
		}},
	)
}
