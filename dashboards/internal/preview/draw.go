package preview

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/dashboards/internal/lint"
	"github.com/ballast-sre/ballast/internal/chart"
)

// The kinds of panels that are drawn.
const (
	kindRow      = "row"
	kindStat     = "stat"
	kindGauge    = "gauge"
	kindBars     = "bargauge"
	kindTable    = "table"
	kindSeries   = "timeseries"
	kindTimeline = "state-timeline"
)

// drawing is one panel as the template writes it.
type drawing struct {
	ID, Title, About string
	Kind             string
	X, Y, W, H       int // on the grid of its row, from 1
	Links            []anchor
	Queries          []string
	Failures         []string
	None             string // what is shown where there is no data
	Summary          string // for those who cannot see it

	Tiles  []tile
	Table  *tableView
	Field  *chart.FieldView
	States *chart.StatesView
	Legend []swatch
}

// anchor is a link. A dashboard of the page is a place in it.
type anchor struct {
	Title string
	URL   template.URL
}

// tile is a value of a stat, a gauge or a bar.
type tile struct {
	Name, Text string
	Style      template.CSS
	Painted    bool
	Share      float64 // of the bar or gauge, 0 to 100
	Arcs       []arc
}

// arc is a part of a gauge's ring, in shares of its length from 0 to 100.
type arc struct {
	From, Length float64
	Style        template.CSS
}

// swatch is a colour and what it means.
type swatch struct {
	Label string
	Style template.CSS
}

// drawn makes a panel's drawing. What cannot be drawn is a failure in its place.
func (v *view) drawn(p *panel, marks []chart.Region) drawing {
	d := drawing{
		ID: fmt.Sprintf("%s-%d-%d-%d", v.board.UID, p.ID, p.Grid.X, p.Grid.Y), Title: p.scope.words(p.Title), About: p.scope.words(p.About), Kind: p.Type,
		None: p.Fields.Defaults.NoValue, Links: p.anchors(p.Links, cell{}),
	}
	if d.None == "" {
		d.None = "No data"
	}
	for _, a := range p.answers {
		d.Queries = append(d.Queries, a.target.Ref+": "+a.expr)
		if a.err != nil {
			d.Failures = append(d.Failures, "Query "+a.target.Ref+": "+a.err.Error())
		}
		for _, name := range p.scope.unknown(a.target.Expr) {
			d.Failures = append(d.Failures, fmt.Sprintf("Query %s: the variable %q has no value.", a.target.Ref, name))
		}
	}
	if err := p.fill(&d, marks); err != nil {
		d.Failures = append(d.Failures, err.Error())
	}
	return d
}

// fill draws the panel's data.
func (p *panel) fill(d *drawing, marks []chart.Region) error {
	if p.Type == kindTable {
		return p.table(d)
	}
	fields, err := p.fields()
	if err != nil {
		return err
	}
	switch p.Type {
	case kindStat, kindGauge, kindBars:
		p.tiles(d, fields)
		return nil
	case kindSeries:
		p.series(d, fields, marks)
		return nil
	case kindTimeline:
		p.timeline(d, fields, marks)
		return nil
	}
	return fmt.Errorf("panels of the type %q are not drawn here", p.Type)
}

// tiles are the last values of a stat, gauge or bars. Numbers have no name where there is
// only one.
func (p *panel) tiles(d *drawing, fields []field) {
	high := math.Inf(-1)
	for _, f := range fields {
		if v, ok := f.last(); ok {
			high = max(high, v)
		}
	}
	background := p.Options["colorMode"] == "background"
	var said []string
	for _, f := range fields {
		v, ok := f.last()
		if !ok {
			continue
		}
		s := f.look.number(v, p.scope.span.to)
		t := tile{Name: f.name, Text: s.text, Style: inColour(s.color), Painted: background && painted(s.color)}
		low, most := f.look.ends(0, 0)
		if f.look.Max == nil {
			most = high
			if p.Type == kindGauge {
				most = 100
			}
		}
		t.Share = share(v, low, most)
		if p.Type == kindGauge {
			t.Arcs = f.look.ring(low, most)
		}
		said = append(said, strings.TrimSpace(t.Name+" "+t.Text))
		if len(fields) == 1 && !f.named {
			t.Name = ""
		}
		d.Tiles = append(d.Tiles, t)
	}
	d.Summary = strings.Join(said, ", ")
}

// share is how far v is on the way from low to high, in percent.
func share(v, low, high float64) float64 {
	if !(high > low) {
		return 0
	}
	return 100 * min(1, max(0, (v-low)/(high-low)))
}

// ring are the colours of the thresholds around a gauge.
func (l look) ring(low, high float64) []arc {
	var out []arc
	for i, s := range l.Thresholds.Steps {
		from, to := low, high
		if s.Value != nil {
			from = max(low, l.limit(*s.Value))
		}
		if i+1 < len(l.Thresholds.Steps) && l.Thresholds.Steps[i+1].Value != nil {
			to = l.limit(*l.Thresholds.Steps[i+1].Value)
		}
		if begin, end := share(from, low, high), share(to, low, high); end > begin {
			out = append(out, arc{begin, end - begin, inColour(s.Color)})
		}
	}
	return out
}

// window is the range that charts show.
func (s scope) window() chart.Window { return chart.Window{From: s.span.from, To: s.span.to} }

// Sizes of a cell of Grafana's grid on a screen of the width fullWidth, in pixels, and of
// what is in a panel beside the chart.
const (
	cellWidth  = fullWidth / columns
	cellHeight = 38
	beside     = 100
)

func (p *panel) series(d *drawing, fields []field, marks []chart.Region) {
	if len(fields) == 0 {
		return
	}
	first := fields[0].look
	f := chart.Field{
		Step: p.scope.interval, Regions: marks, Width: float64(p.Grid.W * cellWidth), Height: float64(max(100, p.Grid.H*cellHeight-beside)),
		Ends: chart.Ends{Least: first.Min, Most: first.Max}, Log: first.Custom.Scale.Type == "log",
		Base: baseOf(first.Unit), Stacked: first.Custom.Stacking.Mode == "normal",
	}
	f.Unit = func(v, step float64) string {
		decimals := decimalsOf(step)
		if first.Unit == "percentunit" {
			decimals = decimalsOf(step * 100)
		}
		if step == 0 {
			decimals = 0
		}
		return inUnit(v, first.Unit, precision{exactly: first.Decimals, atLeast: decimals}, p.scope.span.to)
	}
	if first.Custom.ThresholdsStyle.Mode != "" && first.Custom.ThresholdsStyle.Mode != "off" {
		for _, s := range first.Thresholds.Steps {
			if s.Value != nil && painted(s.Color) {
				f.Limits = append(f.Limits, chart.Limit{Value: first.limit(*s.Value), Style: inColour(s.Color)})
			}
		}
	}
	var said []string
	for _, fd := range fields {
		f.Lines = append(f.Lines, chart.Line{
			Series: chart.Series{Name: fd.name, Points: finite(fd.points)},
			Dashed: fd.look.Custom.LineStyle.Fill == "dash", Fill: fd.look.Custom.FillOpacity / 100,
		})
		if v, ok := fd.last(); ok {
			said = append(said, fd.name+" at the end "+fd.look.number(v, p.scope.span.to).text)
		}
	}
	const most = 20 // said; the others are seen
	if len(said) > most {
		said = append(said[:most], fmt.Sprintf("and %d more", len(said)-most))
	}
	d.Summary = strings.Join(said, ", ")
	v := f.Layout(p.scope.window())
	d.Field = &v
}

// baseOf is which values of a unit are round.
func baseOf(unit string) chart.Base {
	switch unit {
	case "bytes", "binBps":
		return chart.Bytes
	case "s", "dtdurations":
		return chart.Time
	}
	return chart.Decimal
}

// decimalsOf is how many decimals tell multiples of a step apart.
func decimalsOf(step float64) int {
	if !(step > 0) {
		return 0
	}
	return min(10, max(0, -int(math.Floor(math.Log10(step)+1e-9))))
}

// finite are the points that have a height.
func finite(points []sample) []chart.Point {
	var out []chart.Point
	for _, p := range points {
		if !math.IsNaN(p.V) && !math.IsInf(p.V, 0) {
			out = append(out, chart.Point{T: p.T, V: p.V})
		}
	}
	return out
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

// anchors are links with the values of their variables. A link to a dashboard leads to its
// place in the page, as it is drawn there for one choice alone.
func (p *panel) anchors(links []lint.Link, at cell) []anchor {
	var out []anchor
	for _, l := range links {
		url := p.scope.link(l.URL, at)
		if rest, ok := strings.CutPrefix(url, "/d/"); ok {
			uid, _, _ := strings.Cut(rest, "?")
			url = "#" + uid
		}
		if !strings.HasPrefix(url, "#") && !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://") {
			continue // no page that a browser would open
		}
		out = append(out, anchor{p.scope.words(l.Title), template.URL(url)}) //nolint:gosec // its scheme was looked at
	}
	return out
}

// regions are when the annotations of a dashboard went on, or happened.
func (v *view) regions() (out []chart.Region, failures []string) {
	for i, a := range v.board.Annotations.List {
		m := v.marks[i]
		if m == nil {
			continue
		}
		if m.err != nil {
			failures = append(failures, fmt.Sprintf("Annotation %s: %v", a.Name, m.err))
		}
		for _, s := range m.series {
			title := legend(lint.Target{Legend: a.Title}, s.Labels)
			text := legend(lint.Target{Legend: a.Text}, s.Labels)
			for _, span := range spansOf(s.Points, m.window.Step, a.ByValue) {
				if span.End.Before(v.scope.span.from) || span.Start.After(v.scope.span.to) {
					continue
				}
				out = append(out, chart.Region{Span: span, Label: title + ": " + text, Style: inColour(a.Color)})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b chart.Region) int { return a.Start.Compare(b.Start) })
	return out, failures
}

// spansOf are the stretches in which a series is there and not 0, or the times that its
// values are.
func spansOf(points []sample, step time.Duration, byValue bool) []chart.Span {
	var out []chart.Span
	for _, p := range points {
		switch {
		case byValue:
			at := time.UnixMilli(int64(p.V)).UTC()
			if n := len(out); n == 0 || !out[n-1].Start.Equal(at) {
				out = append(out, chart.Span{Start: at, End: at})
			}
		case p.V == 0:
		case len(out) > 0 && p.T.Sub(out[len(out)-1].End) <= step:
			out[len(out)-1].End = p.T
		default:
			out = append(out, chart.Span{Start: p.T, End: p.T})
		}
	}
	return out
}
