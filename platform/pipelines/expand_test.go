// Package pipelines checks the pipelines of Azure Pipelines: it expands them as the service
// does, and checks the result against the service's schema, the Makefile and the files that it
// names.
package pipelines

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// expander puts a pipeline together from its templates.
type expander struct {
	root      string            // the repository
	variables map[string]string // that are known before a run begins
	seen      map[string]bool   // files that were read, relative to root
}

// pipeline expands a root file.
func (e *expander) pipeline(file string) (map[string]any, error) {
	e.seen = map[string]bool{}
	doc, err := e.read(file)
	if err != nil {
		return nil, err
	}
	given := map[string]any{}
	if err := e.parameters(file, doc, given); err != nil {
		return nil, err
	}
	out, err := e.expand(without(doc, "parameters"), given, file)
	if err != nil {
		return nil, err
	}
	m, ok := out.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s is not a mapping", file)
	}
	if list, ok := doc["parameters"]; ok {
		m["parameters"] = list
	}
	return m, nil
}

func without(m map[string]any, key string) map[string]any {
	m = maps.Clone(m)
	delete(m, key)
	return m
}

func (e *expander) read(file string) (map[string]any, error) {
	data, err := os.ReadFile(filepath.Join(e.root, file))
	if err != nil {
		return nil, fmt.Errorf("template %s: %w", file, err)
	}
	e.seen[filepath.ToSlash(file)] = true
	var doc map[string]any
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return doc, nil
}

// parameters fills given from the defaults of a file, and refuses what the file does not
// declare, what is missing and what has another type.
func (e *expander) parameters(file string, doc, given map[string]any) error {
	var errs []error
	declared := map[string]bool{}
	list, _ := doc["parameters"].([]any)
	for _, item := range list {
		p, _ := item.(map[string]any)
		name, _ := p["name"].(string)
		declared[name] = true
		value, ok := given[name]
		if !ok {
			if value, ok = p["default"]; !ok {
				errs = append(errs, fmt.Errorf("%s: the parameter %s is not given", file, name))
				continue
			}
			given[name] = value
		}
		switch p["type"] {
		case "string":
			if _, ok := value.(string); !ok {
				errs = append(errs, fmt.Errorf("%s: the parameter %s is %v, want text", file, name, value))
			}
		case "boolean":
			if _, ok := value.(bool); !ok {
				errs = append(errs, fmt.Errorf("%s: the parameter %s is %v, want true or false", file, name, value))
			}
		default:
			errs = append(errs, fmt.Errorf("%s: the parameter %s has the type %v", file, name, p["type"]))
		}
		if values, ok := p["values"].([]any); ok && !slices.Contains(values, value) {
			errs = append(errs, fmt.Errorf("%s: the parameter %s is %v, want one of %v", file, name, value, values))
		}
	}
	for name := range given {
		if !declared[name] {
			errs = append(errs, fmt.Errorf("%s has no parameter %s", file, name))
		}
	}
	return errors.Join(errs...)
}

// include expands a template and returns its body.
func (e *expander) include(m, params map[string]any, from string) (map[string]any, error) {
	name, _ := m["template"].(string)
	file := filepath.Join(filepath.Dir(from), name)
	doc, err := e.read(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	given := map[string]any{}
	if p, ok := m["parameters"].(map[string]any); ok {
		out, err := e.expand(p, params, from)
		if err != nil {
			return nil, err
		}
		given, _ = out.(map[string]any)
	}
	for key := range m {
		if key != "template" && key != "parameters" {
			return nil, fmt.Errorf("%s: %s beside template %s", from, key, name)
		}
	}
	if err := e.parameters(file, doc, given); err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	body, err := e.expand(without(doc, "parameters"), given, file)
	if err != nil {
		return nil, err
	}
	out, _ := body.(map[string]any)
	return out, nil
}

func (e *expander) expand(node any, params map[string]any, file string) (any, error) {
	switch node := node.(type) {
	case string:
		return e.text(node, params, file)
	case []any:
		return e.list(node, params, file)
	case map[string]any:
		return e.mapping(node, params, file)
	}
	return node, nil
}

func (e *expander) list(list []any, params map[string]any, file string) (any, error) {
	out := []any{}
	for _, item := range list {
		m, ok := item.(map[string]any)
		switch condition, inner := conditional(m); {
		case ok && m["template"] != nil:
			body, err := e.include(m, params, file)
			if err != nil {
				return nil, err
			}
			if len(body) != 1 {
				return nil, fmt.Errorf("%s: template %v has %d keys, want one list", file, m["template"], len(body))
			}
			for _, v := range body {
				items, _ := v.([]any)
				out = append(out, items...)
			}
			continue
		case ok && condition != "":
			yes, err := e.truth(condition, params, file)
			if err != nil {
				return nil, err
			}
			if yes {
				v, err := e.expand(inner, params, file)
				if err != nil {
					return nil, err
				}
				items, _ := v.([]any)
				out = append(out, items...)
			}
			continue
		}
		v, err := e.expand(item, params, file)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// conditional is the condition of a mapping with the one key ${{ if … }}.
func conditional(m map[string]any) (condition string, inner any) {
	for key, value := range m {
		if rest, ok := strings.CutPrefix(key, "${{ if "); ok && len(m) == 1 {
			return strings.TrimSpace(strings.TrimSuffix(rest, "}}")), value
		}
	}
	return "", nil
}

func (e *expander) mapping(m, params map[string]any, file string) (any, error) {
	out := map[string]any{}
	for key, value := range m {
		if condition, inner := conditional(map[string]any{key: value}); condition != "" {
			yes, err := e.truth(condition, params, file)
			if err != nil {
				return nil, err
			}
			if yes {
				v, err := e.expand(inner, params, file)
				if err != nil {
					return nil, err
				}
				more, _ := v.(map[string]any)
				maps.Copy(out, more)
			}
			continue
		}
		if key == "extends" {
			of, _ := value.(map[string]any)
			body, err := e.include(of, params, file)
			if err != nil {
				return nil, err
			}
			maps.Copy(out, body)
			continue
		}
		v, err := e.expand(value, params, file)
		if err != nil {
			return nil, err
		}
		out[key] = v
	}
	return out, nil
}
