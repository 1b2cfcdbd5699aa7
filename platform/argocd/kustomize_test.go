package argocd

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/template"

	"sigs.k8s.io/kustomize/api/krusty"
	kustomizetypes "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// cluster is what the Secret of a cluster says about it.
type cluster struct {
	server      string
	labels      map[string]string
	annotations map[string]string
}

// sandboxCluster is the Secret that `make up` writes.
func sandboxCluster() cluster {
	return cluster{
		server: inCluster, labels: map[string]string{"ballast.dev/environment": "sandbox"},
		annotations: map[string]string{"ballast.dev/repository": "http://git.ballast-system.svc/ballast.git", "ballast.dev/revision": "main"},
	}
}

// forkedCluster is one of two of a fork, beside another in the same Argo CD.
func forkedCluster(environment, suffix, server string) cluster {
	return cluster{
		server: server, labels: map[string]string{"ballast.dev/environment": environment},
		annotations: map[string]string{
			"ballast.dev/repository": "https://git.example.org/fork", "ballast.dev/revision": "main",
			"ballast.dev/registry": "registry.example.org", "ballast.dev/suffix": suffix,
		},
	}
}

// generated is the application that the ApplicationSet makes for a cluster.
func generated(t *testing.T, c cluster) application {
	t.Helper()
	set := setOf(t, "environments").Spec
	name := c.labels["ballast.dev/environment"]
	data := map[string]any{
		"server": c.server, "metadata": map[string]any{"labels": c.labels, "annotations": c.annotations},
		"path": map[string]any{"path": "platform/argocd/environments/" + name, "basename": name},
	}
	fill := func(text string) string {
		// Argo CD has more functions than the language; the file uses none of them.
		tpl, err := template.New("").Option("missingkey=error").Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := tpl.Execute(&b, data); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	plain := struct {
		Metadata meta            `json:"metadata"`
		Spec     applicationSpec `json:"spec"`
	}{set.Template.Metadata, set.Template.Spec}
	text, err := yaml.Marshal(plain)
	if err != nil {
		t.Fatal(err)
	}
	var app application
	if err := yaml.Unmarshal([]byte(fill(string(text))), &app); err != nil {
		t.Fatal(err)
	}
	if patch := strings.TrimSpace(fill(set.TemplatePatch)); patch != "" {
		// Lists apart, a strategic merge of what the template has not is what decoding does.
		if err := yaml.UnmarshalStrict([]byte(patch), &app); err != nil {
			t.Fatalf("%v:\n%s", err, patch)
		}
	}
	return app
}

// rendered is what Argo CD applies of an environment: what kustomize makes of it where it
// has a kustomization, with what the application adds to that, and else its files.
func rendered(t *testing.T, name string, options *kustomizeOptions, pair []byte) objects {
	t.Helper()
	dir := filepath.Join(environments, name)
	if _, err := os.Stat(filepath.Join(dir, "kustomization.yaml")); err != nil {
		return read(t, yamlFiles(t, dir)...)
	}
	// A copy, as Argo CD edits the kustomization, too.
	root := t.TempDir()
	for _, part := range []string{"pinned", dir} {
		if err := os.CopyFS(filepath.Join(root, part), os.DirFS(part)); err != nil {
			t.Fatal(err)
		}
	}
	if pair != nil {
		if err := os.WriteFile(filepath.Join(root, dir, "pair.yaml"), pair, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if options != nil {
		file := filepath.Join(root, dir, "kustomization.yaml")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var k map[string]any
		if err := yaml.Unmarshal(text, &k); err != nil {
			t.Fatal(err)
		}
		k["nameSuffix"], k["patches"] = options.NameSuffix, options.Patches
		if text, err = yaml.Marshal(k); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return built(t, filepath.Join(root, dir), &krusty.Options{
		LoadRestrictions: kustomizetypes.LoadRestrictionsRootOnly, PluginConfig: kustomizetypes.DisabledPluginConfig(),
	})
}

// built is what kustomize makes of a directory.
func built(t *testing.T, dir string, options *krusty.Options) objects {
	t.Helper()
	made, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		t.Fatal(err)
	}
	text, err := made.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	var all objects
	for doc := range bytes.SplitSeq(text, []byte("\n---\n")) {
		if err := all.add(doc); err != nil {
			t.Fatalf("%v:\n%s", err, doc)
		}
	}
	return all
}

// promotable are the environments that take promotions.
func promotable(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(names(t), func(name string) bool { return name == "sandbox" })
}

// The sandbox follows what is pushed: nothing of an environment that takes promotions may
// reach it.
func TestTheSandboxIsMadeAsItAlwaysWas(t *testing.T) {
	app := generated(t, sandboxCluster())
	if app.Metadata.Name != "environment-sandbox" {
		t.Errorf("its name is %s", app.Metadata.Name)
	}
	want := source{RepoURL: "http://git.ballast-system.svc/ballast.git", TargetRevision: "main", Path: "platform/argocd/environments/sandbox"}
	if got := app.Spec.Source; got.RepoURL != want.RepoURL || got.TargetRevision != want.TargetRevision || got.Path != want.Path || got.Kustomize != nil {
		t.Errorf("its source is %+v", got)
	}
	for _, file := range []string{"kustomization.yaml", "pair.yaml", "promotion.yaml"} {
		if _, err := os.Stat(filepath.Join(environments, "sandbox", file)); err == nil {
			t.Errorf("it has a %s", file)
		}
	}
	for _, a := range environment(t, "sandbox").applications {
		for _, src := range a.Spec.all() {
			if src.TargetRevision != "main" {
				t.Errorf("%s follows %s", a.Metadata.Name, src.TargetRevision)
			}
		}
	}
}

// A fork changes the Secrets of its clusters, and two clusters in one Argo CD have nothing
// of the same name.
func TestWhereThingsAreIsSaidByTheSecretAlone(t *testing.T) {
	const registry = "registry.example.org/"
	for _, name := range promotable(t) {
		seen := map[string]string{}
		for suffix, server := range map[string]string{"one": "https://one.example.org", "two": "https://two.example.org"} {
			app := generated(t, forkedCluster(name, suffix, server))
			if want := fmt.Sprintf("environment-%s-%s", name, suffix); app.Metadata.Name != want {
				t.Errorf("%s is called %s", want, app.Metadata.Name)
			}
			if app.Spec.Source.RepoURL != "https://git.example.org/fork" || app.Spec.Destination.Server != inCluster {
				t.Errorf("%s: %+v goes to %+v", app.Metadata.Name, app.Spec.Source, app.Spec.Destination)
			}
			for _, a := range rendered(t, name, app.Spec.Source.Kustomize, nil).applications {
				if other := seen[a.Metadata.Name]; other != "" {
					t.Errorf("%s is of %s and of %s", a.Metadata.Name, other, suffix)
				}
				seen[a.Metadata.Name] = suffix
				src := a.Spec.Source
				if src.RepoURL != "https://git.example.org/fork" || a.Spec.Destination.Server != server {
					t.Errorf("%s is of %s and goes to %s", a.Metadata.Name, src.RepoURL, a.Spec.Destination.Server)
				}
				if src.Helm.ReleaseName == "" {
					t.Errorf("the release of %s is called as the application is, and its objects with it", a.Metadata.Name)
				}
				image, ok := src.Helm.ValuesObject["image"].(map[string]any)
				if want := pinned()[strings.TrimSuffix(a.Metadata.Name, "-"+suffix)]; want != "" && (!ok || image["repository"] != registry+want) {
					t.Errorf("%s pulls from %v", a.Metadata.Name, image["repository"])
				}
			}
		}
		if want := 2 * len(environment(t, name).applications); len(seen) != want {
			t.Errorf("%s: applications %v", name, seen)
		}
		// Without annotations of its own, a cluster has what the files say.
		plain := generated(t, cluster{server: inCluster, labels: map[string]string{"ballast.dev/environment": name}, annotations: sandboxCluster().annotations})
		if plain.Metadata.Name != "environment-"+name || plain.Spec.Source.Kustomize != nil {
			t.Errorf("%+v", plain)
		}
	}
}

// A file that is in the directory and not in the kustomization would never be applied.
func TestEveryFileOfAnEnvironmentIsApplied(t *testing.T) {
	for _, name := range promotable(t) {
		dir := filepath.Join(environments, name)
		k := read(t, filepath.Join(dir, "kustomization.yaml")).kustomized[0]
		var files []string
		for _, f := range yamlFiles(t, dir) {
			if base := filepath.Base(f); base != "kustomization.yaml" && base != "promotion.yaml" {
				files = append(files, base)
			}
		}
		slices.Sort(k.Resources)
		if !slices.Equal(files, k.Resources) || !slices.Equal(k.Components, []string{"../../pinned"}) {
			t.Errorf("%s has %q and applies %q with %q", name, files, k.Resources, k.Components)
		}
	}
}

// An application keeps to its project where both get a suffix.
func TestATenantsProjectIsFoundUnderItsSuffix(t *testing.T) {
	root := t.TempDir()
	if err := os.CopyFS(filepath.Join(root, "pinned"), os.DirFS("pinned")); err != nil {
		t.Fatal(err)
	}
	p, err := os.ReadFile(filepath.Join("..", "..", "docs", "tenant", "phonebook.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{
		"phonebook.yaml":     string(p),
		"kustomization.yaml": "nameSuffix: -one\nresources: [phonebook.yaml]\nconfigurations: [pinned/names.yaml]\n",
	} {
		if err := os.WriteFile(filepath.Join(root, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all := built(t, root, krusty.MakeDefaultOptions())
	if len(all.projects) != 1 || len(all.applications) != 1 || all.applications[0].Spec.Project != all.projects[0].Metadata.Name {
		t.Errorf("%+v", all)
	}
}
