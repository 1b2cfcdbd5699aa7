package argocd

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/template"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/yaml"
)

// The bootstrap is kept as git has it, and nothing of it is deleted by itself.
func TestTheBootstrapIsAnApplication(t *testing.T) {
	set := setOf(t, "bootstrap")
	spec := set.Spec.Template.Spec
	if !spec.SyncPolicy.Automated.SelfHeal {
		t.Error("it does not heal itself: what somebody opens by hand stays open")
	}
	if spec.SyncPolicy.Automated.Prune {
		t.Error("it prunes: a project whose file goes by mistake is gone, and with it what its applications may do")
	}
	if !slices.Equal(spec.SyncPolicy.SyncOptions, []string{"ServerSideApply=true"}) {
		t.Errorf("its options are %q", spec.SyncPolicy.SyncOptions)
	}
	triesAgain(t, "bootstrap", spec)
	if set.Spec.SyncPolicy.ApplicationsSync != "create-update" || !set.Spec.SyncPolicy.PreserveResourcesOnDeletion || len(set.Spec.Template.Metadata.Finalizers) > 0 {
		t.Errorf("a label that is mistyped takes it away: %+v", set.Spec.SyncPolicy)
	}
	if !slices.Equal(set.Spec.PreservedFields.Annotations, []string{"argocd.argoproj.io/skip-reconcile"}) {
		t.Errorf("`make up` cannot keep it still: %q", set.Spec.PreservedFields.Annotations)
	}
	const here = "platform/argocd/bootstrap"
	if spec.Source.Path != here || set.Spec.Template.Metadata.Annotations["argocd.argoproj.io/manifest-generate-paths"] != "/"+here {
		t.Errorf("it is of %s and looked at for %v", spec.Source.Path, set.Spec.Template.Metadata.Annotations)
	}
	if spec.Project != "bootstrap" || spec.Destination != (destination{inCluster, "argocd"}) {
		t.Errorf("it is in %s and goes to %+v", spec.Project, spec.Destination)
	}
	// Only for the cluster with the label: one Argo CD may have several.
	want := []map[string]any{{"clusters": map[string]any{"selector": map[string]any{"matchLabels": map[string]any{"ballast.dev/bootstrap": "true"}}}}}
	if fmt.Sprint(set.Spec.Generators) != fmt.Sprint(want) {
		t.Errorf("it is made for %v", set.Spec.Generators)
	}
}

// toldOf renders the bootstrap for a cluster, as Argo CD does.
func toldOf(t *testing.T, c cluster) objects {
	t.Helper()
	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS(bootstrap)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "kustomization.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var k map[string]any
	if err := yaml.Unmarshal(text, &k); err != nil {
		t.Fatal(err)
	}
	var patches []map[string]any
	for _, patch := range setOf(t, "bootstrap").Spec.Template.Spec.Source.Kustomize.Patches {
		// Argo CD fills each text of a template by itself.
		tpl, err := template.New("").Option("missingkey=error").Parse(fmt.Sprint(patch["patch"]))
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := tpl.Execute(&b, map[string]any{"metadata": map[string]any{"annotations": c.annotations}}); err != nil {
			t.Fatal(err)
		}
		patches = append(patches, map[string]any{"target": patch["target"], "patch": b.String()})
	}
	k["patches"] = patches
	if text, err = yaml.Marshal(k); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return built(t, root, krusty.MakeDefaultOptions())
}

// A fork changes the Secret of its cluster, and no file.
func TestTheRepositoriesOfProjectsAreWhatTheSecretSays(t *testing.T) {
	const own, deploy, fork = "http://git.ballast-system.svc/ballast.git", "http://git.ballast-system.svc/deploy.git", "https://git.example.org/fork"
	for name, tt := range map[string]struct {
		cluster cluster
		want    map[string][]string
	}{
		"of the sandbox": {sandboxCluster(), map[string][]string{
			"default": {}, "bootstrap": {own}, "environments": {own}, "monitor": {own, deploy}, "platform": {own, deploy},
		}},
		"of a fork": {forkedCluster("prod", "", inCluster), map[string][]string{
			"default": {}, "bootstrap": {fork}, "environments": {fork}, "monitor": {fork}, "platform": {fork},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			all := toldOf(t, tt.cluster).projects
			if len(all) != len(tt.want) {
				t.Errorf("%d projects, want %d", len(all), len(tt.want))
			}
			for _, p := range all {
				if !slices.Equal(p.Spec.SourceRepos, tt.want[p.Metadata.Name]) {
					t.Errorf("%s reads %q, want %q", p.Metadata.Name, p.Spec.SourceRepos, tt.want[p.Metadata.Name])
				}
			}
		})
	}
}

// Before the first sync, the project of the file counts: it has to allow our repositories.
func TestTheFirstSyncIsLetIn(t *testing.T) {
	p := projectsOf(t)["bootstrap"]
	for _, repo := range []string{"http://git.ballast-system.svc/ballast.git", "https://github.com/ballast-sre/ballast"} {
		if !slices.Contains(p.Spec.SourceRepos, repo) {
			t.Errorf("%s is refused", repo)
		}
	}
}

func TestTheBootstrapMayHaveWhatStandsThere(t *testing.T) {
	p := projectsOf(t)["bootstrap"]
	all := toldOf(t, sandboxCluster())
	for _, m := range all.configMaps {
		if m.Metadata.Namespace != "argocd" {
			t.Errorf("%s is applied in %q", m.Metadata.Name, m.Metadata.Namespace)
		}
	}
	for _, policy := range all.policies {
		if !p.allowsInCluster("admissionregistration.k8s.io", policy.Kind, policy.Name) {
			t.Errorf("its project refuses the policy %s", policy.Name)
		}
	}
	for _, binding := range all.bindings {
		if !p.allowsInCluster("admissionregistration.k8s.io", binding.Kind, binding.Name) {
			t.Errorf("its project refuses the binding %s", binding.Name)
		}
	}
	for _, r := range []resource{
		{Group: "argoproj.io", Kind: "AppProject"}, {Group: "argoproj.io", Kind: "ApplicationSet"}, {Kind: "ConfigMap"}, {Kind: "Service"},
	} {
		if !p.allowsInNamespace(r.Group, r.Kind) {
			t.Errorf("its project refuses a %s", r.Kind)
		}
	}
	// With these it could do anything in the cluster.
	for _, r := range []resource{{Kind: "Secret"}, {Kind: "Pod"}, {Group: "apps", Kind: "Deployment"}, {Group: "argoproj.io", Kind: "Application"}} {
		if p.allowsInNamespace(r.Group, r.Kind) {
			t.Errorf("it may have a %s", r.Kind)
		}
	}
}

// owned are the owners of a path: the last line of CODEOWNERS that matches it decides. The
// file names paths from the root only, and directories with a slash at their end.
func owned(lines []string, path string) []string {
	var owners []string
	for _, line := range lines {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		pattern := strings.TrimPrefix(fields[0], "/")
		if path == pattern || strings.HasSuffix(pattern, "/") && strings.HasPrefix(path, pattern) {
			owners = fields[1:]
		}
	}
	return owners
}

// A change of one of these files changes what others may do.
func TestWhatBoundsOthersIsGuarded(t *testing.T) {
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, ".github", "CODEOWNERS"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	found := 0
	err = filepath.WalkDir(filepath.Join(root, "platform"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		bounds := slices.ContainsFunc([]string{"AppProject", "ApplicationSet", "ValidatingAdmissionPolicy"}, func(kind string) bool {
			return bytes.Contains(content, []byte("\nkind: "+kind+"\n"))
		})
		if !bounds {
			return nil
		}
		found++
		relative, err := filepath.Rel(root, path)
		if len(owned(lines, filepath.ToSlash(relative))) == 0 {
			t.Errorf("%s has no owner; add it to .github/CODEOWNERS", relative)
		}
		return err
	})
	if err != nil || found < 3 {
		t.Errorf("%d files were found: %v", found, err)
	}
	for path, want := range map[string]bool{
		"platform/argocd/environments/sandbox/team.yaml": true, ".github/CODEOWNERS": true,
		"platform/argocdx/a.yaml": false, "docs/tenant/phonebook.yaml": false,
	} {
		if got := len(owned(lines, path)) > 0; got != want {
			t.Errorf("%s has an owner: %t, want %t", path, got, want)
		}
	}
}
