package capability

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Why a document cannot be read or written.
var (
	ErrVersion   = errors.New("this is not a document of capabilities in a version that this program reads")
	ErrMalformed = errors.New("the document of capabilities is malformed")
)

// maxDocument bounds what Decode reads, in bytes: a document has a few kilobytes.
const maxDocument = 1 << 20

// Encode writes the document as JSON. The same document gives the same bytes:
// facts stand in the order of their names. A document that Decode would refuse is
// an error that wraps ErrMalformed, and nothing is written.
func Encode(w io.Writer, d Document) error {
	if err := d.check(); err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Kernel     string `json:"kernel,omitempty"`
		Cgroup     Cgroup `json:"cgroup,omitempty"`
		Facts      []Fact `json:"facts"`
	}{Version, Kind, d.Kernel, d.Cgroup, append([]Fact{}, d.sorted().Facts...)}); err != nil {
		return fmt.Errorf("write the capabilities: %w", err)
	}
	return nil
}

// Decode reads what Encode writes. Its error names the fields that are unknown,
// missing, given twice or wrong, all of them at once, and wraps ErrMalformed;
// another version or kind wraps ErrVersion. What follows the document is an error.
func Decode(r io.Reader) (Document, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err != nil {
		return Document{}, fmt.Errorf("read the capabilities: %w", err)
	}
	if len(data) > maxDocument {
		return Document{}, fmt.Errorf("%w: it is larger than %d MiB", ErrMalformed, maxDocument>>20)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		return Document{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Document{}, fmt.Errorf("%w: something follows the document", ErrMalformed)
	}
	// The version comes first: the fields of another version mean nothing here.
	var head struct{ APIVersion, Kind string }
	if err := json.Unmarshal(raw, &head); err != nil {
		return Document{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if head.APIVersion != Version || head.Kind != Kind {
		return Document{}, fmt.Errorf("%w: apiVersion is %q and kind %q, not %q and %q", ErrVersion, head.APIVersion, head.Kind, Version, Kind)
	}
	var p problems
	d := p.document(raw)
	if err := p.err(); err != nil {
		return Document{}, err
	}
	if err := d.check(); err != nil {
		return Document{}, err
	}
	return d.sorted(), nil
}

// check says what is wrong with the values of the document.
func (d Document) check() error {
	var p problems
	if d.Cgroup != "" && !slices.Contains([]Cgroup{CgroupV1, CgroupV2, CgroupHybrid}, d.Cgroup) {
		p.add("cgroup", "it is %q, not v1, v2 or hybrid", d.Cgroup)
	}
	seen := map[Name]bool{}
	for i, f := range d.Facts {
		at := fmt.Sprintf("facts[%d]", i)
		switch {
		case !known(f.Name):
			p.add(at+".name", "there is no fact %q", f.Name)
		case seen[f.Name]:
			p.add(at+".name", "the fact %q is given twice", f.Name)
		}
		seen[f.Name] = true
		if !f.Present && f.Detail == "" {
			p.add(at+".detail", "it is missing: say what was observed instead of %q", f.Name)
		}
	}
	return p.err()
}

// problems collects what is wrong, each with its field.
type problems []string

func (p *problems) add(field, format string, args ...any) {
	*p = append(*p, field+": "+fmt.Sprintf(format, args...))
}

func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrMalformed, strings.Join(p, "; "))
}

func (p *problems) document(raw json.RawMessage) Document {
	fields := p.object(raw, "", "apiVersion", "kind", "kernel", "cgroup", "facts")
	var d Document
	if v, ok := fields["kernel"]; ok {
		d.Kernel = value[string](p, v, "kernel", "a text")
	}
	if v, ok := fields["cgroup"]; ok {
		d.Cgroup = value[Cgroup](p, v, "cgroup", "a text")
	}
	v, ok := fields["facts"]
	if !ok {
		p.add("facts", "it is missing")
		return d
	}
	for i, item := range value[[]json.RawMessage](p, v, "facts", "a list") {
		d.Facts = append(d.Facts, p.fact(item, fmt.Sprintf("facts[%d]", i)))
	}
	return d
}

func (p *problems) fact(raw json.RawMessage, at string) Fact {
	fields := p.object(raw, at+".", "name", "present", "detail")
	var f Fact
	if fields == nil {
		return f
	}
	if v, ok := fields["name"]; ok {
		f.Name = value[Name](p, v, at+".name", "a text")
	} else {
		p.add(at+".name", "it is missing")
	}
	if v, ok := fields["present"]; ok {
		f.Present = value[bool](p, v, at+".present", "true or false")
	} else {
		p.add(at+".present", "it is missing")
	}
	if v, ok := fields["detail"]; ok {
		f.Detail = value[string](p, v, at+".detail", "a text")
	}
	return f
}

// object reads the fields of an object. Unlike encoding/json it wants names to be
// written as they are, and once. It is nil if there is no object.
func (p *problems) object(raw json.RawMessage, prefix string, names ...string) map[string]json.RawMessage {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		p.add(strings.TrimSuffix(prefix, "."), "it is not an object")
		return nil
	}
	fields := map[string]json.RawMessage{}
	for dec.More() {
		token, err := dec.Token()
		name := fmt.Sprint(token)
		var v json.RawMessage
		if err == nil {
			err = dec.Decode(&v)
		}
		if err != nil { // it cannot be: the whole was read once
			p.add(prefix+name, "%s", err)
			return nil
		}
		_, twice := fields[name]
		switch {
		case !slices.Contains(names, name):
			p.add(prefix+name, "the field is unknown; known are %s", strings.Join(names, ", "))
		case twice:
			p.add(prefix+name, "the field is given twice")
		default:
			fields[name] = v
		}
	}
	return fields
}

// value reads one value, which null is not.
func value[T any](p *problems, raw json.RawMessage, at, want string) T {
	var v *T
	if err := json.Unmarshal(raw, &v); err != nil || v == nil {
		p.add(at, "it is %s, not %s", raw, want)
		return *new(T)
	}
	return *v
}
