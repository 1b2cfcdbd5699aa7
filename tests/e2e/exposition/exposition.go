// Package exposition compares what a program of others exports with the selection of it that
// docs/metrics holds.
package exposition

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

// Exposition is a program's metrics in the text format, by family.
type Exposition struct{ families map[string]*family }

type family struct {
	help   string
	of     model.MetricType
	series []series
}

type series struct {
	name, labels string // labels as a set in the order of their names
	names        []string
	zero         bool
	text         string // the line
}

// Parse reads the text format. Samples without a TYPE line are a family of their own.
func Parse(text []byte) (Exposition, error) {
	e := Exposition{map[string]*family{}}
	p, err := textparse.New(text, "text/plain", labels.NewSymbolTable(), textparse.ParserOptions{})
	if p == nil {
		return e, fmt.Errorf("read an exposition: %w", err)
	}
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return e, nil
		}
		if err != nil {
			return e, fmt.Errorf("read an exposition: %w", err)
		}
		switch entry {
		case textparse.EntryHelp:
			name, help := p.Help()
			e.family(string(name)).help = string(help)
		case textparse.EntryType:
			name, of := p.Type()
			e.family(string(name)).of = of
		case textparse.EntrySeries:
			var ls labels.Labels
			p.Labels(&ls)
			text, _, value := p.Series()
			s := series{name: ls.Get(model.MetricNameLabel), zero: value == 0, text: fmt.Sprintf("%s %v", text, value)}
			ls = labels.NewBuilder(ls).Del(model.MetricNameLabel).Labels()
			s.labels = ls.String()
			ls.Range(func(l labels.Label) { s.names = append(s.names, l.Name) })
			f := e.families[e.familyOf(s.name)]
			if f == nil {
				f = e.family(s.name)
			}
			f.series = append(f.series, s)
		case textparse.EntryInvalid, textparse.EntryComment, textparse.EntryUnit, textparse.EntryHistogram: // say nothing here
		}
	}
}

func (e Exposition) family(name string) *family {
	if e.families[name] == nil {
		e.families[name] = &family{of: model.MetricTypeUnknown}
	}
	return e.families[name]
}

// familyOf is the family of a series: its own name, or that of a histogram or summary.
func (e Exposition) familyOf(name string) string {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if base, ok := strings.CutSuffix(name, suffix); ok && e.families[base] != nil {
			return base
		}
	}
	return name
}

// Families lists the names in alphabetical order.
func (e Exposition) Families() []string {
	var names []string
	for name := range e.families {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Missing says what of this exposition, a selection, a newer one does not have any more: a
// family, its type, or the labels of a series. Values of labels may differ.
func (e Exposition) Missing(newer Exposition) []string {
	var missing []string
	for _, name := range e.Families() {
		was, is := e.families[name], newer.families[name]
		if is == nil {
			missing = append(missing, name+" is not exported any more")
			continue
		}
		if was.of != is.of {
			missing = append(missing, fmt.Sprintf("%s was a %s and is a %s", name, was.of, is.of))
		}
		for _, s := range was.series {
			same := func(other series) bool { return s.name == other.name && slices.Equal(s.names, other.names) }
			if !slices.ContainsFunc(is.series, same) {
				missing = append(missing, fmt.Sprintf("no series of %s has the labels %s", s.name, strings.Join(s.names, ", ")))
			}
		}
	}
	slices.Sort(missing)
	return slices.Compact(missing)
}

// Select writes the families of these names in the text format, in alphabetical order, with
// at most so many series each: first those that are not 0, as they say what happened.
func (e Exposition) Select(names []string, most int) []byte {
	var b bytes.Buffer
	names = slices.Clone(names)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		f := e.families[name]
		if f == nil {
			continue
		}
		if f.help != "" {
			fmt.Fprintf(&b, "# HELP %s %s\n", name, f.help)
		}
		if f.of != model.MetricTypeUnknown { // which the format calls otherwise
			fmt.Fprintf(&b, "# TYPE %s %s\n", name, f.of)
		}
		var chosen, zero []series
		for _, s := range f.series {
			if s.zero {
				zero = append(zero, s)
			} else {
				chosen = append(chosen, s)
			}
		}
		chosen = append(chosen, zero...)
		for _, s := range chosen[:min(most, len(chosen))] {
			fmt.Fprintln(&b, s.text)
		}
	}
	return b.Bytes()
}
