package result

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
	validate "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/ballast-sre/ballast/tests/golden"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const module = "github.com/ballast-sre/ballast/chaos/runner/internal/result"

var published = filepath.Join("..", "..", "..", "..", "docs", "report.schema.json")

// schema derives the document from the types, their comments and their
// constants, so that none of the three can drift from what is published.
func schema(t *testing.T) []byte {
	t.Helper()
	enums := constants(t)
	r := jsonschema.Reflector{
		Mapper: func(typ reflect.Type) *jsonschema.Schema {
			if typ == reflect.TypeFor[Number]() {
				return &jsonschema.Schema{
					OneOf:       []*jsonschema.Schema{{Type: "number"}, {Type: "string", Enum: []any{"NaN", "+Inf", "-Inf"}}},
					Description: "A measured value.",
				}
			}
			values, ok := enums[typ.Name()]
			if !ok || typ.PkgPath() != module {
				return nil
			}
			return &jsonschema.Schema{Type: "string", Enum: values}
		},
	}
	if err := r.AddGoComments(module, ".", jsonschema.WithFullComment()); err != nil {
		t.Fatal(err)
	}
	s := r.Reflect(&Report{})
	s.ID = "https://ballast.dev/schemas/report-v2.json"
	s.Title = "Ballast report"
	if version, ok := s.Definitions["Report"].Properties.Get("version"); ok {
		version.Const = Version
	}
	unwrap(s)
	out, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(out, '\n')
}

// unwrap joins the lines of comments.
func unwrap(s *jsonschema.Schema) {
	s.Description = strings.ReplaceAll(s.Description, "\n", " ")
	for _, def := range s.Definitions {
		unwrap(def)
	}
	if s.Properties == nil {
		return
	}
	for pair := s.Properties.Oldest(); pair != nil; pair = pair.Next() {
		unwrap(pair.Value)
	}
}

// constants returns the values of every typed string constant of this package.
func constants(t *testing.T) map[string][]any {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]any{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			typ, named := spec.Type.(*ast.Ident)
			value, literal := spec.Values[0].(*ast.BasicLit)
			if named && literal {
				s, err := strconv.Unquote(value.Value)
				if err != nil {
					t.Fatal(err)
				}
				out[typ.Name] = append(out[typ.Name], s)
			}
			return true
		})
	}
	return out
}

func TestGoldenThePublishedSchemaIsCurrent(t *testing.T) {
	golden.Compare(t, published, string(schema(t)), *update)
}

func compiled(t *testing.T) *validate.Schema {
	t.Helper()
	data, err := os.ReadFile(published)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := validate.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := validate.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("report.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("report.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReportsValidateAgainstThePublishedSchema(t *testing.T) {
	s := compiled(t)
	valid := func(r Report) error {
		var buf bytes.Buffer
		if err := Encode(&buf, r); err != nil {
			t.Fatal(err)
		}
		doc, err := validate.UnmarshalJSON(&buf)
		if err != nil {
			t.Fatal(err)
		}
		return s.Validate(doc)
	}
	skipped := full()
	skipped.Experiments = []Run{{Name: "x", Judgment: Judgment{Verdict: Inconclusive, Reason: Skipped}}}
	for name, r := range map[string]Report{
		"everything set":         full(),
		"a run that never began": skipped,
		"nothing run":            {Version: Version, Verdict: Inconclusive},
	} {
		if err := valid(r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}

	broken := map[string]func(*Report){
		"an unknown verdict": func(r *Report) { r.Verdict = "green" },
		"another version":    func(r *Report) { r.Version = "v2" },
		"an unknown reason":  func(r *Report) { r.Experiments[0].Reason = "bad-luck" },
		"an unknown phase":   func(r *Report) { r.Experiments[0].Phases[0].Phase = "lunch" },
	}
	for name, change := range broken {
		r := full()
		change(&r)
		if err := valid(r); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestEveryVerdictIsRanked(t *testing.T) {
	for _, v := range constants(t)["Verdict"] {
		name, ok := v.(string)
		if !ok || !slices.Contains(Verdicts(), Verdict(name)) {
			t.Errorf("verdict %q is not ranked in Verdicts", v)
		}
	}
}
