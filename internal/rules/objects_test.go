package rules

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/rulefmt"
	"go.yaml.in/yaml/v3"
)

// object is a PrometheusRule, as far as this project fills it.
type object struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct{ Name, Namespace string }
	Spec       rulefmt.RuleGroups
}

func decodeObjects(t *testing.T, text []byte) []object {
	t.Helper()
	var out []object
	documents := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var o object
		err := documents.Decode(&o)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, o)
	}
}

func TestObjectsHoldTheRulesOfTheFiles(t *testing.T) {
	files, err := ruleFiles(alertsDir, loadSLOs(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, namespace := range []string{"", "observability"} {
		text, err := Objects(alertsDir, namespace, Options{})
		if err != nil {
			t.Fatal(err)
		}
		objects := decodeObjects(t, text)
		if len(objects) != len(files) {
			t.Errorf("%d objects, want one for each of %d files", len(objects), len(files))
		}
		for _, o := range objects {
			var want rulefmt.RuleGroups
			if err := yaml.Unmarshal(files["rules/prometheus/"+o.Metadata.Name+".yaml"], &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, o.Spec); diff != "" || len(want.Groups) == 0 {
				t.Errorf("%s holds other rules than its file:\n%s", o.Metadata.Name, diff)
			}
			if o.APIVersion != "monitoring.coreos.com/v1" || o.Kind != "PrometheusRule" || o.Metadata.Namespace != namespace {
				t.Errorf("%s %s in namespace %q, want a PrometheusRule of monitoring.coreos.com/v1 in %q", o.APIVersion, o.Kind, o.Metadata.Namespace, namespace)
			}
		}
	}
}

func TestObjectsRefuseNamesThatNoneCanHave(t *testing.T) {
	const rule = "groups: [{name: %, rules: [{alert: %Up, expr: up == 0, labels: {severity: ticket}, annotations: {summary: down}}]}]\n"
	tests := map[string]struct {
		files []string
		want  string
	}{
		"an underscore":                 {[]string{"a_b.yaml"}, `"resource-a_b" cannot be the name of a PrometheusRule`},
		"two files that differ in .yml": {[]string{"a.yaml", "a.yml"}, "PrometheusRule resource-a would be made of rules/prometheus/resource-a.yaml, too"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, sub := range []string{"slo", "resource"} {
				if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			for i, file := range tt.files {
				text := strings.ReplaceAll(rule, "%", string(rune('a'+i)))
				if err := os.WriteFile(filepath.Join(dir, "resource", file), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Objects(dir, "", Options{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
