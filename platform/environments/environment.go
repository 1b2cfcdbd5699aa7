package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/platform/manifest"
	"github.com/ballast-sre/ballast/platform/policy"
)

// wrong is a problem of a file.
func wrong(file, format string, args ...any) error {
	return document.Problems{{File: filepath.ToSlash(file), Message: fmt.Sprintf(format, args...)}}
}

// summary is what was checked.
type summary struct {
	applications, objects int
	// absent are charts that were not at hand, with their versions and addresses.
	absent []string
}

// object is one that an environment has, and who brings it.
type object struct {
	manifest.Object
	by string // the application; empty: the environment itself
}

// environment is all that Argo CD would apply for one.
type environment struct {
	name         string
	plan         plan
	root         string
	dependencies map[string]string
	scheme       *runtime.Scheme

	applications []application
	objects      []object
	absent       []string
	problems     []document.Problem
}

func (e *environment) say(where, format string, args ...any) {
	e.problems = append(e.problems, document.Problem{File: e.name + "/" + where, Message: fmt.Sprintf(format, args...)})
}

// names lists the environments of a checkout.
func names(root string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(root, filepath.FromSlash(environments)))
	if err != nil {
		return nil, usageError{fmt.Errorf("--root: %w", err)}
	}
	var all []string
	for _, entry := range entries {
		if entry.IsDir() {
			all = append(all, entry.Name())
		}
	}
	return all, nil
}

// validate renders an environment and checks all of it. The error is document.Problems, every
// one in one go, or of reading.
func validate(root, name string, dependencies map[string]string) (summary, error) {
	e, err := render(root, name, dependencies)
	if err != nil {
		return summary{}, err
	}
	projects, err := readProjects(root)
	if err != nil {
		return summary{}, err
	}
	e.check(projects)
	return summary{len(e.applications), len(e.objects), e.absent}, document.Err(e.problems)
}

// render makes all objects of an environment.
func render(root, name string, dependencies map[string]string) (environment, error) {
	e := environment{name: name, root: root, dependencies: dependencies}
	var err error
	if e.plan, err = planOf(root, name); err != nil {
		return e, wrong(path.Join(terraform, "environments", name), "no plan can be made: %s", oneLine(err))
	}
	if e.scheme, err = policy.Scheme(); err != nil {
		return e, err
	}
	docs, err := applied(root, name, e.plan)
	if err != nil {
		return e, err
	}
	e.read(docs)
	for _, a := range e.applications {
		for _, s := range a.charts() {
			e.install(a, s)
		}
	}
	return e, nil
}

// read takes what stands in the environment itself.
func (e *environment) read(docs [][]byte) {
	for _, doc := range docs {
		var id struct {
			Kind     string                `json:"kind"`
			Metadata struct{ Name string } `json:"metadata"`
		}
		if err := yaml.Unmarshal(doc, &id); err != nil {
			e.say("", "not valid YAML: %v", err)
			continue
		}
		switch id.Kind {
		case "Application":
			var a application
			if err := yaml.UnmarshalStrict(doc, &a); err != nil {
				e.say(id.Metadata.Name, "Argo CD would not take the Application as it is meant: %v", err)
				continue
			}
			e.applications = append(e.applications, a)
			e.placeholders(id.Metadata.Name, "the Application", doc)
		default:
			o, err := policy.Decode(e.scheme, doc)
			if err != nil {
				e.say(id.Metadata.Name, "the API server would not take the %s as it is meant: %s", id.Kind, oneLine(err))
				continue
			}
			e.objects = append(e.objects, object{manifest.Object{Object: o, Template: id.Kind}, ""})
			e.placeholders(id.Metadata.Name, "the "+id.Kind, doc)
		}
	}
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// placeholders finds what a plan of Terraform or a promotion should have filled.
func (e *environment) placeholders(where, what string, text []byte) {
	// The sandbox has what the builder writes, of which nothing is known here.
	if !e.plan.azure {
		return
	}
	for line := range strings.Lines(string(text)) {
		for _, mark := range []string{".invalid", "set-by-pair", "not-promoted-yet"} {
			if strings.Contains(line, mark) {
				e.say(where, "%s still has a placeholder, %q, although the plan has what belongs there; let platform/argocd/bootstrap/environments.yaml or platform/argocd/pinned write it", what, strings.TrimSpace(line))
			}
		}
	}
}

// install renders a chart of an application and reads what it prints.
func (e *environment) install(a application, s source) {
	dir := filepath.Join(e.root, filepath.FromSlash(s.Path))
	if rest, ok := strings.CutPrefix(s.Path, "charts/"); ok && !e.plan.azure {
		// `make up` has put it together from the chart of the checkout.
		dir = filepath.Join(e.root, "platform", "helm", filepath.FromSlash(rest))
	}
	c, err := loader.LoadDir(dir)
	if err != nil {
		e.say(a.Metadata.Name, "spec.source.path: the chart %s cannot be read: %v", s.Path, err)
		return
	}
	own := true
	for _, d := range c.Metadata.Dependencies {
		if slices.ContainsFunc(c.Dependencies(), func(have *chart.Chart) bool { return have.Name() == d.Name }) {
			continue
		}
		from := e.dependencies[d.Name]
		if from == "" {
			e.absent = append(e.absent, fmt.Sprintf("%s: chart %s %s of %s", a.Metadata.Name, d.Name, d.Version, d.Repository))
			continue
		}
		upstream, err := loader.LoadDir(from)
		if err != nil {
			e.say(a.Metadata.Name, "the chart %s cannot be read: %v", d.Name, err)
			return
		}
		// A checkout of it may be a little newer than the published one.
		upstream.Metadata.Version = d.Version
		c.AddDependency(upstream)
		own = false
	}
	texts, err := manifest.Render(c, e.values(s), manifest.Release{
		Name: cmp.Or(s.Helm.ReleaseName, a.Metadata.Name), Namespace: a.Spec.Destination.Namespace,
	}, own)
	if err != nil {
		e.say(a.Metadata.Name, "%s", oneLine(err))
		return
	}
	all, problems := manifest.Decode(e.scheme, texts)
	for _, p := range problems {
		e.say(a.Metadata.Name, "%s: %s", p.File, p.Message)
	}
	for _, o := range all {
		if manifest.Clusterwide(o.GetObjectKind().GroupVersionKind().Kind) {
			o.SetNamespace("")
		} else if o.GetNamespace() == "" {
			o.SetNamespace(a.Spec.Destination.Namespace)
		}
		e.objects = append(e.objects, object{o, a.Metadata.Name})
	}
	for _, template := range slices.Sorted(maps.Keys(texts)) {
		if path.Base(template) != "NOTES.txt" {
			e.placeholders(a.Metadata.Name, template, []byte(texts[template]))
		}
	}
}

// values are those of the application, and in the sandbox those that its builder writes into
// files of another repository.
func (e *environment) values(s source) map[string]any {
	if len(s.Helm.ValueFiles) == 0 {
		return s.Helm.ValuesObject
	}
	values := maps.Clone(s.Helm.ValuesObject)
	if values == nil {
		values = map[string]any{}
	}
	values["image"] = map[string]any{"digest": "sha256:" + strings.Repeat("0", 64)}
	return values
}

// labelsOf are the labels that a namespace gets; nil: the environment does not make it.
func (e *environment) labelsOf(namespace string) map[string]string {
	for _, o := range e.objects {
		if n, ok := o.Object.Object.(*corev1.Namespace); ok && n.Name == namespace {
			return n.Labels
		}
	}
	for _, a := range e.applications {
		if l := a.Spec.SyncPolicy.ManagedNamespaceMetadata.Labels; a.Spec.Destination.Namespace == namespace && l != nil {
			return l
		}
	}
	return nil
}
