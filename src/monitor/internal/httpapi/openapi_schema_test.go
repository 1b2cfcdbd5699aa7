package httpapi

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/src/monitor/internal/host"
)

// object is a JSON object.
type object = map[string]any

// schemas makes JSON schemas of types, with the comments of their source.
type schemas struct {
	t *testing.T
	// comments are those of types, and of fields as type.field, by package.
	comments map[string]string
	// enums are the values of types of strings.
	enums map[string][]any
	made  object
	of    map[string]reflect.Type
}

func newSchemas(t *testing.T) *schemas {
	s := &schemas{t: t, comments: map[string]string{}, enums: map[string][]any{}, made: object{}, of: map[string]reflect.Type{}}
	for _, dir := range []string{".", "../sample", "../host", "../history"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			s.read(file)
		}
	}
	return s
}

func (s *schemas) read(file *ast.File) {
	for _, decl := range file.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range group.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				name := file.Name.Name + "." + spec.Name.Name
				s.comments[name] = group.Doc.Text()
				if fields, ok := spec.Type.(*ast.StructType); ok {
					for _, f := range fields.Fields.List {
						for _, n := range f.Names {
							s.comments[name+"."+n.Name] = f.Doc.Text() + f.Comment.Text()
						}
					}
				}
			case *ast.ValueSpec:
				kind, ok := spec.Type.(*ast.Ident)
				if !ok || group.Tok != token.CONST {
					continue
				}
				for _, v := range spec.Values {
					if literal, ok := v.(*ast.BasicLit); ok && literal.Kind == token.STRING {
						text, err := strconv.Unquote(literal.Value)
						if err != nil {
							s.t.Fatal(err)
						}
						name := file.Name.Name + "." + kind.Name
						s.enums[name] = append(s.enums[name], text)
					}
				}
			}
		}
	}
}

// typed returns the schema of a type; null says whether there may be none.
func (s *schemas) typed(of reflect.Type, null bool) object {
	kind := func(name string, more object) object {
		if null {
			more["type"] = []any{name, "null"}
		} else {
			more["type"] = name
		}
		return more
	}
	switch {
	case of == reflect.TypeFor[time.Time]():
		return kind("string", object{"format": "date-time"})
	case of == reflect.TypeFor[HistorySample]():
		return row("Milliseconds since 1970, and the value.", 1)
	case of == reflect.TypeFor[HistoryBucket]():
		return row("Milliseconds since 1970 at which ten seconds begin; mean, minimum and maximum.", 3)
	}
	switch of.Kind() {
	case reflect.Pointer:
		return s.typed(of.Elem(), true)
	case reflect.String:
		if values := s.enums[of.String()]; values != nil {
			return object{"$ref": s.component(of, object{"type": "string", "enum": values})}
		}
		return kind("string", object{})
	case reflect.Bool:
		return kind("boolean", object{})
	case reflect.Float64:
		return kind("number", object{})
	case reflect.Int:
		return kind("integer", object{})
	case reflect.Uint32, reflect.Uint64:
		return kind("integer", object{"minimum": 0})
	case reflect.Slice:
		return kind("array", object{"items": s.typed(of.Elem(), false)})
	case reflect.Map:
		return kind("object", object{"additionalProperties": s.typed(of.Elem(), false)})
	case reflect.Struct:
		ref := object{"$ref": s.component(of, nil)}
		if null {
			return object{"anyOf": []any{ref, object{"type": "null"}}}
		}
		return ref
	case reflect.Interface:
		return object{} // answerOf says what it is
	default:
		s.t.Fatalf("no schema for %s", of)
		return nil
	}
}

func row(description string, values int) object {
	items := []any{object{"type": "integer"}}
	for range values {
		items = append(items, object{"type": []any{"number", "null"}})
	}
	return object{"type": "array", "description": description, "prefixItems": items, "items": false, "minItems": len(items)}
}

// component adds the schema of a named type and returns where it is.
func (s *schemas) component(of reflect.Type, schema object) string {
	name := of.Name()
	if of == reflect.TypeFor[host.Problem]() {
		name = "Unreadable" // a problem is an error's body
	}
	ref := "#/components/schemas/" + name
	if was, ok := s.of[name]; ok {
		if was != of {
			s.t.Fatalf("two types are named %s: %s and %s", name, was, of)
		}
		return ref
	}
	s.of[name] = of
	if schema == nil {
		s.made[name] = s.structure(of)
	} else {
		s.made[name] = schema
	}
	if text := s.said(of, of.String()); text != "" {
		as[object](s.made[name])["description"] = text
	}
	return ref
}

func (s *schemas) structure(of reflect.Type) object {
	properties, required := object{}, []string{}
	for _, f := range reflect.VisibleFields(of) {
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || tag == "-" || tag == "" {
			continue
		}
		within := of
		if len(f.Index) > 1 {
			within = of.FieldByIndex(f.Index[:len(f.Index)-1]).Type
		}
		text := s.said(within, within.String()+"."+f.Name)
		optional := options == "omitempty"
		schema := s.typed(f.Type, f.Type.Kind() == reflect.Slice && !optional && strings.Contains(text, "null"))
		if text != "" {
			schema["description"] = text
		}
		properties[tag] = schema
		if !optional {
			required = append(required, tag)
		}
	}
	slices.Sort(required)
	return object{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
}

// said returns the comment of a type or field in the words of JSON.
func (s *schemas) said(of reflect.Type, name string) string {
	text := strings.Join(strings.Fields(s.comments[name]), " ")
	text = regexp.MustCompile(`\bnil\b`).ReplaceAllString(text, "null")
	if of.Kind() == reflect.Struct {
		for _, f := range reflect.VisibleFields(of) {
			if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag != "" && tag != "-" {
				text = regexp.MustCompile(`\b`+f.Name+`\b`).ReplaceAllString(text, tag)
			}
		}
	}
	return text
}

// answerOf adds the schema of a collector's reading.
func (s *schemas) answerOf(name string, data reflect.Type) object {
	base := s.structure(reflect.TypeFor[struct{ Reading }]())
	properties := as[object](base["properties"])
	properties["data"] = s.typed(data, false)
	base["description"] = "A reading of the collector " + name + "."
	title := strings.ToUpper(name[:1]) + name[1:] + "Answer"
	if s.made[title] != nil {
		s.t.Fatalf("two schemas are named %s", title)
	}
	s.made[title] = base
	return object{"$ref": "#/components/schemas/" + title}
}

// as returns a value that is of that type; the zero value for another.
func as[T any](v any) T {
	t, _ := v.(T)
	return t
}

// find returns what a reference within a document leads to.
func find(doc object, ref string) (object, error) {
	var v any = doc
	for name := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		o, ok := v.(object)
		if !ok {
			return nil, fmt.Errorf("%s leads nowhere", ref)
		}
		v = o[name]
	}
	if o, ok := v.(object); ok {
		return o, nil
	}
	return nil, fmt.Errorf("%s leads nowhere", ref)
}

// encoded returns a document as it is committed.
func encoded(t *testing.T, doc object) string {
	t.Helper()
	b, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b) + "\n"
}
