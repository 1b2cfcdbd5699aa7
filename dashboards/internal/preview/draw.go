package preview

import (
	"fmt"
	"html/template"
	"math"
	"strings"

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
