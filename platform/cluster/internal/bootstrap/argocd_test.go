package bootstrap

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// object is a manifest with a name and, when it has one, the label by which its part
// is known.
func object(name, part string) string {
	text := "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: " + name + "\n"
	if part != "" {
		text += "  labels:\n    app.kubernetes.io/name: " + part + "\n"
	}
	return text
}

// documents are the manifests of a stream, each as the objects that it holds.
func documents(t *testing.T, text []byte) []map[string]any {
	t.Helper()
	var all []map[string]any
	for part := range strings.SplitSeq("\n"+string(text), "\n---\n") {
		var one map[string]any
		if err := yaml.UnmarshalStrict([]byte(part), &one); err != nil {
			t.Fatalf("%v: %s", err, part)
		}
		if len(one) > 0 {
			all = append(all, one)
		}
	}
	return all
}

// value reads what the keys lead to.
func value(from map[string]any, keys ...string) any {
	var v any = from
	for _, key := range keys {
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = object[key]
	}
	return v
}

func TestWhatStaysOfTheManifests(t *testing.T) {
	tests := map[string]struct {
		manifests []string
		want      []string // names
	}{
		"all that is of no part named":          {[]string{object("argocd-server", "argocd-server"), object("argocd-cm", "")}, []string{"argocd-server", "argocd-cm"}},
		"nothing whose label names the part":    {[]string{object("other", "argocd-dex-server"), object("argocd-cm", "")}, []string{"argocd-cm"}},
		"nothing whose name is the part":        {[]string{object("argocd-dex-server", ""), object("argocd-cm", "")}, []string{"argocd-cm"}},
		"nothing whose name begins with it":     {[]string{object("argocd-notifications-controller", ""), object("argocd-notifications-cm", "argocd-cm")}, nil},
		"a name that only has it somewhere":     {[]string{object("no-argocd-dex-server", "")}, []string{"no-argocd-dex-server"}},
		"a label that only begins with it":      {[]string{object("x", "argocd-dex-server-2")}, []string{"x"}},
		"a label of another kind":               {[]string{"kind: ConfigMap\nmetadata: {name: x, labels: {app.kubernetes.io/part-of: argocd-dex-server}}\n"}, []string{"x"}},
		"one between documents that are empty":  {[]string{"", "# a comment\n", object("argocd-cm", ""), "\n"}, []string{"argocd-cm"}},
		"one without a name":                    {[]string{"kind: List\nitems: []\n"}, []string{"<nil>"}},
		"nothing of nothing":                    {nil, nil},
		"one that is written as JSON":           {[]string{`{"kind": "ConfigMap", "metadata": {"name": "x"}}`}, []string{"x"}},
		"their order, whatever is left out":     {[]string{object("b", ""), object("argocd-dex-server", ""), object("a", "")}, []string{"b", "a"}},
		"a document that is longer than others": {[]string{object("long", "") + "data: {text: " + strings.Repeat("x", 1<<16) + "}\n", object("b", "")}, []string{"long", "b"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			out, err := edited(strings.NewReader(strings.Join(tt.manifests, "\n---\n")), withoutParts("argocd-dex-server", "argocd-notifications"))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range documents(t, out) {
				got = append(got, fmt.Sprint(value(d, "metadata", "name")))
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// What stays goes through a decoder and an encoder. Numbers are what they lose first.
func TestWhatStaysIsNotChanged(t *testing.T) {
	const manifest = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: applications.argoproj.io}
spec:
  int: 2147483647
  long: 9007199254740991
  fraction: 0.5
  yes: true
  text: "1e3"
  quoted: "true"
  empty: ""
  nothing: null
  list: [1, "2", {three: 3}]
  lines: |
    one
    two
`
	out, err := edited(strings.NewReader(manifest), withoutParts("argocd-dex-server"), slim)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(documents(t, []byte(manifest)), documents(t, out)); d != "" {
		t.Errorf("(-before +after):\n%s", d)
	}
	for _, want := range []string{"  int: 2147483647\n", "  long: 9007199254740991\n"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not in:\n%s", want, out)
		}
	}
}

// What explains fields to people is most of a definition, and an API server keeps it
// several times.
func TestDefinitionsLoseTheirDescriptions(t *testing.T) {
	const text = `kind: %s
metadata: {name: x, annotations: {description: of the object}}
spec:
  versions:
    - schema:
        description: of all
        required: [description]
        properties:
          description: {type: string, description: of a property with this name}
          list: {items: [{description: of an item, type: string}]}
          deep: {properties: {description: {properties: {description: {type: string}}}}}
`
	const without = `kind: CustomResourceDefinition
metadata: {name: x, annotations: {description: of the object}}
spec:
  versions:
    - schema:
        required: [description]
        properties:
          description: {type: string}
          list: {items: [{type: string}]}
          deep: {properties: {description: {properties: {description: {type: string}}}}}
`
	for kind, want := range map[string]string{"CustomResourceDefinition": without, "Rule": fmt.Sprintf(text, "Rule")} {
		t.Run(kind, func(t *testing.T) {
			out, err := edited(strings.NewReader(fmt.Sprintf(text, kind)), slim)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(documents(t, []byte(want)), documents(t, out)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestManifestsThatCannotBeRead(t *testing.T) {
	failed := errors.New("no")
	if _, err := edited(iotest.ErrReader(failed)); !errors.Is(err, failed) {
		t.Errorf("a reader that fails: %v", err)
	}
	for name, text := range map[string]string{
		"a mapping that is not closed":     "kind: {",
		"a tab where spaces belong":        "kind:\n\t- x",
		"a list where an object belongs":   "- kind: ConfigMap\n",
		"a text where an object belongs":   "ConfigMap\n",
		"a second document that is broken": object("x", "") + "\n---\nkind: [",
	} {
		t.Run(name, func(t *testing.T) {
			if out, err := edited(strings.NewReader(text)); err == nil || !strings.HasPrefix(err.Error(), "manifests: ") || len(out) > 0 {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// An edit sees what those before it left, and nothing that they let go.
func TestEditsAreAppliedInTurn(t *testing.T) {
	var seen []string
	watch := func(object *unstructured.Unstructured) (bool, error) {
		seen = append(seen, object.GetName()+" "+fmt.Sprint(value(object.Object, "spec", "template", "metadata", "annotations", "ballast.dev/settings")))
		return true, nil
	}
	text := "kind: Deployment\nmetadata: {name: gone}\n---\nkind: Deployment\nmetadata: {name: kept}\n"
	out, err := edited(strings.NewReader(text), withoutParts("gone"), stamped("m1"), watch)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"kept m1"}, seen); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if n := len(documents(t, out)); n != 1 {
		t.Errorf("%d objects stay, want 1:\n%s", n, out)
	}
}

func TestASettingHasOneManager(t *testing.T) {
	const (
		upstream = "kind: ConfigMap\nmetadata: {name: argocd-cm}\ndata: {exclusions: upstream, other: kept}\n" +
			"---\nkind: ConfigMap\nmetadata: {name: argocd-rbac-cm}\ndata: {exclusions: another}\n" +
			"---\nkind: Secret\nmetadata: {name: argocd-cm}\ndata: {exclusions: secret}\n"
		settings = "kind: ConfigMap\nmetadata: {name: argocd-cm}\ndata: {exclusions: ours, new: ours}\n"
	)
	yield, err := yielding([]byte(settings))
	if err != nil {
		t.Fatal(err)
	}
	got, err := edited(strings.NewReader(upstream), yield)
	if err != nil {
		t.Fatal(err)
	}
	var data []any
	for _, d := range documents(t, got) {
		data = append(data, value(d, "data"))
	}
	want := []any{map[string]any{"other": "kept"}, map[string]any{"exclusions": "another"}, map[string]any{"exclusions": "secret"}}
	if d := cmp.Diff(want, data); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, sick := range []string{"kind: [", "kind: ConfigMap\ndata: text\n"} {
		if _, err := yielding([]byte(sick)); err == nil {
			t.Errorf("settings %q are read", sick)
		}
	}
}

func TestPodsOfWorkloadsAreMarked(t *testing.T) {
	const manifests = `apiVersion: apps/v1
kind: Deployment
metadata: {name: with}
spec: {template: {metadata: {annotations: {a: b}}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: without}
---
apiVersion: v1
kind: Service
metadata: {name: beside}
`
	got, err := edited(strings.NewReader(manifests), stamped("m1"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(got), "ballast.dev/settings: m1"); n != 2 {
		t.Errorf("%d are marked, want the two workloads:\n%s", n, got)
	}
	if !strings.Contains(string(got), "a: b") {
		t.Errorf("an annotation got lost:\n%s", got)
	}
	if _, err := edited(strings.NewReader("kind: Deployment\nmetadata: {name: odd}\nspec: 7\n"), stamped("m1")); err == nil || !strings.Contains(err.Error(), "Deployment odd") {
		t.Errorf("one that cannot be marked: %v", err)
	}
}

func TestWhoAsksForNoShareGetsOne(t *testing.T) {
	const manifests = `apiVersion: apps/v1
kind: Deployment
metadata: {name: both}
spec:
  template:
    spec:
      containers:
        - name: silent
          resources: {limits: {memory: 1Gi}}
        - name: modest
          resources: {requests: {cpu: 7m}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: beside}
spec: {template: {spec: {containers: [{name: short}]}}}
`
	got, err := edited(strings.NewReader(manifests), requesting("50m"))
	if err != nil {
		t.Fatal(err)
	}
	docs := documents(t, got)
	containers, ok := value(docs[0], "spec", "template", "spec", "containers").([]any)
	if !ok || len(containers) != 2 {
		t.Fatalf("two containers are wanted:\n%s", got)
	}
	for i, want := range []string{"50m", "7m"} {
		container, ok := containers[i].(map[string]any)
		if !ok || value(container, "resources", "requests", "cpu") != want {
			t.Errorf("container %d is %v, want that it asks for %s", i, containers[i], want)
		}
	}
	if !strings.Contains(string(got), "memory: 1Gi") || strings.Count(string(got), "cpu:") != 2 {
		t.Errorf("something got lost, or somebody else asks too:\n%s", got)
	}
	for what, spec := range map[string]string{
		"containers that are no list": "{template: {spec: {containers: 7}}}",
		"a container that is none":    "{template: {spec: {containers: [7]}}}",
		"resources that are a word":   "{template: {spec: {containers: [{resources: many}]}}}",
	} {
		if _, err := edited(strings.NewReader("kind: Deployment\nmetadata: {name: odd}\nspec: "+spec+"\n"), requesting("50m")); err == nil || !strings.Contains(err.Error(), "Deployment odd") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
