// Package terraform checks the modules and environments on every run, without a provider:
// against the recorded schema of the real one, against each other, and against the files that
// use the same names. `make terraform-check` does the rest with the provider itself.
package terraform

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// source is the directory of one module or root.
type source struct {
	dir       string // from here
	resources []*hclsyntax.Block
	calls     map[string]*hclsyntax.Block // modules that it calls
	variables map[string]*hclsyntax.Block
	outputs   map[string]*hclsyntax.Block
	blocks    []*hclsyntax.Block
	body      []*hclsyntax.Body
}

// read parses all files of a directory.
func read(dir string) (source, error) {
	s := source{dir: dir, calls: map[string]*hclsyntax.Block{}, variables: map[string]*hclsyntax.Block{}, outputs: map[string]*hclsyntax.Block{}}
	files, err := filepath.Glob(filepath.Join(dir, "*.tf"))
	if err != nil {
		return s, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return s, err
		}
		parsed, diags := hclsyntax.ParseConfig(text, file, hcl.InitialPos)
		if diags.HasErrors() {
			return s, diags
		}
		body, ok := parsed.Body.(*hclsyntax.Body)
		if !ok {
			return s, fmt.Errorf("%s is not in the native syntax of HCL", file)
		}
		s.body = append(s.body, body)
		for _, b := range body.Blocks {
			s.blocks = append(s.blocks, b)
			switch b.Type {
			case "resource", "data":
				s.resources = append(s.resources, b)
			case "module":
				s.calls[b.Labels[0]] = b
			case "variable":
				s.variables[b.Labels[0]] = b
			case "output":
				s.outputs[b.Labels[0]] = b
			}
		}
	}
	return s, nil
}

// sources are all modules and roots below a directory, by their paths from it.
func sources(t *testing.T, root string) map[string]source {
	t.Helper()
	all := map[string]source{}
	for _, pattern := range []string{"modules/*", "environments/*"} {
		dirs, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range dirs {
			s, err := read(dir)
			if err != nil {
				t.Fatal(err)
			}
			name, err := filepath.Rel(root, dir)
			if err != nil {
				t.Fatal(err)
			}
			all[filepath.ToSlash(name)] = s
		}
	}
	if len(all) < 10 {
		t.Fatalf("only %d modules and environments were found", len(all))
	}
	return all
}

// text is the value of an attribute that is a plain text.
func text(body *hclsyntax.Body, name string) string {
	a, ok := body.Attributes[name]
	if !ok {
		return ""
	}
	v, diags := a.Expr.Value(nil)
	if diags.HasErrors() || v.Type().FriendlyName() != "string" {
		return ""
	}
	return v.AsString()
}

// references are what the expressions of a body refer to, as var.name or module.name.output.
func references(bodies []*hclsyntax.Body) []string {
	var all []string
	for _, body := range bodies {
		walk := func(n hclsyntax.Node) hcl.Diagnostics {
			e, ok := n.(*hclsyntax.ScopeTraversalExpr)
			if !ok {
				return nil
			}
			var parts []string
			for _, step := range e.Traversal {
				switch step := step.(type) {
				case hcl.TraverseRoot:
					parts = append(parts, step.Name)
				case hcl.TraverseAttr:
					parts = append(parts, step.Name)
				}
			}
			all = append(all, strings.Join(parts, "."))
			return nil
		}
		_ = hclsyntax.VisitAll(body, walk)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
