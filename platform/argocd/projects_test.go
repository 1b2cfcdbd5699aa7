package argocd

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
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
		return r.matches(group, kind) && (r.Name == "" || r.Name == name)
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

// A namespace belongs to one project. The platform, which may have roles of the whole
// cluster, says in the monitor's what the runner may do to it; the charts' tests see to
// it that it has nothing else there.
func TestNoProjectOpensADoor(t *testing.T) {
	guests := map[string]string{"monitor": "platform"}
	for _, name := range names(t) {
		owner := map[destination]string{}
		for id, p := range projectsOf(t, environment(t, name).projects...) {
			t.Run(name+"/"+id, func(t *testing.T) {
				opensNoDoor(t, p.Spec)
				for _, d := range p.Spec.Destinations {
					if guests[d.Namespace] == id {
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
		if strings.ContainsAny(r.Group+r.Kind+r.Name, wild) {
			t.Errorf("it opens the resources %+v", r)
		}
	}
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
