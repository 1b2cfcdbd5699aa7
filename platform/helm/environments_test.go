package helm

import (
	"cmp"
	"os"
	"path"
	"path/filepath"
	"slices"
	"testing"

	"helm.sh/helm/v4/pkg/engine"
	"sigs.k8s.io/yaml"

	"github.com/ballast-sre/ballast/platform/policy"
)

// application is the part of an Argo CD Application that installs a chart.
type application struct {
	Kind     string
	Metadata struct{ Name string }
	Spec     struct {
		Project     string
		Source      *applicationSource
		Sources     []applicationSource
		Destination struct{ Namespace string }
	}
}

type applicationSource struct {
	Path string
	Helm struct {
		ReleaseName  string
		ValueFiles   []string
		ValuesObject map[string]any
	}
}

// An environment is a directory of applications. What they tell the charts of this
// directory has to be what the charts take.
func TestEnvironmentsTellTheChartsWhatTheyTake(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "argocd", "environments", "*", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	tested := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		docs, err := policy.Documents(string(text))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, doc := range docs {
			var app application
			if err := yaml.Unmarshal(doc, &app); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			sources := app.Spec.Sources
			if app.Spec.Source != nil {
				sources = append(sources, *app.Spec.Source)
			}
			for _, s := range sources {
				if app.Kind != "Application" || path.Dir(s.Path) != "platform/helm" {
					continue
				}
				tested++
				t.Run(filepath.Base(filepath.Dir(file))+"/"+app.Metadata.Name, func(t *testing.T) {
					takes(t, app, s)
				})
			}
		}
	}
	if tested == 0 {
		t.Error("no application installs a chart of this directory")
	}
}

func takes(t *testing.T, app application, s applicationSource) {
	t.Helper()
	name := path.Base(s.Path)
	want, ok := releases[name]
	if !ok {
		t.Fatalf("there is no chart %s", s.Path)
	}
	if got := app.Spec.Destination.Namespace; got != want.namespace {
		t.Errorf("it is installed in namespace %s; the others look for it in %s", got, want.namespace)
	}
	if got := cmp.Or(s.Helm.ReleaseName, app.Metadata.Name); got != want.name {
		t.Errorf("it is installed as %s; the others look for %s", got, want.name)
	}
	values := s.Helm.ValuesObject
	if len(s.Helm.ValueFiles) > 0 {
		// Builders write which image, into a file of another repository.
		values = merge(readValues(t, name+"-default"), values)
	}
	docs, err := render(load(t, name), values, engine.Engine{})
	if err != nil {
		t.Fatal(err)
	}
	may := namespacesOf(t, app.Spec.Project)
	for _, o := range decode(t, docs) {
		if n := o.GetNamespace(); n != "" && !slices.Contains(may, n) {
			t.Errorf("project %s refuses %s in namespace %s", app.Spec.Project, o.GetName(), n)
		}
	}
}

// namespacesOf are those into which a project of Argo CD may deploy.
func namespacesOf(t *testing.T, project string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "argocd", "bootstrap", "projects.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	docs, err := policy.Documents(string(text))
	if err != nil {
		t.Fatal(err)
	}
	var namespaces []string
	for _, doc := range docs {
		var p struct {
			Metadata struct{ Name string }
			Spec     struct{ Destinations []struct{ Namespace string } }
		}
		if err := yaml.Unmarshal(doc, &p); err != nil {
			t.Fatal(err)
		}
		if p.Metadata.Name != project {
			continue
		}
		for _, d := range p.Spec.Destinations {
			namespaces = append(namespaces, d.Namespace)
		}
	}
	return namespaces
}
