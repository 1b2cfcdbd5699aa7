package preview

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// datum is what a cell holds: a number, a text, or nothing.
type datum struct {
	number float64
	text   string
	kind   datumKind
}

type datumKind int

const (
	datumNone datumKind = iota
	datumNumber
	datumText
)

// row are the data of one row by their fields: a label's name, or that of a value.
type row map[string]datum

// fieldTime is the field that every table of Prometheus has.
const fieldTime = "Time"

// rows are the answers to a table's queries, joined as its transformations say.
func (p *panel) rows() (rows []row, fields []string, err error) {
	var frames [][]row
	for _, a := range p.answers {
		value := "Value"
		if len(p.answers) > 1 {
			value = "Value #" + a.target.Ref
		}
		var frame []row
		for _, s := range a.series {
			last := s.Points[len(s.Points)-1]
			r := row{fieldTime: {number: float64(last.T.UnixMilli()), kind: datumNumber}, value: {number: last.V, kind: datumNumber}}
			for name, text := range s.Labels {
				r[name] = datum{text: text, kind: datumText}
			}
			frame = append(frame, r)
		}
		if len(frame) > 0 {
			frames = append(frames, frame)
		}
	}
	arranged := false
	for _, t := range p.Transformations {
		switch t.ID {
		case "merge":
			frames = [][]row{merged(frames)}
		case "organize":
			arranged = true
		default:
			return nil, nil, fmt.Errorf("the transformation %q is not known here", t.ID)
		}
	}
	if len(frames) > 1 {
		return nil, nil, fmt.Errorf("%d queries give a table each, and nothing merges them", len(frames))
	}
	for _, f := range frames {
		rows = f
	}
	fields = fieldsOf(rows)
	if arranged {
		return p.organized(rows, fields)
	}
	return rows, fields, nil
}

// merged joins rows that agree on the fields that all frames have, and that say nothing
// else of the others, as Grafana's transformation does.
func merged(frames [][]row) []row {
	if len(frames) == 0 {
		return nil
	}
	keys := fieldsOf(frames[0])
	for _, f := range frames[1:] {
		there := fieldsOf(f)
		keys = slices.DeleteFunc(keys, func(k string) bool { return !slices.Contains(there, k) })
	}
	if len(frames) == 1 {
		return frames[0]
	}
	var out []row
	byKey := map[string][]row{}
	for _, f := range frames {
	next:
		for _, r := range f {
			key := keyOf(r, keys)
			for _, other := range byKey[key] {
				if agree(other, r) {
					maps.Copy(other, r)
					continue next
				}
			}
			r = maps.Clone(r)
			byKey[key] = append(byKey[key], r)
			out = append(out, r)
		}
	}
	return out
}

func keyOf(r row, keys []string) string {
	var b strings.Builder
	for _, k := range keys {
		fmt.Fprintf(&b, "%q=%v ", k, r[k])
	}
	return b.String()
}

func agree(a, b row) bool {
	for k, v := range b {
		if other, ok := a[k]; ok && other != v {
			return false
		}
	}
	return true
}

func fieldsOf(rows []row) []string {
	all := map[string]bool{}
	for _, r := range rows {
		for k := range r {
			all[k] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// arrangement are the options of Grafana's transformation "organize".
type arrangement struct {
	Exclude map[string]bool   `json:"excludeByName"`
	Index   map[string]int    `json:"indexByName"`
	Rename  map[string]string `json:"renameByName"`
}

// organized keeps, orders and renames the columns. Those that it does not name come last.
func (p *panel) organized(rows []row, fields []string) ([]row, []string, error) {
	for _, t := range p.Transformations {
		if t.ID != "organize" {
			continue
		}
		var a arrangement
		text, err := json.Marshal(t.Options)
		if err == nil {
			err = json.Unmarshal(text, &a)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("the transformation organize: %w", err)
		}
		fields = slices.DeleteFunc(fields, func(f string) bool { return a.Exclude[f] })
		slices.SortStableFunc(fields, func(x, y string) int { return cmp.Compare(a.place(x), a.place(y)) })
		for i, r := range rows {
			renamed := row{}
			for k, v := range r {
				renamed[a.name(k)] = v
			}
			rows[i] = renamed
		}
		for i := range fields {
			fields[i] = a.name(fields[i])
		}
	}
	return rows, fields, nil
}

func (a arrangement) place(field string) int {
	if i, ok := a.Index[field]; ok {
		return i
	}
	return len(a.Index)
}

func (a arrangement) name(field string) string {
	if n := a.Rename[field]; n != "" {
		return n
	}
	return field
}

// sorted orders the rows as the panel's options say; what a row lacks is last.
func (p *panel) sorted(rows []row) error {
	var options struct {
		SortBy []struct {
			Column string `json:"displayName"`
			Desc   bool   `json:"desc"`
		} `json:"sortBy"`
	}
	if err := reencode(p.Options, &options); err != nil {
		return err
	}
	for _, by := range slices.Backward(options.SortBy) {
		slices.SortStableFunc(rows, func(a, b row) int {
			x, y := a[by.Column], b[by.Column]
			if (x.kind == datumNone) != (y.kind == datumNone) {
				return cmp.Compare(int(y.kind), int(x.kind))
			}
			n := cmp.Compare(x.number, y.number)
			if x.kind == datumText {
				n = natural(x.text, y.text)
			}
			if by.Desc {
				return -n
			}
			return n
		})
	}
	return nil
}
