// Package document reads streams of YAML documents strictly and tells people
// where they are wrong: with file, line, field and the mend. It never stops at
// the first problem, and never expands anything, so its cost is linear in the
// size of the file.
package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// MaxBytes is the size of the largest file that is read. A document is written
// by a person; a larger file is a mistake, and is refused before it is parsed.
const MaxBytes = 1 << 20

// MaxDocuments is how many documents of one file are read. Each costs some
// microseconds, however little it holds.
const MaxDocuments = 1000

// MaxValue is how many bytes a key or a value may have. People write no longer
// ones, messages quote them, and what reads an expression may take time that
// grows with the square of its length: Prometheus' parser, minutes for a megabyte.
const MaxValue = 8192

// Document is one YAML document of a file.
type Document struct {
	File string
	Line int // of the first key
	// Root is the mapping that the document holds.
	Root *yaml.Node
	// Text is the document as it stands in the file, with LF line ends and
	// without the separator.
	Text string
}

// Split parses every document of a file. Documents that hold nothing but
// comments are left out. A document that cannot be parsed, or is not a mapping, is
// reported and left out; the others are still returned, so that their problems
// can be told in the same go. CRLF line ends and a UTF-8 byte order mark are
// accepted; aliases are refused, as they can hide and multiply content.
func Split(file string, data []byte) ([]Document, []Problem) {
	if len(data) > MaxBytes {
		return nil, []Problem{*tooLarge(file, int64(len(data)))}
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if at := firstInvalidUTF8(data); at >= 0 {
		return nil, []Problem{{
			File: file, Line: 1 + bytes.Count(data[:at], []byte("\n")),
			Message: "this is not UTF-8 text; save the file as UTF-8",
		}}
	}
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))

	var docs []Document
	var problems []Problem
	parts := chunks(string(data))
	if len(parts) > MaxDocuments {
		return nil, []Problem{{File: file, Line: parts[MaxDocuments].first, Message: fmt.Sprintf(
			"the file has %d documents, the first too many starts here; split it, at most %d are read", len(parts), MaxDocuments)}}
	}
	for _, c := range parts {
		doc, problem := c.parse(file)
		if problem != nil {
			problems = append(problems, *problem)
			continue
		}
		if doc == nil {
			continue
		}
		if a := firstAlias(doc.Root); a != nil {
			problems = append(problems, Problem{File: file, Line: a.Line, Message: fmt.Sprintf(
				"the alias *%s is refused, as a document must be readable where it stands; write the value out", a.Value)})
			continue
		}
		if v := firstLong(doc.Root); v != nil {
			problems = append(problems, Problem{File: file, Line: v.Line, Message: fmt.Sprintf(
				"%q has %d bytes; shorten it, at most %d are read", Shorten(v.Value), len(v.Value), MaxValue)})
			continue
		}
		docs = append(docs, *doc)
	}
	return docs, problems
}

func firstInvalidUTF8(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	at := 0
	for at < len(data) {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size <= 1 {
			return at
		}
		at += size
	}
	return at
}

// chunk is the text between two separators; first is the number of its first line.
type chunk struct {
	first int
	text  string
}

// chunks cuts at lines that start with "---", and leaves out what is blank. YAML
// lets no scalar hold such a line, so no document is cut in two.
func chunks(text string) []chunk {
	var out []chunk
	add := func(c chunk) {
		if strings.TrimSpace(c.text) != "" {
			out = append(out, c)
		}
	}
	number, at := 0, 0   // of the current line
	first, start := 1, 0 // of the current chunk
	for line := range strings.Lines(text) {
		number++
		if rest, ok := strings.CutPrefix(line, "---"); ok && (rest == "" || strings.ContainsAny(rest[:1], " \t\n")) {
			add(chunk{first: first, text: text[start:at]})
			first, start = number+1, at+len(line)
			if rest = strings.TrimLeft(rest, " \t"); rest != "" && rest != "\n" {
				// A document may begin on the line of its separator.
				first, start = number, at+len(line)-len(rest)
			}
		}
		at += len(line)
	}
	add(chunk{first: first, text: text[start:]})
	return out
}

func (c chunk) parse(file string) (*Document, *Problem) {
	dec := yaml.NewDecoder(strings.NewReader(c.text))
	var root yaml.Node
	err := dec.Decode(&root)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, c.syntax(file, err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		if err == nil {
			err = errors.New("something follows the end of the document")
		}
		return nil, c.syntax(file, err)
	}
	shift(&root, c.first-1)
	if root.Kind == yaml.DocumentNode && len(root.Content) == 1 {
		root = *root.Content[0]
	}
	if isNull(&root) {
		return nil, nil
	}
	if root.Kind == yaml.AliasNode || root.Kind != yaml.MappingNode {
		return nil, &Problem{File: file, Line: root.Line, Message: "the document is " + describe(&root) + "; it must be a mapping that starts with apiVersion"}
	}
	return &Document{File: file, Line: root.Line, Root: &root, Text: strings.TrimRight(c.text, "\n") + "\n"}, nil
}

// syntaxLine finds the line in a parser's message: the library has no type that
// carries it. It is for display only, nothing branches on it.
var syntaxLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)

// parserError tells the messages of the library's parser, which counts lines from
// 0, from those of its scanner, which counts them from 1.
var parserError = regexp.MustCompile(`^did not find expected (<|'|key$|node content$)`)

func (c chunk) syntax(file string, err error) *Problem {
	p := &Problem{File: file, Line: c.first, Message: strings.TrimPrefix(err.Error(), "yaml: ")}
	if m := syntaxLine.FindStringSubmatch(err.Error()); m != nil {
		n, _ := strconv.Atoi(m[1]) // the expression lets only digits through
		p.Message = strings.TrimPrefix(err.Error(), m[0])
		if parserError.MatchString(p.Message) {
			n++
		}
		p.Line = c.first - 1 + min(n, strings.Count(strings.TrimRight(c.text, "\n"), "\n")+1)
	}
	p.Message = "not valid YAML: " + p.Message
	number := c.first - 1
	for line := range strings.Lines(c.text) {
		number++
		if indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]; strings.Contains(indent, "\t") {
			p.Line = number
			p.Message = "not valid YAML: a tab indents this line; indent with spaces"
			break
		}
	}
	return p
}

func shift(n *yaml.Node, by int) {
	n.Line += by
	for _, child := range n.Content {
		shift(child, by)
	}
}

// firstAlias finds an alias. Only one is reported, because a YAML bomb has thousands.
func firstAlias(n *yaml.Node) *yaml.Node {
	return first(n, func(n *yaml.Node) bool { return n.Kind == yaml.AliasNode })
}

// firstLong finds a key or value that is longer than MaxValue.
func firstLong(n *yaml.Node) *yaml.Node {
	return first(n, func(n *yaml.Node) bool { return len(n.Value) > MaxValue })
}

func first(n *yaml.Node, is func(*yaml.Node) bool) *yaml.Node {
	if is(n) {
		return n
	}
	for _, child := range n.Content {
		if found := first(child, is); found != nil {
			return found
		}
	}
	return nil
}

// Find returns the node of a field, given as the keys that lead to it, or nil.
func Find(n *yaml.Node, path ...string) *yaml.Node {
	for _, key := range path {
		if n = child(n, key); n == nil {
			return nil
		}
	}
	return n
}

func child(n *yaml.Node, key string) *yaml.Node {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				return n.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i]
		}
	}
	return nil
}

// LineOf is where the field with this path stands, or the nearest parent that
// does: a missing field is reported where it belongs. The path is as in a
// Problem: spec.slos[0].ref.
func (d Document) LineOf(path string) int {
	line := d.Line
	n := d.Root
	for _, key := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		next := child(n, key)
		if next == nil {
			return line
		}
		// The line of a mapping's key, not of its value: a block value starts
		// one line later.
		line = next.Line
		if n.Kind == yaml.MappingNode {
			for i := 0; i+1 < len(n.Content); i += 2 {
				if n.Content[i+1] == next {
					line = n.Content[i].Line
				}
			}
		}
		n = next
	}
	return line
}

// Problem makes a problem of this document at the field with this path.
func (d Document) Problem(path, format string, args ...any) Problem {
	return Problem{File: d.File, Line: d.LineOf(path), Field: path, Message: fmt.Sprintf(format, args...)}
}

// Value is the text of a scalar field at the top of the document, empty when
// there is none.
func (d Document) Value(key string) string {
	if n := Find(d.Root, key); n != nil && n.Kind == yaml.ScalarNode {
		return n.Value
	}
	return ""
}
