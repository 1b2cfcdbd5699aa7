package web

import (
	"encoding/json"
	"fmt"
	"html"
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

// RenderAPI returns the page of an OpenAPI description. It fails only for one
// that is no JSON.
func RenderAPI(description []byte) ([]byte, error) {
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
	var paths, components markup
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		writePath(&paths, path, doc.Paths[path].Get)
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Components.Schemas)) {
		writeComponent(&components, name, doc.Components.Schemas[name])
	}
	return []byte(strings.NewReplacer(
		"{title}", html.EscapeString(doc.Info.Title), "{version}", html.EscapeString(doc.Info.Version), "{description}", html.EscapeString(doc.Info.Description),
		"{paths}", paths.String(), "{components}", components.String(),
	).Replace(docsFrame)), nil
}

func writePath(m *markup, path string, get operation) {
	m.raw("\n<section><h2>")
	m.element("code", path)
	m.raw("</h2>")
	m.element("p", get.Summary)
	var fields []fieldView
	for _, p := range get.Parameters {
		fields = append(fields, fieldView{p.Name, p.Description + p.Schema.bounds(), p.Schema.parts()})
	}
	writeFields(m, "Parameter", path, fields)
	m.raw("<p>")
	content := get.Responses["200"].Content
	for i, kind := range slices.Sorted(maps.Keys(content)) {
		if i > 0 {
			m.raw("; ")
		}
		m.text(kind + ": ")
		writeType(m, content[kind].Schema.parts())
	}
	m.raw("</p></section>")
}

func writeComponent(m *markup, name string, of *schema) {
	m.raw("\n<section")
	m.attribute("id", name)
	m.raw(">")
	m.element("h2", name)
	if of.Description != "" {
		m.element("p", of.Description)
	}
	if of.Enum != nil {
		m.element("p", "One of "+join(of.Enum)+".")
	}
	var fields []fieldView
	for _, field := range slices.Sorted(maps.Keys(of.Properties)) {
		fields = append(fields, fieldView{field, of.Properties[field].Description, of.Properties[field].parts()})
	}
	writeFields(m, "Field", name, fields)
	m.raw("</section>")
}

// writeFields writes a table, unless it would be empty.
func writeFields(m *markup, what, of string, fields []fieldView) {
	if len(fields) == 0 {
		return
	}
	m.raw("\n" + `<div class="scroll" tabindex="0" role="region"`)
	m.attribute("aria-label", what+"s of "+of)
	m.raw(`><table><thead><tr><th scope="col">`, what, `</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead><tbody>`)
	for _, f := range fields {
		m.raw("\n" + `<tr><th scope="row">`)
		m.element("code", f.Name)
		m.raw("</th><td>")
		writeType(m, f.Type)
		m.raw("</td>")
		m.element("td", f.Description)
		m.raw("</tr>")
	}
	m.raw("</tbody></table></div>")
}

func writeType(m *markup, parts []part) {
	for _, p := range parts {
		if p.Ref == "" {
			m.text(p.Text)
			continue
		}
		m.raw("<a")
		m.attribute("href", "#"+p.Ref)
		m.raw(">")
		m.text(p.Text)
		m.raw("</a>")
	}
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
