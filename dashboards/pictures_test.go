package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ballast-sre/ballast/dashboards/internal/lint"
	"github.com/ballast-sre/ballast/internal/prom"
)

// picture is what a panel shows. Two panels with the same texts look the same.
type picture struct {
	panel   lint.Panel
	texts   []string          // of each query, all that it answered
	labels  map[string]bool   // that any query answered with
	colours map[string]string // the worst one, by column, of what has a colour for what is bad
	odd     map[string]bool   // what a reader would stumble over
	// unchosen is what it shows though the reader chose otherwise.
	unchosen map[string]bool
}

// shown are the names of the lines of a panel at one time.
type shown map[string]string

// add draws what a query answered.
func (p *picture) add(i int, series []prom.Series, shown shown) error {
	target := p.panel.Targets[i]
	if err := p.colour(target, series); err != nil {
		return err
	}
	for _, s := range series {
		for name := range s.Labels {
			p.labels[name] = true
		}
		if p.panel.Type == "table" {
			continue
		}
		name := legend(target, s.Labels)
		if other, taken := shown[name]; taken {
			p.odd[fmt.Sprintf("two values are called %q (queries %s and %s)", name, other, target.Ref)] = true
		}
		shown[name] = target.Ref
	}
	p.texts[i] += text(series)
	return nil
}

// colour keeps the worst colour of the values. The lines of a chart have colours that tell
// them apart, and limits that are drawn.
func (p *picture) colour(target lint.Target, series []prom.Series) error {
	l, err := looks(p.panel, target)
	if err != nil || p.panel.Type == "timeseries" || !l.coloured() {
		return err
	}
	column := ""
	if p.panel.Type == "table" {
		column = " " + target.Ref
	}
	if twins := l.twins(); twins != "" {
		p.odd[twins] = true
	}
	p.colours[column] = worse(p.colours[column], "")
	for _, s := range series {
		for _, point := range s.Points {
			colour, err := l.of(point.V)
			if err != nil {
				return err
			}
			p.colours[column] = worse(p.colours[column], colour)
		}
	}
	return nil
}

// narrowed looks for what the reader did not choose.
func (p *picture) narrowed(chosen map[string]string, series []prom.Series) {
	for _, s := range series {
		for label, value := range chosen {
			if got, ok := s.Labels[label]; ok && got != value {
				p.unchosen[fmt.Sprintf("it shows %s %q where the reader chose %q", label, got, value)] = true
			}
		}
	}
}

// inLegend is a label in the name of a line.
var inLegend = regexp.MustCompile(`\{\{(\w+)\}\}`)

// legend is the name of a value.
func legend(t lint.Target, labels map[string]string) string {
	return inLegend.ReplaceAllStringFunc(t.Legend, func(use string) string { return labels[strings.Trim(use, "{}")] })
}

// missing are labels that the panel names its lines or its columns by and that no answer has.
func (p *picture) missing() []string {
	var names []string
	for _, t := range p.panel.Targets {
		for _, m := range inLegend.FindAllStringSubmatch(t.Legend, -1) {
			names = append(names, m[1])
		}
	}
	for field := range columns(p.panel) {
		if !strings.HasPrefix(field, "Value") {
			names = append(names, field)
		}
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return p.labels[name] })
}

// text is all that a query answered.
func text(series []prom.Series) string {
	var lines []string
	for _, s := range series {
		var b strings.Builder
		for _, name := range slices.Sorted(maps.Keys(s.Labels)) {
			fmt.Fprintf(&b, "%s=%s ", name, s.Labels[name])
		}
		for _, point := range s.Points {
			b.WriteString(" " + strconv.FormatFloat(point.V, 'g', 6, 64))
		}
		lines = append(lines, b.String()+"\n")
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}
