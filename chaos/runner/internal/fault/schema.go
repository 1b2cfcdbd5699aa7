package fault

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"go.yaml.in/yaml/v3"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/ballast-sre/ballast/internal/document"
)

// schemaJSON holds, by kind, the schema of the spec in Chaos Mesh's definitions:
// what the API server checks, and the API's own code does not. tools/crd-schema
// writes it from the API at the version that go.mod pins.
//
//go:embed schema.json
var schemaJSON []byte

//nolint:gochecknoglobals // A cache of what is embedded.
var schemas = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	var raw map[string]any
	if err := json.Unmarshal(schemaJSON, &raw); err != nil {
		return nil, fmt.Errorf("embedded schemas: %w", err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("chaos-mesh.json", raw); err != nil {
		return nil, fmt.Errorf("embedded schemas: %w", err)
	}
	out := map[string]*jsonschema.Schema{}
	for name := range raw {
		compiled, err := compiler.Compile("chaos-mesh.json#/" + name)
		if err != nil {
			return nil, fmt.Errorf("embedded schema of %s: %w", name, err)
		}
		out[name] = compiled
	}
	return out, nil
})

// schema checks the document as it is written against the definition of its kind.
// What was said already about a field is not said twice.
func (c *checker) schema(kindName string) {
	all, err := schemas()
	if err != nil {
		c.Problem("", "%s", err)
		return
	}
	of, known := all[kindName]
	spec := document.Find(c.Doc.Root, "spec")
	if !known || spec == nil {
		return
	}
	var invalid *jsonschema.ValidationError
	if !errors.As(of.Validate(given(spec)), &invalid) {
		return
	}
	found := leaves(invalid)
	// The library visits fields in the order of a map.
	slices.SortFunc(found, func(a, b *jsonschema.ValidationError) int {
		return slices.Compare(a.InstanceLocation, b.InstanceLocation)
	})
	for _, leaf := range found {
		c.violation(leaf)
	}
}

func (c *checker) violation(e *jsonschema.ValidationError) {
	at := specPath(e.InstanceLocation)
	say := func(path, format string, args ...any) {
		said := slices.ContainsFunc(c.Problems, func(p Problem) bool { return p.Field == path })
		if !said {
			c.Problem(path, format, args...)
		}
	}
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			say(at+"."+name, "missing; the API server refuses a %s object without it", c.Doc.Value("kind"))
		}
	case *kind.Enum:
		known := make([]string, 0, len(k.Want))
		for _, w := range k.Want {
			known = append(known, fmt.Sprint(w))
		}
		got := document.Shorten(fmt.Sprint(k.Got))
		say(at, "unknown value %q%s", got, document.Suggest(got, known))
	default:
		say(at, "is refused by the API server: %s", e.ErrorKind.LocalizedString(message.NewPrinter(language.English)))
	}
}

// leaves are the violations themselves, without the groups that they stand in.
func leaves(e *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(e.Causes) == 0 {
		return []*jsonschema.ValidationError{e}
	}
	var out []*jsonschema.ValidationError
	for _, cause := range e.Causes {
		out = append(out, leaves(cause)...)
	}
	return out
}

func specPath(location []string) string {
	var b strings.Builder
	b.WriteString("spec")
	for _, step := range location {
		if _, err := strconv.Atoi(step); err == nil {
			b.WriteString("[" + step + "]")
		} else {
			b.WriteString("." + step)
		}
	}
	return b.String()
}

// given is the value of a node without what is written as nothing, which the API
// server leaves out, too. The library's own decoder compares each key with every
// other.
func given(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		out := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			if value := given(n.Content[i+1]); value != nil {
				out[n.Content[i].Value] = value
			}
		}
		return out
	case yaml.SequenceNode:
		out := make([]any, 0, len(n.Content))
		for _, item := range n.Content {
			out = append(out, given(item))
		}
		return out
	}
	var value any
	if err := n.Decode(&value); err != nil {
		return n.Value
	}
	if _, ok := value.(time.Time); ok {
		return n.Value // a date is text there
	}
	return value
}
