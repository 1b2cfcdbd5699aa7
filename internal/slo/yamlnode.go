package slo

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// reader collects the problems of one file.
type reader struct {
	file     string
	problems Problems
}

func (r *reader) problem(n *yaml.Node, field, format string, args ...any) {
	line := 0
	if n != nil {
		line = n.Line
	}
	r.problems = append(r.problems, Problem{File: r.file, Line: line, Field: field, Message: fmt.Sprintf(format, args...)})
}

// object is one mapping that is being read. Every key must be asked for or
// refused before done: what is left then is unknown.
type object struct {
	r    *reader
	path string
	node *yaml.Node
	keys map[string]*yaml.Node // key nodes
	vals map[string]*yaml.Node
	left map[string]bool
}

// object reads n as a mapping. It is nil, with the problem noted, when n is
// something else; a nil object answers every question with nothing.
func (r *reader) object(n *yaml.Node, path string) *object {
	if n.Kind == yaml.AliasNode {
		r.problem(n, path, "aliases are not supported; write the value out")
		return nil
	}
	if n.Kind != yaml.MappingNode {
		r.problem(n, path, "must be a mapping, not %s", kindName(n))
		return nil
	}
	o := &object{
		r: r, path: path, node: n,
		keys: map[string]*yaml.Node{}, vals: map[string]*yaml.Node{}, left: map[string]bool{},
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			r.problem(key, path, "keys must be plain strings")
			continue
		}
		if first, ok := o.keys[key.Value]; ok {
			r.problem(key, o.field(key.Value), "is given twice, first in line %d", first.Line)
			continue
		}
		o.keys[key.Value], o.vals[key.Value], o.left[key.Value] = key, val, true
	}
	return o
}

func (o *object) field(key string) string {
	if o.path == "" {
		return key
	}
	return o.path + "." + key
}

func (o *object) take(key string) (*yaml.Node, bool) {
	if o == nil {
		return nil, false
	}
	n, ok := o.vals[key]
	delete(o.left, key)
	if ok && n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil, false
	}
	return n, ok
}

func (o *object) missing(key, mend string) {
	if o != nil {
		o.r.problem(o.node, o.field(key), "is missing; %s", mend)
	}
}

// refuse notes a known OpenSLO field that cannot be honoured.
func (o *object) refuse(key, why string) {
	if _, ok := o.take(key); ok {
		o.r.problem(o.keys[key], o.field(key), "is not supported: %s", why)
	}
}

// done notes every key that nobody asked for.
func (o *object) done() {
	if o == nil {
		return
	}
	unknown := make([]string, 0, len(o.left))
	for key := range o.left {
		unknown = append(unknown, key)
	}
	slices.Sort(unknown)
	for _, key := range unknown {
		o.r.problem(o.keys[key], o.field(key), "unknown field; check its spelling and indentation")
	}
}

// str reads an optional string; numbers and booleans must be quoted.
func (o *object) str(key string) (string, *yaml.Node) {
	n, ok := o.take(key)
	if !ok {
		return "", nil
	}
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		o.r.problem(n, o.field(key), "must be a string, not %s", kindName(n))
		return "", nil
	}
	return n.Value, n
}

// need reads a string that must be there and not be blank.
func (o *object) need(key, mend string) (string, *yaml.Node) {
	s, n := o.str(key)
	if o == nil || n == nil && o.vals[key] != nil && o.vals[key].Tag != "!!null" {
		return "", nil // already noted
	}
	if strings.TrimSpace(s) == "" {
		o.missing(key, mend)
		return "", nil
	}
	return s, n
}

func (o *object) number(key string) (float64, *yaml.Node) {
	n, ok := o.take(key)
	if !ok {
		return 0, nil
	}
	v, err := strconv.ParseFloat(n.Value, 64)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!float" && n.Tag != "!!int" || err != nil {
		o.r.problem(n, o.field(key), "must be a decimal number, not %s", kindName(n))
		return 0, nil
	}
	return v, n
}

func (o *object) boolean(key string) (bool, *yaml.Node) {
	n, ok := o.take(key)
	if !ok {
		return false, nil
	}
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
		o.r.problem(n, o.field(key), "must be true or false, not %s", kindName(n))
		return false, nil
	}
	return strings.EqualFold(n.Value, "true"), n
}

// sub reads an optional mapping.
func (o *object) sub(key string) *object {
	n, ok := o.take(key)
	if !ok {
		return nil
	}
	return o.r.object(n, o.field(key))
}

// needSub reads a mapping that must be there.
func (o *object) needSub(key, mend string) *object {
	n, ok := o.take(key)
	if !ok {
		o.missing(key, mend)
		return nil
	}
	return o.r.object(n, o.field(key))
}

// one reads a sequence of exactly one mapping.
func (o *object) one(key, mend string) *object {
	n, ok := o.take(key)
	if !ok {
		o.missing(key, mend)
		return nil
	}
	if n.Kind != yaml.SequenceNode || len(n.Content) != 1 {
		o.r.problem(n, o.field(key), "must be a list of exactly one entry; %s", mend)
		return nil
	}
	return o.r.object(n.Content[0], o.field(key)+"[0]")
}

// strings reads an optional mapping of strings to strings.
func (o *object) strings(key string) map[string]string {
	m := o.sub(key)
	if m == nil {
		return nil
	}
	values := make(map[string]string, len(m.vals))
	for k := range m.vals {
		if v, n := m.str(k); n != nil {
			values[k] = v
		}
	}
	return values
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			return "nothing"
		}
		return strconv.Quote(shorten(n.Value))
	default:
		return "an empty document"
	}
}

func shorten(s string) string {
	const most = 60
	if rs := []rune(s); len(rs) > most {
		return string(rs[:most]) + "…"
	}
	return s
}
