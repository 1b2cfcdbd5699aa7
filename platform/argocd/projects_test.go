package argocd

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"sigs.k8s.io/yaml"

	"github.com/ballast-sre/ballast/platform/manifest"
	"github.com/ballast-sre/ballast/platform/policy"
)

// refuses says what of an application Argo CD refuses, as its project does not allow
// it. Names with wildcards in them allow nothing here: no project has any.
func (p project) refuses(s applicationSpec) []string {
	var problems []string
	for _, src := range s.all() {
		if !slices.Contains(p.Spec.SourceRepos, src.RepoURL) {
			problems = append(problems, "source "+src.RepoURL)
		}
	}
	if !slices.Contains(p.Spec.Destinations, s.Destination) {
		problems = append(problems, fmt.Sprintf("destination %s of %s", s.Destination.Namespace, s.Destination.Server))
	}
	if namespace := s.Destination.Namespace; slices.Contains(s.SyncPolicy.SyncOptions, "CreateNamespace=true") && !p.allowsInCluster("", "Namespace", namespace) {
		problems = append(problems, "making namespace "+namespace)
	}
	return problems
}

// allowsInCluster says whether an object of the whole cluster may be deployed. No
// list allows nothing.
func (p project) allowsInCluster(group, kind, name string) bool {
	return slices.ContainsFunc(p.Spec.ClusterResourceWhitelist, func(r resource) bool {
		n, err := filepath.Match(r.Name, name) // as Argo CD does
		return r.matches(group, kind) && (r.Name == "" || n && err == nil)
	})
}

// allowsInNamespace says whether an object of a namespace may be deployed. No list
// of what is allowed allows everything.
func (p project) allowsInNamespace(group, kind string) bool {
	in := func(list []resource) bool {
		return slices.ContainsFunc(list, func(r resource) bool { return r.matches(group, kind) })
	}
	return (p.Spec.NamespaceResourceWhitelist == nil || in(p.Spec.NamespaceResourceWhitelist)) && !in(p.Spec.NamespaceResourceBlacklist)
}

func (r resource) matches(group, kind string) bool {
	g, err1 := filepath.Match(r.Group, group)
	k, err2 := filepath.Match(r.Kind, kind)
	return g && k && errors.Join(err1, err2) == nil
}

// A namespace belongs to one project. There are two exceptions. In the monitor's namespace the
// platform has the runner's roles, and the charts' tests check that it has nothing else there.
// In Argo CD's namespace the environments have the applications, and the bootstrap the rest.
func TestNoProjectOpensADoor(t *testing.T) {
	guests := map[string]string{"monitor": "platform", "argocd": "bootstrap"}
	// In these the bootstrap has role bindings only.
	given := []string{"chaos-testing", "monitor", "observability"}
	for _, name := range names(t) {
		owner := map[destination]string{}
		for id, p := range projectsOf(t, environment(t, name).projects...) {
			t.Run(name+"/"+id, func(t *testing.T) {
				opensNoDoor(t, p.Spec)
				for _, d := range p.Spec.Destinations {
					if guests[d.Namespace] == id || id == "bootstrap" && slices.Contains(given, d.Namespace) {
						continue
					}
					if other := owner[d]; other != "" {
						t.Errorf("it shares %s with project %s", d.Namespace, other)
					}
					owner[d] = id
				}
			})
		}
	}
}

func opensNoDoor(t *testing.T, p projectSpec) {
	t.Helper()
	const wild = "*?[!"
	if p.Description == "" || len(p.Description) > 255 {
		t.Error("it does not say what it is for, or says too much for Argo CD")
	}
	for _, repo := range p.SourceRepos {
		if strings.ContainsAny(repo, wild) {
			t.Errorf("it opens the source %s", repo)
		}
	}
	for _, d := range p.Destinations {
		if d.Server != inCluster || d.Namespace == "" || strings.ContainsAny(d.Namespace, wild) {
			t.Errorf("it opens the destination %+v", d)
		}
		if d.Namespace == "kube-system" || d.Namespace == "ballast-system" {
			t.Errorf("it opens %s, which is the cluster's", d.Namespace)
		}
	}
	for _, r := range slices.Concat(p.ClusterResourceWhitelist, p.NamespaceResourceWhitelist) {
		name := r.Name
		if r.Kind == "CustomResourceDefinition" {
			name = strings.TrimPrefix(name, "*.") // it is called after its group, so that all of a group is not more
		}
		if strings.ContainsAny(r.Group+r.Kind+name, wild) {
			t.Errorf("it opens the resources %+v", r)
		}
	}
}

// With a kind and no name, a project may change the objects of others: cluster-admin's
// role, or the webhooks that check what is deployed.
func TestOfTheWholeClusterProjectsNameWhatTheyMay(t *testing.T) {
	for id, p := range projectsOf(t) {
		for _, r := range p.Spec.ClusterResourceWhitelist {
			if r.Name == "" {
				t.Errorf("%s may change every %s", id, r.Kind)
			}
		}
	}
	platform := projectsOf(t)["platform"]
	for _, r := range []resource{
		{"rbac.authorization.k8s.io", "ClusterRole", "cluster-admin"},
		{"rbac.authorization.k8s.io", "ClusterRole", "argocd-application-controller"},
		{"rbac.authorization.k8s.io", "ClusterRoleBinding", "cluster-admin"},
		{"rbac.authorization.k8s.io", "ClusterRoleBinding", "observability-prometheus-2"},
		{"apiextensions.k8s.io", "CustomResourceDefinition", "applications.argoproj.io"},
		{"admissionregistration.k8s.io", "ValidatingWebhookConfiguration", "other"},
		{"admissionregistration.k8s.io", "ValidatingAdmissionPolicy", "ballast-projects"},
		{"", "Namespace", "kube-system"},
		{"", "Namespace", "monitor"},
		{"", "Node", "node"},
	} {
		if platform.allowsInCluster(r.Group, r.Kind, r.Name) {
			t.Errorf("platform may change the %s %s", r.Kind, r.Name)
		}
	}
}

// A cluster would refuse an object that a chart makes and the project does not name. This does
// not cover upstream's chart of Chaos Mesh, which is not rendered here.
func TestThePlatformMayHaveWhatItsChartsMake(t *testing.T) {
	platform, made := projectsOf(t)["platform"], 0
	for _, a := range environment(t, "sandbox").applications {
		if a.Spec.Project != "platform" {
			continue
		}
		for _, id := range ofTheCluster(t, a) {
			made++
			if !platform.allowsInCluster(id.Group, id.Kind, id.Name) {
				t.Errorf("%s has the %s %s, which its project refuses", a.Metadata.Name, id.Kind, id.Name)
			}
		}
	}
	if made < 6 {
		t.Errorf("only %d objects of the whole cluster were looked at", made)
	}
}

// ofTheCluster renders the chart of a platform's application, and returns what of it is of
// the whole cluster.
func ofTheCluster(t *testing.T, a application) []resource {
	t.Helper()
	c, err := loader.LoadDir(filepath.Join("..", "helm", a.Metadata.Name))
	if err != nil {
		t.Fatal(err)
	}
	src := a.Spec.all()[0]
	rendered, err := manifest.Render(c, src.Helm.ValuesObject, manifest.Release{
		Name: cmp.Or(src.Helm.ReleaseName, a.Metadata.Name), Namespace: a.Spec.Destination.Namespace,
	}, false)
	if err != nil {
		t.Fatal(err)
	}
	var all []resource
	for file, text := range rendered {
		if filepath.Ext(file) != ".yaml" {
			continue // notes for people
		}
		docs, err := policy.Documents(text)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, doc := range docs {
			var object struct {
				APIVersion string `json:"apiVersion"`
				Kind       string `json:"kind"`
				Metadata   meta   `json:"metadata"`
			}
			if err := yaml.Unmarshal(doc, &object); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if group, _, _ := strings.Cut(object.APIVersion, "/"); strings.HasPrefix(object.Kind, "Cluster") || object.Kind == "Namespace" || strings.HasSuffix(object.Kind, "Configuration") && group == "admissionregistration.k8s.io" {
				all = append(all, resource{group, object.Kind, object.Metadata.Name})
			}
		}
	}
	return all
}

func TestTheProjectThatArgoCDMakesByItselfAllowsNothing(t *testing.T) {
	p := projectsOf(t)["default"]
	if p.Metadata.Name == "" {
		t.Fatal("it is not said, so it is as Argo CD makes it: all doors open")
	}
	if len(p.Spec.SourceRepos)+len(p.Spec.Destinations)+len(p.Spec.ClusterResourceWhitelist) > 0 {
		t.Errorf("it allows something: %+v", p.Spec)
	}
	if p.allowsInNamespace("", "ConfigMap") || p.allowsInNamespace("apps", "Deployment") {
		t.Error("it allows objects in namespaces")
	}
}

func TestTheMonitorCannotWidenWhatItMayDo(t *testing.T) {
	p := projectsOf(t)["monitor"]
	for _, kind := range []string{"Role", "RoleBinding"} {
		if p.allowsInNamespace("rbac.authorization.k8s.io", kind) {
			t.Errorf("it may have a %s", kind)
		}
	}
	for _, r := range []resource{
		{"rbac.authorization.k8s.io", "ClusterRole", "x"},
		{"rbac.authorization.k8s.io", "ClusterRoleBinding", "x"},
		{"apiextensions.k8s.io", "CustomResourceDefinition", "x"},
		{"", "Namespace", "monitor"}, // whether faults may hit it is not its to say
	} {
		if p.allowsInCluster(r.Group, r.Kind, r.Name) {
			t.Errorf("it may have the %s %s", r.Kind, r.Name)
		}
	}
	if !p.allowsInNamespace("apps", "Deployment") {
		t.Error("it may not even have what it needs")
	}
}
