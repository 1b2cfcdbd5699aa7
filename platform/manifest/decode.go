package manifest

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/platform/policy"
)

// Object is one object, and the template that printed it.
type Object struct {
	policy.Object
	Template string
}

// Kind is the object's kind and name, for messages.
func (o Object) Kind() string {
	return o.GetObjectKind().GroupVersionKind().Kind + " " + o.GetName()
}

// Decode reads what templates printed into the types that the API server has. A problem's
// file is the template.
func Decode(scheme *runtime.Scheme, texts map[string]string) ([]Object, []document.Problem) {
	var (
		all      []Object
		problems []document.Problem
	)
	for _, template := range slices.Sorted(maps.Keys(texts)) {
		if path.Base(template) == "NOTES.txt" {
			continue
		}
		say := func(format string, args ...any) {
			problems = append(problems, document.Problem{File: template, Message: fmt.Sprintf(format, args...)})
		}
		docs, broken := policy.Documents(texts[template])
		for _, doc := range docs {
			o, err := policy.Decode(scheme, doc)
			if err != nil {
				say("the API server would not take it as it is meant: %s", strings.Join(strings.Fields(err.Error()), " "))
				continue
			}
			all = append(all, Object{o, template})
		}
		if broken != nil {
			say("it prints no YAML: %v", broken)
		}
	}
	return all, problems
}
