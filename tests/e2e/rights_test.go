//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

const (
	bootstrapApp = "bootstrap"
	projectsFile = "platform/argocd/bootstrap/projects.yaml"
	triesChart   = "docs/tenant/tries" // of charts that a test pushes
	badFile      = environmentDir + "/tries.yaml"
)

func projectResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "appprojects"}
}

// kindsBarred are the kinds that a project forbids in its namespaces.
func kindsBarred(ctx context.Context, project string) ([]string, error) {
	p, err := on.dynamic.Resource(projectResource()).Namespace(argoNamespace).Get(ctx, project, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	list, _, err := unstructured.NestedSlice(p.Object, "spec", "namespaceResourceBlacklist")
	var kinds []string
	for _, one := range list {
		if m, ok := one.(map[string]any); ok {
			kinds = append(kinds, fmt.Sprint(m["kind"]))
		}
	}
	return kinds, err
}

// TestBoundsAreKept changes a project by hand and by a push.
func TestBoundsAreKept(t *testing.T) {
	skipUnless(t, on.deploys != nil, "somewhere to push to: -remote")
	projects := on.dynamic.Resource(projectResource()).Namespace(argoNamespace)
	feature(t, "what is told Argo CD",
		check{"is what git says again when somebody opened a project by hand", func(ctx context.Context, t *testing.T) {
			const patch = `{"spec": {"namespaceResourceBlacklist": []}}`
			if _, err := projects.Patch(ctx, monitorNamespace, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
				t.Fatal(err)
			}
			took := await(ctx, t, time.Minute, "the project to be closed again", func(ctx context.Context) (bool, string) {
				kinds, err := kindsBarred(ctx, "monitor")
				return err == nil && slices.Contains(kinds, "Role"), seeing(err, fmt.Sprint(kinds))
			})
			figure(t, "a project that was opened by hand is closed again", took.Seconds(), 5, "s")
		}},
		check{"changes by a push", func(ctx context.Context, t *testing.T) {
			on.deploys.owed(ctx, t)
			const last = `    - {group: "", kind: LimitRange}` + "\n"
			on.deploys.edit(t, projectsFile, last, last+"    - {group: batch, kind: CronJob}\n")
			began := time.Now()
			on.deploys.push(ctx, t, "Close the project of the monitor further")
			await(ctx, t, time.Minute, "the project to be closed further", func(ctx context.Context) (bool, string) {
				kinds, err := kindsBarred(ctx, "monitor")
				return err == nil && slices.Contains(kinds, "CronJob"), seeing(err, fmt.Sprint(kinds))
			})
			t.Logf("a pushed change of a project was in force after %.1f s", time.Since(began).Seconds())
			triesFromProjects(ctx, t)
		}},
	)
	await(t.Context(), t, time.Minute, "the bootstrap to be what git says", func(ctx context.Context) (bool, string) {
		a, err := applicationOf(ctx, bootstrapApp)
		return err == nil && a.fine(), seeing(err, a.String())
	})
}

// object is one of a chart that a test pushes.
func object(apiVersion, kind, ns, name string) map[string]any {
	m := map[string]any{"name": name}
	if ns != "" {
		m["namespace"] = ns
	}
	return map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": m}
}

// triesFromProjects pushes a chart with objects that a project forbids, for each project,
// and a forbidden object in a file of an environment. None of them may be applied.
func triesFromProjects(ctx context.Context, t *testing.T) {
	t.Helper()
	const (
		rbac      = "rbac.authorization.k8s.io/v1"
		notThere  = "is not permitted in project"
		elsewhere = "is not permitted in project '"
	)
	team := teamsProject(ctx, t, nil)
	// This project allows everything: the rights of the account still stop it.
	wide := teamsProject(ctx, t, func(spec map[string]any) {
		spec["destinations"] = []any{map[string]any{"server": "*", "namespace": "*"}}
		spec["destinationServiceAccounts"] = []any{map[string]any{"server": "*", "namespace": "*", "defaultServiceAccount": argoNamespace + ":deploy-monitor"}}
		spec["clusterResourceWhitelist"] = []any{map[string]any{"group": "*", "kind": "*"}}
		delete(spec, "namespaceResourceWhitelist")
	})
	const stopped = `User "system:serviceaccount:` + argoNamespace + `:deploy-monitor" cannot`
	tries := []struct {
		project, namespace string
		object             map[string]any
		says               string
	}{
		{"bootstrap", argoNamespace, object("v1", "Secret", argoNamespace, "tries"), notThere},
		{"bootstrap", argoNamespace, object(rbac, "ClusterRoleBinding", "", "tries"), notThere},
		{"environments", argoNamespace, object("v1", "ConfigMap", argoNamespace, "tries"), notThere},
		{"environments", argoNamespace, object("argoproj.io/v1alpha1", "ApplicationSet", argoNamespace, "tries"), notThere},
		{"platform", observabilityNamespace, object(rbac, "ClusterRole", "", "tries"), notThere},
		{"platform", observabilityNamespace, object("v1", "Namespace", "", "tries"), notThere},
		{"platform", observabilityNamespace, object("v1", "ConfigMap", argoNamespace, "tries"), elsewhere},
		{"monitor", monitorNamespace, object(rbac, "Role", monitorNamespace, "tries"), notThere},
		{"monitor", monitorNamespace, object("batch/v1", "CronJob", monitorNamespace, "tries"), notThere},
		{"monitor", monitorNamespace, object("v1", "ConfigMap", "kube-system", "tries"), elsewhere},
		{team, "tries", object(rbac, "Role", "tries", "tries"), notThere},
		{team, "tries", object("v1", "ConfigMap", monitorNamespace, "tries"), elsewhere},
		{team, "tries", object(rbac, "ClusterRole", "", "tries"), notThere},
		{wide, monitorNamespace, object(rbac, "Role", monitorNamespace, "tries"), stopped},
		{wide, monitorNamespace, object("v1", "ConfigMap", "kube-system", "tries"), stopped},
		{wide, monitorNamespace, object(rbac, "ClusterRole", "", "tries"), stopped},
	}
	for path, text := range map[string]string{
		triesChart + "/Chart.yaml":             "apiVersion: v2\nname: tries\nversion: 0.1.0\n",
		triesChart + "/templates/objects.yaml": "{{ toYaml .Values.object }}\n",
		// A setting of Argo CD, beside what a team's file has.
		badFile: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: tries, namespace: argocd}\n",
	} {
		file := filepath.Join(on.deploys.dir, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	on.deploys.push(ctx, t, "Try what is forbidden")
	apps := on.dynamic.Resource(argoResource()).Namespace(argoNamespace)
	var names []string
	for _, try := range tries {
		app := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": map[string]any{"name": random("try"), "namespace": argoNamespace},
			"spec": map[string]any{
				"project": try.project,
				"source": map[string]any{
					"repoURL": "http://git.ballast-system.svc/ballast.git", "targetRevision": "main", "path": triesChart,
					"helm": map[string]any{"valuesObject": map[string]any{"object": try.object}},
				},
				"destination": map[string]any{"server": "https://kubernetes.default.svc", "namespace": try.namespace},
				"syncPolicy":  map[string]any{"automated": map[string]any{"prune": true}, "syncOptions": []any{"ServerSideApply=true"}},
			},
		}}
		if _, err := apps.Create(ctx, app, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		names = append(names, app.GetName())
		t.Cleanup(func() {
			if err := apps.Delete(context.WithoutCancel(ctx), app.GetName(), metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
				t.Error(err)
			}
		})
	}
	refused := func(name, says string) {
		await(ctx, t, time.Minute, name+" to be refused: "+says, func(ctx context.Context) (bool, string) {
			o, err := apps.Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return false, err.Error()
			}
			results, _, _ := unstructured.NestedSlice(o.Object, "status", "operationState", "syncResult", "resources") // absent before the first sync
			fails := field(o, "status", "operationState", "phase") != "Succeeded"
			return fails && strings.Contains(fmt.Sprint(results), says), fmt.Sprintf("%s: %v", readApplication(o), results)
		})
	}
	for i, try := range tries {
		refused(names[i], try.says)
		t.Logf("project %s refuses %v %v", try.project, try.object["kind"], try.object["metadata"])
	}
	refused(environmentApp, notThere)
	for _, ns := range []string{argoNamespace, monitorNamespace, observabilityNamespace, "kube-system"} {
		list, err := on.CoreV1().ConfigMaps(ns).List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=tries"})
		if err != nil || len(list.Items) > 0 {
			t.Errorf("%d forbidden ConfigMaps were applied in %s: %v", len(list.Items), ns, err)
		}
	}
}

// teamsProject makes the project of a team's file, for a namespace that does not exist.
func teamsProject(ctx context.Context, t *testing.T, change func(spec map[string]any)) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(on.deploys.dir, tenantFile))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n---\n")
	var p unstructured.Unstructured
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(first, "namespace: directory", "namespace: tries")), &p.Object); err != nil || p.GetKind() != "AppProject" {
		t.Fatalf("%s does not begin with its project: %v", tenantFile, err)
	}
	if change != nil {
		spec, _, err := unstructured.NestedMap(p.Object, "spec")
		if err != nil {
			t.Fatal(err)
		}
		change(spec)
		p.Object["spec"] = spec
	}
	p.SetName(random("team"))
	p.SetNamespace(argoNamespace)
	projects := on.dynamic.Resource(projectResource()).Namespace(argoNamespace)
	if _, err := projects.Create(ctx, &p, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := projects.Delete(context.WithoutCancel(ctx), p.GetName(), metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			t.Error(err)
		}
	})
	return p.GetName()
}

// TestATeamsFile acts as Argo CD and applies files of a team, with and without objects that a
// team may not have.
func TestATeamsFile(t *testing.T) {
	config := rest.CopyConfig(on.config)
	config.Impersonate.UserName = "system:serviceaccount:" + argoNamespace + ":argocd-application-controller"
	argo, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	application := func(name, project string) *unstructured.Unstructured {
		o := object("argoproj.io/v1alpha1", "Application", argoNamespace, name)
		o["spec"] = map[string]any{
			"project": project, "source": map[string]any{"repoURL": "http://git.ballast-system.svc/ballast.git", "path": "x"},
			"destination": map[string]any{"server": "https://kubernetes.default.svc", "namespace": "tries"},
		}
		return &unstructured.Unstructured{Object: o}
	}
	project := func(change func(spec map[string]any)) *unstructured.Unstructured {
		spec := map[string]any{
			"sourceRepos":                []any{"https://git.example.org/team"},
			"destinations":               []any{map[string]any{"server": "https://kubernetes.default.svc", "namespace": "tries"}},
			"namespaceResourceWhitelist": []any{map[string]any{"group": "apps", "kind": "Deployment"}},
		}
		if change != nil {
			change(spec)
		}
		o := object("argoproj.io/v1alpha1", "AppProject", argoNamespace, "tries")
		o["spec"] = spec
		return &unstructured.Unstructured{Object: o}
	}
	feature(t, "a team's file",
		check{"chooses neither a project of the platform nor its own bounds", func(ctx context.Context, t *testing.T) {
			for _, try := range []struct {
				what   string
				object *unstructured.Unstructured
				says   string // empty: it is allowed
			}{
				{"an application in a project of the team's", application("tries", "tries"), ""},
				{"one in that of the platform", application("tries", "platform"), "the project platform is for"},
				{"one in that of the monitor", application("tries", "monitor"), "the project monitor is for"},
				{"one in that of the environments", application("environment-tries", "environments"), "the project environments is for"},
				{"one in that of the bootstrap", application("tries", "bootstrap"), "the project bootstrap is for"},
				{"a project of its own", project(nil), ""},
				{"one with every repository", project(func(s map[string]any) { s["sourceRepos"] = []any{"*"} }), "spec.sourceRepos of a team's project"},
				{"one with Argo CD's namespace", project(func(s map[string]any) {
					s["destinations"] = []any{map[string]any{"server": "https://kubernetes.default.svc", "namespace": argoNamespace}}
				}), "spec.destinations of a team's project"},
				{"one with roles of the whole cluster", project(func(s map[string]any) {
					s["clusterResourceWhitelist"] = []any{map[string]any{"group": "*", "kind": "*"}}
				}), "spec.clusterResourceWhitelist of a team's project"},
				{"one with every kind", project(func(s map[string]any) { delete(s, "namespaceResourceWhitelist") }), "spec.namespaceResourceWhitelist of a team's project"},
			} {
				resource := argoResource()
				if try.object.GetKind() == "AppProject" {
					resource = projectResource()
				}
				_, err := argo.Resource(resource).Namespace(argoNamespace).Create(ctx, try.object, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
				if try.says == "" && err != nil {
					t.Errorf("%s is refused: %v", try.what, err)
				}
				if try.says != "" && (err == nil || !strings.Contains(err.Error(), try.says)) {
					t.Errorf("%s: %v, want %q", try.what, err, try.says)
				}
			}
		}},
	)
}
