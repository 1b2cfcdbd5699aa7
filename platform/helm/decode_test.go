package helm

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"sigs.k8s.io/yaml"

	"github.com/ballast-sre/ballast/platform/policy"
)

// object is what every kind here is.
type object = policy.Object

// scheme knows the kinds that charts may render, and no other.
func scheme(t testing.TB) *runtime.Scheme {
	t.Helper()
	s, err := policy.Scheme()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// decode reads documents into the types that the API server has for them. A kind
// that is not known, a field that does not exist and one that is given twice are
// errors.
func decode(t testing.TB, docs []document) []object {
	t.Helper()
	s := scheme(t)
	var objects []object
	for _, d := range docs {
		o, err := policy.Decode(s, d.text)
		if err != nil {
			t.Errorf("%s: %v\n%s", d.template, err, d.text)
			continue
		}
		objects = append(objects, o)
	}
	return objects
}

// objects renders and decodes a chart with a file of testdata/values.
func objects(t testing.TB, v variant) []object {
	t.Helper()
	return decode(t, mustRender(t, v.chart, v.values))
}

// find returns the object of a type and name, and fails without it.
func find[T object](t testing.TB, all []object, name string) T {
	t.Helper()
	for _, o := range all {
		if typed, ok := o.(T); ok && o.GetName() == name {
			return typed
		}
	}
	var none T
	t.Fatalf("there is no %T %q", none, name)
	return none
}

// of returns all objects of a type.
func of[T object](all []object) []T {
	var some []T
	for _, o := range all {
		if typed, ok := o.(T); ok {
			some = append(some, typed)
		}
	}
	return some
}

func TestEveryDocumentIsWhatTheAPIServerKnows(t *testing.T) {
	for _, v := range variants(t) {
		t.Run(v.values, func(t *testing.T) {
			if len(objects(t, v)) == 0 {
				t.Error("nothing was rendered")
			}
		})
	}
}

func TestTheDecoderRefuses(t *testing.T) {
	tests := map[string]string{
		"a kind that nobody knows":        "apiVersion: v1\nkind: Pond\nmetadata: {name: x}",
		"a version that there is not":     "apiVersion: apps/v2\nkind: Deployment\nmetadata: {name: x}",
		"a field that does not exist":     "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {sort: ClusterIP}",
		"a field in the wrong place":      "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {containers: []}",
		"a field that is given twice":     "apiVersion: v1\nkind: Service\nmetadata: {name: x, name: y}",
		"a number where a list should be": "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {ports: 80}",
		"a field that no monitor has":     "apiVersion: azmonitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata: {name: x}\nspec: {endpoint: []}",
	}
	s := scheme(t)
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, s, s, json.SerializerOptions{Yaml: true, Strict: true})
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			if _, _, err := strict.Decode([]byte(text), nil, nil); err == nil {
				t.Error("it was accepted")
			}
		})
	}
}

func TestEveryObjectSaysWhatItIsAndWhereItIs(t *testing.T) {
	clusterScoped := func(o object) bool {
		switch o.(type) {
		case *rbacv1.ClusterRole, *rbacv1.ClusterRoleBinding:
			return true
		default:
			return false
		}
	}
	// A right is in the namespace of what it is a right to.
	mayBeElsewhere := func(chart string, o object) bool {
		switch o.(type) {
		case *rbacv1.Role, *rbacv1.RoleBinding:
			return chart == "chaos" && slices.Contains([]string{"monitor", "shop", "observability"}, o.GetNamespace())
		default:
			return false
		}
	}
	for _, v := range variants(t) {
		t.Run(v.values, func(t *testing.T) {
			seen := map[string]bool{}
			for _, o := range objects(t, v) {
				id := o.GetObjectKind().GroupVersionKind().Kind + "/" + o.GetNamespace() + "/" + o.GetName()
				if seen[id] {
					t.Errorf("%s is there twice", id)
				}
				seen[id] = true
				namespace := releases[v.chart].namespace
				if clusterScoped(o) {
					namespace = ""
				}
				if o.GetNamespace() != namespace && !mayBeElsewhere(v.chart, o) {
					t.Errorf("%s is in namespace %q, want %q", id, o.GetNamespace(), namespace)
				}
				labels := o.GetLabels()
				for _, key := range []string{
					"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component",
					"app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart",
				} {
					if labels[key] == "" {
						t.Errorf("%s has no label %s", id, key)
					}
				}
				if labels["app.kubernetes.io/part-of"] != "ballast" {
					t.Errorf("%s is no part of ballast", id)
				}
			}
		})
	}
}

// What the API server does not keep as it was written, such as an empty list or an
// amount in other units, differs from then on: to Argo CD it is a change forever.
func TestNothingIsLostOnItsWayThroughTheAPIServer(t *testing.T) {
	for _, v := range variants(t) {
		t.Run(v.values, func(t *testing.T) {
			docs := mustRender(t, v.chart, v.values)
			for i, o := range decode(t, docs) {
				kept, err := yaml.Marshal(o)
				if err != nil {
					t.Fatal(err)
				}
				for _, problem := range lost(parse(t, docs[i].text), parse(t, kept), "") {
					t.Errorf("%s: %s", docs[i].template, problem)
				}
			}
		})
	}
}

func TestALossIsSeen(t *testing.T) {
	tests := map[string]struct{ written, kept, want string }{
		"an empty list":          {"spec: {egress: []}", "spec: {}", "/spec/egress is gone"},
		"an amount":              {"cpu: 1000m", "cpu: '1'", "/cpu was 1000m and is 1"},
		"an element":             {"a: [1, 2]", "a: [1]", "/a had 2 elements and has 1"},
		"something in a list":    {"a: [{b: c}]", "a: [{b: d}]", "/a/0/b was c and is d"},
		"nothing":                {"a: {b: [1]}", "a: {b: [1]}", ""},
		"what was added is fine": {"a: 1", "{a: 1, status: {}}", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := lost(parse(t, []byte(tt.written)), parse(t, []byte(tt.kept)), "")
			if strings.Join(got, "; ") != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func parse(t *testing.T, text []byte) any {
	t.Helper()
	var content any
	if err := yaml.Unmarshal(text, &content); err != nil {
		t.Fatal(err)
	}
	return content
}

// lost returns what of a written value is not in what was kept of it.
func lost(written, kept any, path string) []string {
	switch written := written.(type) {
	case map[string]any:
		other, ok := kept.(map[string]any)
		if !ok {
			return []string{path + " is gone"}
		}
		var problems []string
		for _, key := range slices.Sorted(maps.Keys(written)) {
			value, ok := other[key]
			if !ok {
				problems = append(problems, path+"/"+key+" is gone")
				continue
			}
			problems = append(problems, lost(written[key], value, path+"/"+key)...)
		}
		return problems
	case []any:
		other, ok := kept.([]any)
		if !ok || len(other) != len(written) {
			return []string{fmt.Sprintf("%s had %d elements and has %d", path, len(written), len(other))}
		}
		var problems []string
		for i := range written {
			problems = append(problems, lost(written[i], other[i], fmt.Sprintf("%s/%d", path, i))...)
		}
		return problems
	default:
		if written != kept {
			return []string{fmt.Sprintf("%s was %v and is %v", path, written, kept)}
		}
		return nil
	}
}
