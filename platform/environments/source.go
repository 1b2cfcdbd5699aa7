package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// module is the directory of a Terraform module, as it is written.
type module struct {
	dir       string
	variables map[string]*hclsyntax.Body
	outputs   map[string]*hclsyntax.Body
	calls     map[string]*hclsyntax.Body
	resources map[[2]string]*hclsyntax.Body // by type and name
}

// readModule parses all files of a directory.
func readModule(dir string) (*module, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.tf"))
	if err != nil || len(files) == 0 {
		return nil, errors.Join(fmt.Errorf("%s holds no Terraform", dir), err)
	}
	m := &module{
		dir: dir, variables: map[string]*hclsyntax.Body{}, outputs: map[string]*hclsyntax.Body{},
		calls: map[string]*hclsyntax.Body{}, resources: map[[2]string]*hclsyntax.Body{},
	}
	for _, file := range files {
		body, err := parseHCL(file)
		if err != nil {
			return nil, err
		}
		for _, b := range body.Blocks {
			switch {
			case b.Type == "variable" && len(b.Labels) == 1:
				m.variables[b.Labels[0]] = b.Body
			case b.Type == "output" && len(b.Labels) == 1:
				m.outputs[b.Labels[0]] = b.Body
			case b.Type == "module" && len(b.Labels) == 1:
				m.calls[b.Labels[0]] = b.Body
			case b.Type == "resource" && len(b.Labels) == 2:
				m.resources[[2]string{b.Labels[0], b.Labels[1]}] = b.Body
			}
		}
	}
	return m, nil
}

func parseHCL(file string) (*hclsyntax.Body, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read Terraform: %w", err)
	}
	parsed, diags := hclparse.NewParser().ParseHCL(text, file)
	if diags.HasErrors() {
		return nil, fmt.Errorf("read Terraform: %w", diags)
	}
	body, ok := parsed.Body.(*hclsyntax.Body)
	if !ok {
		return nil, fmt.Errorf("%s is no native syntax of HCL", file)
	}
	return body, nil
}

// readMocks returns what a provider that is not asked anything says of itself, by type: the
// file that `terraform test` uses.
func readMocks(file string) (map[string]cty.Value, error) {
	body, err := parseHCL(file)
	if err != nil {
		return nil, err
	}
	mocks := map[string]cty.Value{}
	for _, b := range body.Blocks {
		a := b.Body.Attributes["defaults"]
		if b.Type != "mock_resource" || a == nil {
			continue
		}
		v, err := literal(a.Expr)
		if err != nil {
			return nil, err
		}
		mocks[b.Labels[0]] = v
	}
	return mocks, nil
}

// readValues returns the values of a file of variables.
func readValues(file string) (map[string]cty.Value, error) {
	body, err := parseHCL(file)
	if err != nil {
		return nil, err
	}
	values := map[string]cty.Value{}
	for name, a := range body.Attributes {
		if values[name], err = literal(a.Expr); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func literal(e hcl.Expression) (cty.Value, error) {
	v, diags := e.Value(nil)
	if diags.HasErrors() {
		return v, fmt.Errorf("read Terraform: %w", diags)
	}
	return v, nil
}
