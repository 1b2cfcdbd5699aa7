//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

const (
	environmentDir   = "platform/argocd/environments/sandbox"
	environmentApp   = "environment-sandbox"
	environmentLabel = "ballast.dev/environment" // of the Secret of a cluster
)

func setResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "applicationsets"}
}

// things are objects by kind and name.
type things map[string]unstructured.Unstructured

// running is all that a deletion which cascades from an environment would take away, but
// for what is being deleted already.
func running(ctx context.Context, t *testing.T) things {
	t.Helper()
	all := things{}
	list := func(kind schema.GroupVersionResource, namespaces ...string) {
		for _, ns := range namespaces {
			objects, err := on.dynamic.Resource(kind).Namespace(ns).List(ctx, metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range objects.Items {
				if o.GetDeletionTimestamp() != nil {
					continue
				}
				all[fmt.Sprintf("%s %s/%s", kind.Resource, ns, o.GetName())] = o
			}
		}
	}
	list(argoResource(), argoNamespace)
	list(schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "appprojects"}, argoNamespace)
	list(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}, "")
	for _, kind := range []schema.GroupVersionResource{
		{Group: "apps", Version: "v1", Resource: "deployments"},
		{Group: "apps", Version: "v1", Resource: "statefulsets"},
		{Group: "apps", Version: "v1", Resource: "daemonsets"},
		{Version: "v1", Resource: "services"},
		{Version: "v1", Resource: "pods"},
	} {
		list(kind, monitorNamespace, observabilityNamespace, chaosNamespace)
	}
	return all
}

// stay checks that everything still runs: the same objects, none being deleted, and no
// application with another spec.
func (all things) stay(ctx context.Context, t *testing.T) {
	t.Helper()
	now := running(ctx, t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		before := all[name]
		switch after, there := now[name]; {
		case !there:
			t.Errorf("%s is gone, or being deleted", name)
		case after.GetUID() != before.GetUID():
			t.Errorf("%s is another one", name)
		case after.GetKind() == "Application" && !reflect.DeepEqual(after.Object["spec"], before.Object["spec"]):
			t.Errorf("%s has the spec %v, want %v as before", name, after.Object["spec"], before.Object["spec"])
		}
	}
}

// lookAgain makes Argo CD work out anew which environments there are, and blocks until
// it has.
func lookAgain(ctx context.Context, t *testing.T) {
	t.Helper()
	const annotation = "argocd.argoproj.io/application-set-refresh"
	api := on.dynamic.Resource(setResource()).Namespace(argoNamespace)
	if _, err := api.Patch(ctx, "environments", types.MergePatchType, fmt.Appendf(nil, `{"metadata":{"annotations":{%q:"true"}}}`, annotation), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	await(ctx, t, time.Minute, "Argo CD to look for environments", func(ctx context.Context) (bool, string) {
		set, err := api.Get(ctx, "environments", metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		_, asked := set.GetAnnotations()[annotation]
		return !asked, fmt.Sprint(set.Object["status"])
	})
}

// label names the environment of this cluster anew.
func label(ctx context.Context, t *testing.T, secret, value string) {
	t.Helper()
	patch := fmt.Appendf(nil, `{"metadata":{"labels":{%q:%q}}}`, environmentLabel, value)
	if _, err := on.CoreV1().Secrets(argoNamespace).Patch(ctx, secret, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestEnvironmentIsKept loses what an environment is found by, in each way there is:
// nothing that runs goes.
func TestEnvironmentIsKept(t *testing.T) {
	skipUnless(t, on.deploys != nil, "somewhere to push to: -remote")
	// The autoscaler may still take away pods that an earlier test needed.
	awaitPods(t.Context(), t, monitorNamespace, monitorPods, 3)
	before := running(t.Context(), t)
	feature(t, "what runs in an environment",
		check{"stays when its directory is renamed", func(ctx context.Context, t *testing.T) {
			on.deploys.owed(ctx, t)
			if _, err := on.deploys.git(ctx, "mv", environmentDir, environmentDir+"-renamed"); err != nil {
				t.Fatal(err)
			}
			on.deploys.push(ctx, t, "Rename the environment")
			lookAgain(ctx, t)
			await(ctx, t, time.Minute, "Argo CD to miss the directory", func(ctx context.Context) (bool, string) {
				a, err := applicationOf(ctx, environmentApp)
				return err == nil && strings.Contains(a.String(), "app path does not exist"), seeing(err, a.String())
			})
			before.stay(ctx, t)
		}},
		check{"stays when the label of the cluster is mistyped, also when that names another environment", func(ctx context.Context, t *testing.T) {
			secrets, err := on.CoreV1().Secrets(argoNamespace).List(ctx, metav1.ListOptions{LabelSelector: environmentLabel + "=sandbox"})
			if err != nil || len(secrets.Items) != 1 {
				t.Fatalf("the Secret of this cluster: %d found, %v", len(secrets.Items), err)
			}
			secret := secrets.Items[0].Name
			api := on.dynamic.Resource(argoResource()).Namespace(argoNamespace)
			const other = "environment-dev"
			t.Cleanup(func() {
				ctx := context.WithoutCancel(ctx)
				label(ctx, t, secret, "sandbox")
				lookAgain(ctx, t)
				if err := api.Delete(ctx, other, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
					t.Error(err)
				}
				before.stay(ctx, t)
			})
			label(ctx, t, secret, "sandbx")
			lookAgain(ctx, t)
			before.stay(ctx, t)
			label(ctx, t, secret, "dev")
			lookAgain(ctx, t)
			await(ctx, t, time.Minute, other+" to refuse what is the sandbox's", func(ctx context.Context) (bool, string) {
				a, err := applicationOf(ctx, other)
				return err == nil && strings.Contains(a.String(), "Shared resource found"), seeing(err, a.String())
			})
			before.stay(ctx, t)
		}},
		check{"stays when the ApplicationSet is deleted, which comes back and takes it over", func(ctx context.Context, t *testing.T) {
			api := on.dynamic.Resource(setResource()).Namespace(argoNamespace)
			set, err := api.Get(ctx, "environments", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			app, err := on.dynamic.Resource(argoResource()).Namespace(argoNamespace).Get(ctx, environmentApp, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			again := &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": set.GetAPIVersion(), "kind": set.GetKind(),
				"metadata": map[string]any{"name": set.GetName(), "namespace": argoNamespace}, "spec": set.Object["spec"],
			}}
			t.Cleanup(func() { // where nobody has healed it
				if _, err := api.Create(context.WithoutCancel(ctx), again, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
					t.Error(err)
				}
			})
			if err := api.Delete(ctx, set.GetName(), metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			await(ctx, t, 2*time.Minute, "another ApplicationSet, and another "+environmentApp+" that is what git says", func(ctx context.Context) (bool, string) {
				after, err := api.Get(ctx, set.GetName(), metav1.GetOptions{})
				if err != nil || after.GetUID() == set.GetUID() {
					return false, seeing(err, "the ApplicationSet is the old one")
				}
				object, err := on.dynamic.Resource(argoResource()).Namespace(argoNamespace).Get(ctx, environmentApp, metav1.GetOptions{})
				if err != nil || object.GetUID() == app.GetUID() {
					return false, seeing(err, environmentApp+" is the old one")
				}
				a := readApplication(object)
				return a.fine(), a.String()
			})
			below := maps.Clone(before)
			delete(below, fmt.Sprintf("applications %s/%s", argoNamespace, environmentApp))
			below.stay(ctx, t)
		}},
	)
}
