package document

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Decode fills into, a pointer to a struct, from the document by the struct's
// json tags. It is stricter than the decoders of YAML and JSON: a field that
// the struct does not have, one that differs only in case, one given twice and
// a value of another type are problems, each with its line and mend. A number is
// not taken for text, nor text for a number.
//
// A field with the tag `refuse:"why"` is one that people may well write, but that
// is not supported: where it is given, the problem says why.
//
// At most one problem more than MaxProblems is returned, as nobody reads more.
//
// Types that implement yaml.Unmarshaler, or else json.Unmarshaler, read
// themselves; what they say is reported as it is.
func (d Document) Decode(into any) []Problem {
	dec := decoder{file: d.File}
	dec.value(d.Root, "", reflect.ValueOf(into).Elem())
	return dec.problems
}

type decoder struct {
	file     string
	problems []Problem
}

func (d *decoder) problem(line int, field, format string, args ...any) {
	// One more than is reported, so that Err knows that there are more.
	if len(d.problems) <= MaxProblems {
		d.problems = append(d.problems, Problem{File: d.file, Line: line, Field: field, Message: fmt.Sprintf(format, args...)})
	}
}

func (d *decoder) value(n *yaml.Node, path string, v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		if isNull(n) {
			return
		}
		p := reflect.New(v.Type().Elem())
		d.value(n, path, p.Elem())
		v.Set(p)
		return
	}
	switch self := v.Addr().Interface().(type) {
	case yaml.Unmarshaler:
		if err := self.UnmarshalYAML(n); err != nil {
			d.problem(n.Line, path, "%s", err)
		}
		return
	case json.Unmarshaler:
		d.foreign(n, path, self)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, path, v)
	case reflect.Map:
		d.mapping(n, path, v)
	case reflect.Slice:
		d.sequence(n, path, v)
	case reflect.Interface:
		var x any
		if err := n.Decode(&x); err != nil {
			d.problem(n.Line, path, "%s", err)
			return
		}
		if x != nil {
			v.Set(reflect.ValueOf(x))
		}
	default:
		d.scalar(n, path, v)
	}
}

// foreign hands a value to a type that knows only JSON.
func (d *decoder) foreign(n *yaml.Node, path string, into json.Unmarshaler) {
	var x any
	if err := n.Decode(&x); err != nil {
		d.problem(n.Line, path, "%s", err)
		return
	}
	raw, err := json.Marshal(x)
	if err == nil {
		err = into.UnmarshalJSON(raw)
	}
	if err != nil {
		d.problem(n.Line, path, "%s", err)
	}
}

func (d *decoder) structure(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		if !isNull(n) || path == "" {
			d.problem(n.Line, path, "want a mapping, got %s", describe(n))
		}
		return
	}
	fields := fieldsOf(v)
	d.pairs(n, path, func(key, value *yaml.Node, at string) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == key.Value })
		if i < 0 {
			d.unknown(key, at, fields)
			return
		}
		if why := fields[i].refuse; why != "" {
			if !isNull(value) {
				d.problem(key.Line, at, "is not supported: %s", why)
			}
			return
		}
		d.value(value, at, fields[i].value)
	})
}

func (d *decoder) unknown(key *yaml.Node, at string, fields []field) {
	if len(d.problems) > MaxProblems {
		return // looking for the word that was meant is what costs
	}
	var names []string
	for _, f := range fields {
		if f.refuse == "" {
			names = append(names, f.name)
		}
	}
	d.problem(key.Line, at, "unknown field%s", Suggest(key.Value, names))
}

// pairs visits the pairs of a mapping and reports keys given twice.
func (d *decoder) pairs(n *yaml.Node, path string, visit func(key, value *yaml.Node, at string)) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := join(path, key.Value)
		if key.Kind != yaml.ScalarNode {
			d.problem(key.Line, path, "a key must be text, this is %s", describe(key))
			continue
		}
		if first, ok := seen[key.Value]; ok {
			d.problem(key.Line, at, "given twice, first in line %d; delete one", first)
			continue
		}
		seen[key.Value] = key.Line
		visit(key, value, at)
	}
}

func (d *decoder) mapping(n *yaml.Node, path string, v reflect.Value) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.problem(n.Line, path, "want a mapping, got %s", describe(n))
		return
	}
	m := reflect.MakeMapWithSize(v.Type(), len(n.Content)/2)
	d.pairs(n, path, func(key, value *yaml.Node, at string) {
		k := reflect.New(v.Type().Key()).Elem()
		d.scalar(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key.Value, Line: key.Line}, at, k)
		e := reflect.New(v.Type().Elem()).Elem()
		d.value(value, at, e)
		m.SetMapIndex(k, e)
	})
	v.Set(m)
}

func (d *decoder) sequence(n *yaml.Node, path string, v reflect.Value) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.problem(n.Line, path, "want a list, got %s; write it as [ … ]", describe(n))
		return
	}
	s := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		d.value(item, path+"["+strconv.Itoa(i)+"]", s.Index(i))
	}
	v.Set(s)
}

func (d *decoder) scalar(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind != yaml.ScalarNode || isNull(n) {
		d.problem(n.Line, path, "want %s, got %s", wanted(v.Kind()), describe(n))
		return
	}
	ok := false
	switch v.Kind() {
	case reflect.String:
		if n.Tag != "!!str" && n.Tag != "!!timestamp" {
			d.problem(n.Line, path, "want text, got %s; quote it: %q", describe(n), n.Value)
			return
		}
		v.SetString(n.Value)
		ok = true
	case reflect.Bool:
		var b bool
		if ok = n.Tag == "!!bool" && n.Decode(&b) == nil; ok {
			v.SetBool(b)
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		var i int64
		if ok = n.Tag == "!!int" && n.Decode(&i) == nil && !v.OverflowInt(i); ok {
			v.SetInt(i)
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		var u uint64
		if ok = n.Tag == "!!int" && n.Decode(&u) == nil && !v.OverflowUint(u); ok {
			v.SetUint(u)
		}
	case reflect.Float32, reflect.Float64:
		var f float64
		ok = (n.Tag == "!!int" || n.Tag == "!!float") && n.Decode(&f) == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
		if ok {
			v.SetFloat(f)
		}
	}
	if !ok {
		d.problem(n.Line, path, "want %s, got %s%s", wanted(v.Kind()), describe(n), unquote(n, v.Type()))
	}
}

// unquote is the mend of a value that is only wrong for its quotes.
func unquote(n *yaml.Node, wanted reflect.Type) string {
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0 {
		return ""
	}
	plain := yaml.Node{Kind: yaml.ScalarNode, Value: n.Value}
	plain.Tag = plain.ShortTag()
	var d decoder
	if d.scalar(&plain, "", reflect.New(wanted).Elem()); len(d.problems) > 0 {
		return ""
	}
	return "; delete the quotes"
}

type field struct {
	name   string
	refuse string // why the field is not supported; empty when it is
	value  reflect.Value
}

// fieldsOf lists a struct's fields by their JSON names, those of inlined
// structs included. Unexported fields and "-" are left out.
func fieldsOf(v reflect.Value) []field {
	var out []field
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			out = append(out, fieldsOf(v.Field(i))...)
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Pointer && f.Type.Elem().Kind() == reflect.Struct && f.IsExported():
			if v.Field(i).IsNil() {
				v.Field(i).Set(reflect.New(f.Type.Elem()))
			}
			out = append(out, fieldsOf(v.Field(i).Elem())...)
		case !f.IsExported():
		case name == "":
			out = append(out, field{f.Name, f.Tag.Get("refuse"), v.Field(i)})
		default:
			out = append(out, field{name, f.Tag.Get("refuse"), v.Field(i)})
		}
	}
	return out
}

func isNull(n *yaml.Node) bool {
	return n.Kind == 0 || n.Kind == yaml.ScalarNode && n.Tag == "!!null"
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
