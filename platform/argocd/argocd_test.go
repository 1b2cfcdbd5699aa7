// Package argocd holds what Argo CD is told, and has no code of its own: its tests
// read every file as strictly as the API server does, and hold what stands there to
// the bounds that it is meant to have.
package argocd

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

func TestEveryApplicationStaysWithinItsProject(t *testing.T) {
	for _, name := range names(t) {
		env := environment(t, name)
		projects := projectsOf(t, env.projects...)
		seen := map[string]bool{}
		for _, a := range env.applications {
			t.Run(name+"/"+a.Metadata.Name, func(t *testing.T) {
				if seen[a.Metadata.Name] {
					t.Error("it is there twice")
				}
				seen[a.Metadata.Name] = true
				staysWithin(t, projects, a.Spec, revisionOf(t, name))
			})
		}
	}
}

// staysWithin checks an application, which is of a revision where it is ours. Charts once
// followed main everywhere; a merge then changed production, whatever experiments showed.
func staysWithin(t *testing.T, projects map[string]project, s applicationSpec, revision string) {
	t.Helper()
	if s.Project == "" || s.Project == "default" {
		t.Fatalf("its project is %q: name one that bounds it", s.Project)
	}
	p, ok := projects[s.Project]
	if !ok {
		t.Fatalf("there is no project %s; there are %q", s.Project, slices.Sorted(maps.Keys(projects)))
	}
	if len(s.all()) == 0 {
		t.Error("it has no source")
	}
	for _, problem := range p.refuses(s) {
		t.Errorf("project %s refuses it: %s", s.Project, problem)
	}
	for _, src := range s.all() {
		ours := slices.Contains([]string{"https://github.com/ballast-sre/ballast", "http://git.ballast-system.svc/ballast.git"}, src.RepoURL)
		if ours && src.TargetRevision != revision {
			t.Errorf("it follows %q of %s, want %q: what is pushed reaches the sandbox, and goes on by promotion", src.TargetRevision, src.RepoURL, revision)
		}
		if _, err := os.Stat(filepath.Join("..", "..", src.Path, "Chart.yaml")); ours && err != nil {
			t.Errorf("there is no chart: %v", err)
		}
	}
}

func TestEveryApplicationIsKeptAsGitSaysIt(t *testing.T) {
	for _, name := range names(t) {
		for _, a := range environment(t, name).applications {
			t.Run(name+"/"+a.Metadata.Name, func(t *testing.T) {
				keptAsGitSays(t, a.Metadata.Name, a.Spec)
				if !slices.Equal(a.Metadata.Finalizers, []string{"resources-finalizer.argocd.argoproj.io"}) {
					t.Errorf("its finalizers are %q: without Argo CD's, what it deployed stays when it goes", a.Metadata.Finalizers)
				}
				if _, err := strconv.Atoi(a.Metadata.Annotations["argocd.argoproj.io/sync-wave"]); err != nil {
					t.Errorf("it is in no sync wave, so it comes with those that others count on: %v", err)
				}
			})
		}
	}
}

func keptAsGitSays(t *testing.T, name string, s applicationSpec) {
	t.Helper()
	if !s.SyncPolicy.Automated.Prune {
		t.Error("it does not prune: what is removed from git stays")
	}
	if heals := s.SyncPolicy.Automated.SelfHeal; heals == (name == experimentsApp) {
		t.Errorf("selfHeal is %t, want the opposite: without it drift stays, and with it a deleted Job of experiments would run again", heals)
	}
	if !slices.Contains(s.SyncPolicy.SyncOptions, "ServerSideApply=true") {
		t.Error("it is not applied by the server")
	}
	if (len(s.IgnoreDifferences) > 0) != slices.Contains(s.SyncPolicy.SyncOptions, "RespectIgnoreDifferences=true") {
		t.Error("differences that are ignored must be ignored when it is applied too, and else no option is needed")
	}
	triesAgain(t, name, s)
}

// triesAgain checks that a failed sync is tried again with a backoff and without a limit, and
// that each try takes the newest commit. Experiments are not tried again: a verdict must not be
// repeated until it is green.
func triesAgain(t *testing.T, name string, s applicationSpec) {
	t.Helper()
	retry := s.SyncPolicy.Retry
	if name == experimentsApp {
		// Without any retry settings Argo CD would try five times more.
		if retry.Limit != 0 || retry.Backoff.Duration == "" {
			t.Errorf("it is tried again: %+v", retry)
		}
		return
	}
	if retry.Limit >= 0 {
		t.Errorf("it is given up after %d more tries, want no end: -1", retry.Limit)
	}
	if !retry.Refresh {
		t.Error("a retry does not take what was pushed since")
	}
	if retry.Backoff.Factor < 2 {
		t.Errorf("it waits no longer each time: the factor is %d", retry.Backoff.Factor)
	}
	for _, d := range []string{retry.Backoff.Duration, retry.Backoff.MaxDuration} {
		if wait, err := time.ParseDuration(d); err != nil || wait <= 0 {
			t.Errorf("it waits %q before it tries again: %v", d, err)
		}
	}
}

// A wave waits until the one before is healthy.
func TestWhatOthersCountOnComesFirst(t *testing.T) {
	for _, name := range names(t) {
		wave := map[string]string{}
		for _, a := range environment(t, name).applications {
			wave[a.Metadata.Name] = a.Metadata.Annotations["argocd.argoproj.io/sync-wave"]
		}
		for app, want := range map[string]string{"chaos": "0", "observability": "0", "monitor": "1", "probe": "2", experimentsApp: "3"} {
			if got, ok := wave[app]; ok && got != want {
				t.Errorf("%s: %s is in wave %s, want %s", name, app, got, want)
			}
		}
	}
}

func TestEveryEnvironmentHasItsApplications(t *testing.T) {
	for name, want := range map[string][]string{
		"sandbox": {"chaos", "monitor", "observability", "probe"},
		"dev":     {"chaos", "monitor", "probe"}, // Azure Monitor observes it
		"staging": {"chaos", experimentsApp, "monitor", "probe"},
		"prod":    {"monitor", "probe"}, // faults may hit nothing, and safeguards refuse Chaos Mesh's daemon
	} {
		var got []string
		for _, a := range environment(t, name).applications {
			got = append(got, a.Metadata.Name)
		}
		for _, app := range want {
			if !slices.Contains(got, app) {
				t.Errorf("%s has no application %s", name, app)
			}
		}
		// In the sandbox on request, and in prod faults may hit nothing.
		if name != "staging" && slices.Contains(got, experimentsApp) {
			t.Errorf("%s puts every deploy under faults", name)
		}
		if name != "sandbox" && slices.Contains(got, "observability") {
			t.Errorf("%s has an observability stack of its own", name)
		}
		if name == "prod" {
			if slices.Contains(got, "chaos") {
				t.Error("prod has Chaos Mesh")
			}
			continue
		}
		// The definitions of Chaos Mesh come with the chart, except where the node has them.
		if skips := applicationOf(t, name, "chaos").Spec.all()[0].Helm.SkipCRDs; skips != (name == "sandbox") {
			t.Errorf("%s leaves out the definitions of Chaos Mesh: %t", name, skips)
		}
	}
}

func TestTheEnvironmentItselfIsBoundToo(t *testing.T) {
	p := projectsOf(t)["environments"]
	for _, name := range []string{"environments", "tenants"} {
		set := setOf(t, name).Spec
		if !set.GoTemplate || !slices.Equal(set.GoTemplateOptions, []string{"missingkey=error"}) {
			t.Errorf("%s: a Secret that does not say enough makes an application of holes", name)
		}
		keptAsGitSays(t, name, set.Template.Spec)
		if p.Metadata.Name != set.Template.Spec.Project {
			t.Fatalf("the project of %s is %q", name, set.Template.Spec.Project)
		}
		// Its source is what the Secret says, so only the destination can be held to it.
		if !slices.Equal(p.Spec.Destinations, []destination{set.Template.Spec.Destination}) {
			t.Errorf("%s goes to %v, its project allows %v", name, set.Template.Spec.Destination, p.Spec.Destinations)
		}
	}
	for _, tt := range []struct {
		group, kind string
		want        bool
	}{
		{"argoproj.io", "Application", true},
		{"argoproj.io", "AppProject", true},
		{"argoproj.io", "ApplicationSet", false},
		{"", "Secret", false}, // clusters and repositories
		{"", "ConfigMap", false},
		{"rbac.authorization.k8s.io", "Role", false},
	} {
		if got := p.allowsInNamespace(tt.group, tt.kind); got != tt.want {
			t.Errorf("a %s may stand in an environment: %t, want %t", tt.kind, got, tt.want)
		}
	}
	// What stands in an environment is what its application may apply.
	for _, name := range names(t) {
		env := environment(t, name)
		if len(env.sets)+len(env.configMaps)+len(env.services)+len(env.kustomized)+len(env.policies)+len(env.bindings) > 0 {
			t.Errorf("%s holds more than applications, projects and namespaces", name)
		}
	}
}

// In the sandbox Prometheus may be hit, too: an experiment without it is rehearsed there.
func TestFaultsMayHitTheMonitorWhereTheyAreRehearsed(t *testing.T) {
	const asks = "chaos-mesh.org/inject"
	for name, want := range map[string]string{"sandbox": "enabled", "dev": "enabled", "staging": "enabled", "prod": ""} {
		env := environment(t, name)
		if got := env.namespace(t, "monitor").Metadata.Annotations[asks]; got != want {
			t.Errorf("%s: the namespace of the monitor has %s: %q, want %q", name, asks, got, want)
		}
		for _, a := range env.applications {
			want := ""
			if name == "sandbox" && a.Metadata.Name == "observability" {
				want = "enabled"
			}
			if got := a.Spec.SyncPolicy.ManagedNamespaceMetadata.Annotations[asks]; got != want {
				t.Errorf("%s: the namespace of %s has %s: %q, want %q", name, a.Metadata.Name, asks, got, want)
			}
		}
	}
}

func TestEveryApplicationHasItsNamespace(t *testing.T) {
	own := projectsOf(t)["environments"]
	if own.allowsInCluster("", "Namespace", "kube-system") {
		t.Error("a file in an environment may say what the cluster's own namespace is")
	}
	for _, name := range names(t) {
		env := environment(t, name)
		for _, n := range env.namespaces {
			if !own.allowsInCluster("", "Namespace", n.Metadata.Name) {
				t.Errorf("%s: the project environments refuses the namespace %s", name, n.Metadata.Name)
			}
			if n.Metadata.Annotations["argocd.argoproj.io/sync-wave"] != "-1" {
				t.Errorf("%s: the namespace %s is not there before the applications", name, n.Metadata.Name)
			}
			if n.Metadata.Annotations["argocd.argoproj.io/sync-options"] != "Prune=confirm" {
				t.Errorf("%s: whoever removes the file of %s removes all that runs in it", name, n.Metadata.Name)
			}
			if n.Metadata.Labels["pod-security.kubernetes.io/enforce"] != "restricted" {
				t.Errorf("%s: pods in %s may be anything", name, n.Metadata.Name)
			}
		}
		for _, a := range env.applications {
			// Asked to make it, Argo CD looks at it first in each sync, which makes a heal
			// two passes.
			makes := slices.Contains(a.Spec.SyncPolicy.SyncOptions, "CreateNamespace=true")
			there := slices.ContainsFunc(env.namespaces, func(n namespace) bool { return n.Metadata.Name == a.Spec.Destination.Namespace }) ||
				slices.ContainsFunc(env.applications, func(other application) bool {
					return other.Metadata.Name != a.Metadata.Name && other.Spec.Destination == a.Spec.Destination &&
						slices.Contains(other.Spec.SyncPolicy.SyncOptions, "CreateNamespace=true")
				})
			if makes == there {
				t.Errorf("%s: the namespace of %s is made by nobody, or by two", name, a.Metadata.Name)
			}
		}
	}
}

func TestEveryFileOfTheBootstrapIsApplied(t *testing.T) {
	var files []string
	for _, f := range yamlFiles(t, bootstrap) {
		if name := filepath.Base(f); name != "kustomization.yaml" {
			files = append(files, name)
		}
	}
	k := read(t, filepath.Join(bootstrap, "kustomization.yaml")).kustomized
	if len(k) != 1 {
		t.Fatalf("one kustomization is wanted, not %+v", k)
	}
	slices.Sort(k[0].Resources)
	if !slices.Equal(files, k[0].Resources) {
		t.Errorf("there are %q, and %q are applied", files, k[0].Resources)
	}
}

func TestTheReadmeNamesEveryEnvironment(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(environments, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names(t) {
		if !bytes.Contains(text, []byte("["+name+"]("+name+")")) {
			t.Errorf("it does not name %s", name)
		}
	}
}
