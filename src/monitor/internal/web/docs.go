package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// schema is what the page of the API shows of a JSON schema.
type schema struct {
	Ref         string             `json:"$ref"`
	Type        any                `json:"type"`
	Format      string             `json:"format"`
	Description string             `json:"description"`
	Enum        []any              `json:"enum"`
	Default     any                `json:"default"`
	Minimum     *float64           `json:"minimum"`
	Maximum     *float64           `json:"maximum"`
	MaxItems    int                `json:"maxItems"`
	AnyOf       []schema           `json:"anyOf"`
	Items       json.RawMessage    `json:"items"`
	Properties  map[string]*schema `json:"properties"`
	Additional  json.RawMessage    `json:"additionalProperties"`
}

type operation struct {
	Summary    string `json:"summary"`
	Parameters []struct {
		Name        string `json:"name"`
		Description string `json:"description"`
		Schema      schema `json:"schema"`
	} `json:"parameters"`
	Responses map[string]struct {
		Content map[string]struct {
			Schema schema `json:"schema"`
		} `json:"content"`
	} `json:"responses"`
}

// part is a piece of what a type is called; Ref is the component that it
// leads to.
type part struct{ Text, Ref string }

type fieldView struct {
	Name, Description string
	Type              []part
}

type pathView struct {
	Path, Summary string
	Parameters    []fieldView
	Answers       []fieldView
}

type componentView struct {
	Name, Description string
	Fields            []fieldView
	Values            string
}

// RenderAPI returns the page of an OpenAPI description.
func (s *Site) RenderAPI(description []byte) ([]byte, error) {
	var doc struct {
		Info struct {
			Title, Version, Description string
		}
		Paths      map[string]struct{ Get operation }
		Components struct{ Schemas map[string]*schema }
	}
	if err := json.Unmarshal(description, &doc); err != nil {
		return nil, fmt.Errorf("page of the API: %w", err)
	}
	view := struct {
		Title, Version, Description string
		Paths                       []pathView
		Components                  []componentView
	}{Title: doc.Info.Title, Version: doc.Info.Version, Description: doc.Info.Description}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		get := doc.Paths[path].Get
		v := pathView{Path: path, Summary: get.Summary}
		for _, p := range get.Parameters {
			v.Parameters = append(v.Parameters, fieldView{p.Name, p.Description + p.Schema.bounds(), p.Schema.parts()})
		}
		content := get.Responses["200"].Content
		for _, kind := range slices.Sorted(maps.Keys(content)) {
			of := content[kind].Schema
			v.Answers = append(v.Answers, fieldView{Name: kind, Type: of.parts()})
		}
		view.Paths = append(view.Paths, v)
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Components.Schemas)) {
		of := doc.Components.Schemas[name]
		v := componentView{Name: name, Description: of.Description, Values: join(of.Enum)}
		for _, field := range slices.Sorted(maps.Keys(of.Properties)) {
			v.Fields = append(v.Fields, fieldView{field, of.Properties[field].Description, of.Properties[field].parts()})
		}
		view.Components = append(view.Components, v)
	}
	var b bytes.Buffer
	if err := s.docs.Execute(&b, view); err != nil {
		return nil, fmt.Errorf("page of the API: %w", err)
	}
	return b.Bytes(), nil
}

// parts returns what the type is called.
func (s schema) parts() []part {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return []part{{name, name}}
	}
	var list []part
	for i, o := range s.AnyOf {
		if i > 0 {
			list = append(list, part{Text: " or "})
		}
		list = append(list, o.parts()...)
	}
	if s.AnyOf != nil {
		return list
	}
	kinds, several := s.Type.([]any)
	if !several {
		kinds = []any{s.Type}
	}
	for i, kind := range kinds {
		if i > 0 {
			list = append(list, part{Text: " or "})
		}
		var of schema
		switch {
		case kind == "array" && json.Unmarshal(s.Items, &of) == nil:
			list = append(append(list, part{Text: "array of "}), of.parts()...)
		case kind == "object" && json.Unmarshal(s.Additional, &of) == nil && (of.Type != nil || of.Ref != ""):
			list = append(append(list, part{Text: "object of "}), of.parts()...)
		case kind == "string" && s.Format != "":
			list = append(list, part{Text: s.Format})
		default:
			list = append(list, part{Text: fmt.Sprint(kind)})
		}
	}
	return list
}

// bounds says what a parameter may be.
func (s schema) bounds() string {
	text := ""
	if s.Enum != nil {
		text += " One of " + join(s.Enum) + "."
	}
	if s.Minimum != nil && s.Maximum != nil {
		text += fmt.Sprintf(" From %g to %g.", *s.Minimum, *s.Maximum)
	}
	if s.MaxItems > 0 {
		text += fmt.Sprintf(" At most %d times.", s.MaxItems)
	}
	if s.Default != nil {
		text += fmt.Sprintf(" By default %v.", s.Default)
	}
	return text
}

func join(values []any) string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = fmt.Sprint(v)
	}
	return strings.Join(list, ", ")
}
