package helm

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"

	"github.com/ballast-sre/ballast/platform/policy"
)

// TestMain silences the loader, which logs every link that it follows.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	m.Run()
}

// release is a name and a namespace under which a chart is installed.
type release struct{ name, namespace string }

// releases are the conventional ones, by chart. The probe is where its target is.
var releases = map[string]release{
	"monitor":       {"monitor", "monitor"},
	"probe":         {"probe", "monitor"},
	"observability": {"observability", "observability"},
	"chaos":         {"chaos-mesh", "chaos-testing"},
	"experiments":   {"experiments", "chaos-testing"},
}

// charts returns the names of all charts.
func charts() []string { return slices.Sorted(maps.Keys(releases)) }

// document is one object of a rendered chart.
type document struct {
	template string // its file, from the chart's name on
	text     []byte
}

// load reads a chart of this directory.
func load(t testing.TB, name string) *chart.Chart {
	t.Helper()
	c, err := loader.LoadDir(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// readValues reads a file of testdata/values.
func readValues(t testing.TB, name string) map[string]any {
	t.Helper()
	values, err := common.ReadValuesFile(filepath.Join("testdata", "values", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// parseValues reads values from YAML text.
func parseValues(t testing.TB, text string) map[string]any {
	t.Helper()
	values, err := common.ReadValues([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// render does what `helm template` does: it checks the values against the schema
// and renders all templates, the notes aside.
func render(c *chart.Chart, values map[string]any, e engine.Engine) ([]document, error) {
	if err := chartutil.ProcessDependencies(c, values); err != nil {
		return nil, err
	}
	rel := releases[c.Name()]
	all, err := util.ToRenderValues(c, values,
		common.ReleaseOptions{Name: rel.name, Namespace: rel.namespace, Revision: 1, IsInstall: true},
		common.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	rendered, err := e.Render(c, all)
	if err != nil {
		return nil, err
	}
	var docs []document
	for _, template := range slices.Sorted(maps.Keys(rendered)) {
		if path.Base(template) == "NOTES.txt" {
			continue
		}
		texts, err := policy.Documents(rendered[template])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", template, err)
		}
		for _, text := range texts {
			docs = append(docs, document{template, append(bytes.TrimSpace(text), '\n')})
		}
	}
	return docs, nil
}

// mustRender renders a chart of this directory with a file of testdata/values.
func mustRender(t testing.TB, name, values string) []document {
	t.Helper()
	docs, err := render(load(t, name), readValues(t, values), engine.Engine{})
	if err != nil {
		t.Fatal(err)
	}
	return docs
}

// join writes documents as one stream, each with where it came from.
func join(docs []document) []byte {
	var b bytes.Buffer
	for _, d := range docs {
		fmt.Fprintf(&b, "---\n# Source: %s\n%s", d.template, d.text)
	}
	return b.Bytes()
}

// variant is a chart and the values that a file of testdata/values gives it.
type variant struct{ chart, values string }

// variants lists testdata/values. The name of a file begins with that of its chart.
func variants(t testing.TB) []variant {
	t.Helper()
	files, err := os.ReadDir(filepath.Join("testdata", "values"))
	if err != nil {
		t.Fatal(err)
	}
	var all []variant
	for _, f := range files {
		values := strings.TrimSuffix(f.Name(), ".yaml")
		name, _, _ := strings.Cut(values, "-")
		if _, ok := releases[name]; !ok {
			t.Fatalf("testdata/values/%s: there is no chart %q", f.Name(), name)
		}
		all = append(all, variant{name, values})
	}
	return all
}
