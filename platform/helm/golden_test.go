package helm

import (
	"bytes"
	"flag"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v4/pkg/engine"

	"github.com/ballast-sre/ballast/tests/golden"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func compare(t *testing.T, name string, got []byte) {
	t.Helper()
	golden.Compare(t, filepath.Join("testdata", "golden", name+".yaml"), string(got), *update)
}

func TestChartsRenderAsInTheirGoldenFiles(t *testing.T) {
	for _, v := range variants(t) {
		t.Run(v.values, func(t *testing.T) {
			docs := mustRender(t, v.chart, v.values)
			for i := range docs {
				docs[i] = withoutText(docs[i])
			}
			compare(t, v.values, join(docs))
		})
	}
}

// withoutText leaves the text of alerting rules and dashboards out, which would be in
// every golden file once more. Tests of their own compare them with their sources.
func withoutText(d document) document {
	var field, source string
	switch path.Base(d.template) {
	case "rules.yaml":
		field, source = "spec:", "alerts/rules/prometheus"
	case "dashboards.yaml":
		field, source = "data:", "dashboards"
	default:
		return d
	}
	head, _, _ := bytes.Cut(d.text, []byte("\n"+field))
	return document{d.template, append(bytes.Clone(head), "\n# "+field+" as in "+source+"\n"...)}
}

func TestEveryGoldenFileHasItsValues(t *testing.T) {
	files, err := os.ReadDir(filepath.Join("testdata", "golden"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, err := os.Stat(filepath.Join("testdata", "values", f.Name())); err != nil {
			t.Errorf("testdata/golden/%s is left over: %v", f.Name(), err)
		}
	}
}

// Argo CD renders at every comparison. What came out differently each time would
// be a change each time.
func TestRenderingTwiceGivesTheSameBytes(t *testing.T) {
	for _, v := range variants(t) {
		t.Run(v.values, func(t *testing.T) {
			first := join(mustRender(t, v.chart, v.values))
			if d := cmp.Diff(string(first), string(join(mustRender(t, v.chart, v.values)))); d != "" {
				t.Errorf("(-first +second):\n%s", d)
			}
		})
	}
}

// Helm takes a value that does not exist for an empty one, so a misspelt name is
// silent. The strict engine fails on it.
func TestNoTemplateReadsAValueThatDoesNotExist(t *testing.T) {
	for _, v := range variants(t) {
		t.Run(v.values, func(t *testing.T) {
			strict, err := render(load(t, v.chart), readValues(t, v.values), engine.Engine{Strict: true})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(join(mustRender(t, v.chart, v.values))), string(join(strict))); d != "" {
				t.Errorf("(-lenient +strict):\n%s", d)
			}
		})
	}
}

func TestNoLineOfARenderedChartEndsInSpaces(t *testing.T) {
	for _, v := range variants(t) {
		t.Run(v.values, func(t *testing.T) {
			for _, d := range mustRender(t, v.chart, v.values) {
				for line := range strings.Lines(string(d.text)) {
					line = strings.TrimSuffix(line, "\n")
					if strings.TrimRight(line, " \t") != line {
						t.Errorf("%s: %q", d.template, line)
					}
				}
			}
		})
	}
}
