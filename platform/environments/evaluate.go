package main

import (
	"fmt"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// scope is a module with the values that its caller gives it. Expressions are evaluated as far
// as somebody asks for them, so that only what leads to an output needs a mock.
type scope struct {
	*module
	caller *scope               // nil: a root
	call   string               // by this name
	values map[string]cty.Value // of a root
	mocks  map[string]cty.Value
}

// functions are those of Terraform that outputs use.
func functions() map[string]function.Function {
	return map[string]function.Function{
		"jsonencode": stdlib.JSONEncodeFunc,
		"yamlencode": stdlib.JSONEncodeFunc, // JSON is YAML, too
		"length":     stdlib.LengthFunc,
		"merge":      stdlib.MergeFunc,
	}
}

// eval returns the value of an expression.
func (s *scope) eval(e hcl.Expression) (cty.Value, error) {
	found := map[string]map[string]cty.Value{}
	put := func(root, name string, v cty.Value) {
		if found[root] == nil {
			found[root] = map[string]cty.Value{}
		}
		found[root][name] = v
	}
	modules := map[string]map[string]cty.Value{}
	for _, t := range e.Variables() {
		root, name := t.RootName(), step(t, 1)
		var err error
		var v cty.Value
		switch root {
		case "var":
			v, err = s.variable(name)
		case "module":
			output := step(t, 2)
			if modules[name] == nil {
				modules[name] = map[string]cty.Value{}
			}
			if modules[name][output], err = s.output(name, output); err == nil {
				v = cty.ObjectVal(modules[name])
			}
		default:
			v, err = s.resource(root, name)
		}
		if err != nil {
			return cty.NilVal, err
		}
		put(root, name, v)
	}
	ctx := &hcl.EvalContext{Functions: functions(), Variables: map[string]cty.Value{}}
	for root, of := range found {
		ctx.Variables[root] = cty.ObjectVal(of)
	}
	v, diags := e.Value(ctx)
	if diags.HasErrors() {
		return cty.NilVal, fmt.Errorf("evaluate Terraform: %w", diags)
	}
	return v, nil
}

// step is a name that a reference goes through.
func step(t hcl.Traversal, n int) string {
	if len(t) > n {
		if a, ok := t[n].(hcl.TraverseAttr); ok {
			return a.Name
		}
	}
	return ""
}

// variable is what the caller gives, or the default.
func (s *scope) variable(name string) (cty.Value, error) {
	declared := s.variables[name]
	if declared == nil {
		return cty.NilVal, fmt.Errorf("%s: there is no variable %s", s.dir, name)
	}
	if s.caller != nil {
		if a := s.caller.calls[s.call].Attributes[name]; a != nil {
			return s.caller.eval(a.Expr)
		}
	} else if v, ok := s.values[name]; ok {
		return v, nil
	}
	if a := declared.Attributes["default"]; a != nil {
		return literal(a.Expr)
	}
	return cty.NilVal, fmt.Errorf("%s: nothing gives the variable %s a value", s.dir, name)
}

// resource is what a mocked provider says of it. What is written of it is not looked at: an
// output of that would be no placeholder.
func (s *scope) resource(kind, name string) (cty.Value, error) {
	if s.resources[[2]string{kind, name}] == nil {
		return cty.NilVal, fmt.Errorf("%s: there is no resource %s.%s", s.dir, kind, name)
	}
	v, ok := s.mocks[kind]
	if !ok {
		return cty.NilVal, fmt.Errorf("%s: %s.%s is asked for, and the mocks have no %s; add it to platform/terraform/mocks", s.dir, kind, name, kind)
	}
	return v, nil
}

// enter returns the scope of a module that is called here.
func (s *scope) enter(name string) (*scope, error) {
	call := s.calls[name]
	if call == nil {
		return nil, fmt.Errorf("%s: no module is called %s", s.dir, name)
	}
	a := call.Attributes["source"]
	if a == nil {
		return nil, fmt.Errorf("%s: module %s is from nowhere", s.dir, name)
	}
	v, err := literal(a.Expr)
	if err != nil {
		return nil, err
	}
	m, err := readModule(filepath.Join(s.dir, v.AsString()))
	if err != nil {
		return nil, err
	}
	return &scope{module: m, caller: s, call: name, mocks: s.mocks}, nil
}

// output is what a module that is called here says.
func (s *scope) output(of, name string) (cty.Value, error) {
	inner, err := s.enter(of)
	if err != nil {
		return cty.NilVal, err
	}
	out := inner.outputs[name]
	if out == nil || out.Attributes["value"] == nil {
		return cty.NilVal, fmt.Errorf("%s: there is no output %s", inner.dir, name)
	}
	return inner.eval(out.Attributes["value"].Expr)
}

// attribute is what is written of a resource.
func (s *scope) attribute(kind, name, attribute string) (cty.Value, error) {
	body := s.resources[[2]string{kind, name}]
	if body == nil || body.Attributes[attribute] == nil {
		return cty.NilVal, fmt.Errorf("%s: there is no %s.%s with %s", s.dir, kind, name, attribute)
	}
	return s.eval(body.Attributes[attribute].Expr)
}
