package preview

import (
	"html/template"
	"strings"

	"github.com/ballast-sre/ballast/dashboards/internal/lint"
	"github.com/ballast-sre/ballast/internal/chart"
)

// swatch is a colour and what it means.
type swatch struct {
	Label string
	Style template.CSS
}

func (p *panel) timeline(d *drawing, fields []field, marks []chart.Region) {
	if len(fields) == 0 {
		return
	}
	var (
		names []string
		lines [][]chart.StatePoint
		said  []string
	)
	for _, f := range fields {
		var line []chart.StatePoint
		for _, pt := range f.points {
			s := f.look.number(pt.V, p.scope.span.to)
			label := s.text
			if !s.mapped && len(f.look.Thresholds.Steps) > 1 {
				label = f.look.band(pt.V, p.scope.span.to) // what has one colour is one stretch
			}
			line = append(line, chart.StatePoint{T: pt.T, Label: label, Style: inColour(s.color)})
		}
		names, lines = append(names, f.name), append(lines, line)
		if n := len(line); n > 0 {
			said = append(said, f.name+" at the end "+line[n-1].Label)
		}
	}
	v := chart.States(p.scope.window(), p.scope.interval, float64(p.Grid.W*cellWidth), names, lines, marks)
	d.States, d.Legend, d.Summary = &v, fields[0].look.meanings(p.scope.span.to), strings.Join(said, ", ")
}

// band says between which thresholds a value lies.
func (l look) band(v float64, now clock) string {
	at := 0
	for i, s := range l.Thresholds.Steps {
		if i == 0 || s.Value != nil && v >= l.limit(*s.Value) {
			at = i
		}
	}
	return l.bandName(at, now)
}

func (l look) bandName(i int, now clock) string {
	steps := l.Thresholds.Steps
	write := func(s lint.Step) string {
		return inUnit(l.limit(*s.Value), l.Unit, precision{exactly: l.Decimals}, now)
	}
	if i == 0 {
		if len(steps) > 1 && steps[1].Value != nil {
			return "< " + write(steps[1])
		}
		return ""
	}
	return write(steps[i]) + "+"
}

// meanings are what the colours of a timeline stand for.
func (l look) meanings(now clock) []swatch {
	var out []swatch
	for _, m := range l.states() {
		out = append(out, swatch{m.Text, inColour(m.Color)})
	}
	if len(out) == 0 {
		for i, s := range l.Thresholds.Steps {
			if name := l.bandName(i, now); name != "" {
				out = append(out, swatch{name, inColour(s.Color)})
			}
		}
	}
	return out
}
