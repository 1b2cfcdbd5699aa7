package fault

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chaos-mesh/chaos-mesh/api/genericwebhook"
	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/ballast-sre/ballast/internal/document"
)

// checker looks for what is wrong with one object.
type checker struct{ document.Checker }

func modes() []string {
	return texts(v1alpha1.OneMode, v1alpha1.AllMode, v1alpha1.FixedMode, v1alpha1.FixedPercentMode, v1alpha1.RandomMaxPercentMode)
}

// selector refuses what Chaos Mesh would admit and then read as more, fewer or
// other pods than its author meant.
func (c *checker) selector(s chosen, obj v1alpha1.InnerObject) {
	at := s.path + ".selector"
	spec := s.pods.Selector
	narrow := len(spec.LabelSelectors) + len(spec.ExpressionSelectors) + len(spec.AnnotationSelectors) +
		len(spec.FieldSelectors) + len(spec.Nodes) + len(spec.NodeSelectors)
	switch {
	case len(spec.Pods) > 0 && c.keys(at) > 1:
		c.Problem(at, "Chaos Mesh ignores every other selector beside pods; delete pods or the others")
	case len(spec.Pods) > 0:
		if count(spec.Pods) == 0 {
			c.Problem(at+".pods", "no pod is named; list names under their namespace")
		}
	case narrow == 0 && !(len(spec.Namespaces) > 0 && !s.primary && directionOf(obj) == v1alpha1.To):
		// The far end of traffic that is shaped elsewhere may be a whole namespace.
		c.Problem(at, "it would select every pod of the namespace; name pods by labelSelectors, pods or another narrow selector")
	}
	if _, err := matcherOf(spec, "default"); err != nil {
		c.Problem(at, "%s", err)
	}
	c.mode(s)
}

// keys is how many keys the mapping at this path has in the file, where
// defaults do not count.
func (c *checker) keys(path string) int {
	n := document.Find(c.Doc.Root, strings.Split(path, ".")...)
	if n == nil {
		return 0
	}
	return len(n.Content) / 2
}

func count(pods map[string][]string) int {
	n := 0
	for _, names := range pods {
		n += len(names)
	}
	return n
}

func directionOf(obj v1alpha1.InnerObject) v1alpha1.Direction {
	if n, ok := obj.(*v1alpha1.NetworkChaos); ok {
		return n.Spec.Direction
	}
	return ""
}

func (c *checker) mode(s chosen) {
	mode, value := s.pods.Mode, s.pods.Value
	switch mode {
	case "":
		c.Problem(s.path+".mode", "missing; give one of %s", strings.Join(modes(), ", "))
	case v1alpha1.OneMode, v1alpha1.AllMode:
		if value != "" {
			c.Problem(s.path+".value", "mode %s takes no value; delete it, or use mode fixed or fixed-percent", mode)
		}
	case v1alpha1.FixedMode:
		if n, err := strconv.Atoi(value); err != nil || n < 1 {
			c.Problem(s.path+".value", "%q is not a number of pods; write a whole number from 1 in quotes: \"2\"", value)
		}
	case v1alpha1.FixedPercentMode, v1alpha1.RandomMaxPercentMode:
		if n, err := strconv.Atoi(value); err != nil || n < 1 || n > 100 {
			c.Problem(s.path+".value", "%q is not a percentage; write a whole number from 1 to 100 in quotes and without %%: \"50\"", value)
		}
	default:
		c.Problem(s.path+".mode", "unknown mode %q%s", mode, document.Suggest(string(mode), modes()))
	}
}

// duration checks what Chaos Mesh admits and then never ends: an empty duration,
// one of zero, and any text in a TimeChaos.
func (c *checker) duration(f Fault) time.Duration {
	p := durationOf(f.Object)
	if p == nil || *p == nil {
		return 0
	}
	const at = "spec.duration"
	if f.OneShot {
		c.Problem(at, "%s happens once and has no duration; delete it", f.Action)
		return 0
	}
	d, err := ParseDuration(**p)
	if err != nil {
		c.Problem(at, "%s", err)
	}
	return d
}

// upstream runs the API's own validation. What was said already about a field,
// in words that hold the mend, is not said twice.
func (c *checker) upstream(obj v1alpha1.InnerObject) {
	for _, err := range genericwebhook.Validate(obj) {
		path := jsonPath(reflect.TypeOf(obj).Elem(), err.Field)
		said := slices.ContainsFunc(c.Problems, func(p Problem) bool { return p.Field == path })
		if !said {
			c.Problem(path, "Chaos Mesh refuses it: %s", detail(err))
		}
	}
}

func detail(err *field.Error) string {
	if err.Detail != "" {
		return err.Detail
	}
	return err.ErrorBody()
}

// jsonPath turns the path that the API's validation reports, which mixes the
// names of Go's fields with those of JSON, into the one that stands in the file.
func jsonPath(t reflect.Type, goPath string) string {
	var out []string
	for step := range strings.SplitSeq(goPath, ".") {
		name, index, indexed := strings.Cut(step, "[")
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		label := name
		if t.Kind() == reflect.Struct {
			if f, ok := t.FieldByName(name); ok {
				t = f.Type
				if label, _, _ = strings.Cut(f.Tag.Get("json"), ","); label == "" && f.Anonymous {
					continue // inlined: it does not show in the file
				}
			}
		}
		if indexed {
			label += "[" + index
		}
		out = append(out, label)
	}
	return strings.Join(out, ".")
}
