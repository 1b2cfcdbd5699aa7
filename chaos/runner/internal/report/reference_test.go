package report

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// constantsOf reads the values of all constants of a type from the source of
// package result, so that nobody has to remember to list a new one.
func constantsOf(t *testing.T, typeName string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "result", "result.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); !ok || name.Name != typeName {
			return true
		}
		for _, v := range spec.Values {
			literal, ok := v.(*ast.BasicLit)
			if !ok {
				t.Fatalf("a constant of %s is not a literal", typeName)
			}
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, text)
		}
		return true
	})
	return out
}

// Whoever gets a reason looks it up in the reference: it must be there, and what
// is there must exist.
func TestTheReferenceNamesEveryVerdictReasonAndPhase(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "docs", "reference", "verdicts.md"))
	if err != nil {
		t.Fatal(err)
	}
	cells := func(pattern string) []string {
		var out []string
		for _, m := range regexp.MustCompile(`(?m)`+pattern).FindAllSubmatch(text, -1) {
			out = append(out, string(m[1]))
		}
		return out
	}
	reasons := append(
		cells("^\\| `([a-z-]+)` \\| [^`]"),            // of inconclusive: the first column
		cells("^\\| `[a-z]+` \\| `([a-z-]+)` \\|")..., // of the others: the second
	)
	for what, tt := range map[string]struct{ named, exist []string }{
		"verdicts": {cells("^\\| [0-9]+ \\| `([a-z]+)` \\|"), constantsOf(t, "Verdict")},
		"reasons":  {reasons, constantsOf(t, "Reason")},
		"phases":   {cells("^\\| ([a-z-]+) \\| [^-]"), constantsOf(t, "Phase")},
	} {
		if len(tt.exist) < 5 {
			t.Fatalf("%s: only %q were found in the source", what, tt.exist)
		}
		for _, name := range tt.exist {
			if !slices.Contains(tt.named, name) {
				t.Errorf("%s: %q is missing in docs/reference/verdicts.md", what, name)
			}
		}
		for _, name := range tt.named {
			if !slices.Contains(tt.exist, name) && !slices.Contains([]string{"exit", "reason", "verdict", "phase"}, name) { // heads of columns
				t.Errorf("%s: docs/reference/verdicts.md names %q, which does not exist", what, name)
			}
		}
	}
}
