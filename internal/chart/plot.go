package chart

import (
	"fmt"
	"time"
)

// Series is one line of a chart. Its points ascend in time.
type Series struct {
	Name   string // for the legend, where there are several
	Points []Point
}

// Bound is a limit of what is drawn, shown as a line.
type Bound struct {
	Value float64
	Label string
	Lower bool // values below it are the bad ones
}

// Plot is what one chart of lines shows.
type Plot struct {
	// ID begins the ids of the chart's elements; unique in its page.
	ID    string
	Title string
	// Unit shows a value.
	Unit   func(float64) string
	Series []Series
	Bounds []Bound
	// Step is the distance of two points between which nothing is missing.
	Step    time.Duration
	Height  float64 // of the whole picture, in pixels
	Caption string  // what the axis is, for the reader
}

// Chart is a plot laid out in a frame; the template "chart" only writes it down.
type Chart struct {
	ID, Title, Description string
	Frame                  Frame
	Bands                  []Box
	Shades                 []Box
	Gaps                   []Box
	Rows                   []Row
	Marks                  []Mark
	Bounds                 []BoundLine
	Bad                    []Rect // where values break a bound
	Lines                  []Stroke
	Dots                   []Dot
	Moments                []MomentLine
	Logarithmic            bool
}

// Row is a line across the plot at a round value.
type Row struct {
	Y     float64
	Label string
}

// Rect is an area of a picture.
type Rect struct{ X, Y, Width, Height float64 }

// Stroke is a stretch of a series without missing data. Class tells its series.
type Stroke struct{ Path, Class string }

// Dot is a value without neighbours.
type Dot struct {
	X, Y  float64
	Class string
}

// BoundLine is a bound with the place of its label.
type BoundLine struct {
	Y, LabelX, LabelY float64
	Label             string
}

// MomentLine is a moment's place.
type MomentLine struct {
	X     float64
	Label string
}

// Figure is a chart in all its sizes, with the caption and the legend that they share; the
// template "figure" writes it.
type Figure struct {
	Name, Caption string
	Charts        []Chart
	Legend        []Key
}

// Key is an entry of a legend: the style class of its mark, and what the mark means.
type Key struct{ Class, Label string }

// Draw lays p out at every size.
func (p Plot) Draw(w Window, n Annotations, sizes ...Size) Figure {
	f := Figure{Name: p.Title, Caption: p.Caption}
	for _, s := range sizes {
		f.Charts = append(f.Charts, p.in(newFrame(w, s, p.Height, 26, 24), n))
	}
	if len(f.Charts) == 0 {
		return f
	}
	first := f.Charts[0]
	if first.Logarithmic {
		f.Caption += " · logarithmic scale"
	}
	if len(p.Series) < 2 {
		f.Legend = []Key{{"line", "measured"}}
	} else {
		for i, s := range p.Series {
			f.Legend = append(f.Legend, Key{"line " + seriesClass(i), s.Name})
		}
	}
	if len(p.Bounds) > 0 {
		f.Legend = append(f.Legend, Key{"bound", "bound"})
	}
	if len(first.Bad) > 0 {
		f.Legend = append(f.Legend, Key{"bad", "beyond it"})
	}
	for _, s := range n.Shades {
		label := s.Label + " from " + w.When(s.Start)
		if s.End.Before(w.To) {
			label += " to " + w.When(s.End)
		}
		f.Legend = append(f.Legend, Key{s.Class, label})
	}
	for _, m := range n.Moments {
		f.Legend = append(f.Legend, Key{"moment", m.Label + " at " + w.When(m.T)})
	}
	if len(first.Gaps) > 0 {
		f.Legend = append(f.Legend, Key{"gap", "no data"})
	}
	return f
}

// seriesColours is how many colours the style sheet has for lines.
const seriesColours = 8

func seriesClass(i int) string { return fmt.Sprintf("s%d", i%seriesColours+1) }

func (p Plot) in(f Frame, n Annotations) Chart {
	low, high := 0.0, 0.0
	for _, s := range p.Series {
		for _, pt := range s.Points {
			low, high = min(low, pt.V), max(high, pt.V)
		}
	}
	var limits []float64
	for _, b := range p.Bounds {
		limits = append(limits, b.Value)
	}
	a := newAxis(low, high, limits)
	y := func(v float64) float64 { return f.Bottom - a.at(v)*(f.Bottom-f.Top) }

	c := Chart{
		ID: p.ID + f.ID, Title: p.Title, Frame: f,
		Bands: f.boxes(n.Bands), Shades: f.boxes(n.Shades), Marks: f.marks(), Logarithmic: a.logarithmic(),
	}
	// Labels closer than a line of text would be drawn over each other.
	last := f.Bottom + 100
	for _, v := range a.ticks {
		r := Row{Y: y(v)}
		if last-r.Y >= 15 {
			r.Label = p.Unit(v)
			last = r.Y
		}
		c.Rows = append(c.Rows, r)
	}
	c.bound(p, y)
	gaps := c.lines(p, y)
	for _, m := range n.Moments {
		c.Moments = append(c.Moments, MomentLine{f.X(m.T), m.Label + " at " + f.window.When(m.T)})
	}
	c.Description = p.describe(f.window, gaps)
	return c
}

// bound adds the bounds. Only a single line is repainted beyond them: of several, each
// keeps the colour that names it.
func (c *Chart) bound(p Plot, y func(float64) float64) {
	f := c.Frame
	var sketch []Point
	if len(p.Series) == 1 {
		sketch = thin(p.Series[0].Points, int(f.Right-f.Left)/4)
	}
	for _, b := range p.Bounds {
		line := BoundLine{Y: y(b.Value), Label: b.Label}
		line.LabelY = line.Y - 5
		// Half a stroke lies outside of the plot and is bad all the same.
		const stroke = 3
		bad := Rect{X: f.Left, Y: f.Top - stroke, Width: f.Right - f.Left, Height: line.Y - f.Top + stroke}
		if b.Lower {
			line.LabelY = line.Y + 13
			bad.Y, bad.Height = line.Y, f.Bottom-line.Y+stroke
		}
		if line.LabelY < f.Top+10 {
			line.LabelY = line.Y + 13
		}
		line.LabelX = labelEnd(f, sketch, y, line)
		c.Bounds = append(c.Bounds, line)
		if len(p.Series) < 2 {
			c.Bad = append(c.Bad, bad)
		}
	}
}

// lines adds the series and returns where data is missing. Among several series a gap of
// one would hide the others, so that only what none has is marked.
func (c *Chart) lines(p Plot, y func(float64) float64) (gaps []Span) {
	f := c.Frame
	columns := int(f.Right - f.Left)
	series := p.Series
	if len(series) == 0 {
		series = []Series{{}}
	}
	for i, s := range series {
		class := ""
		if len(series) > 1 {
			class = seriesClass(i)
		}
		parts, missing := stretches(s.Points, p.Step, f.window.From, f.window.To)
		for _, part := range parts {
			if len(part) == 1 {
				c.Dots = append(c.Dots, Dot{f.X(part[0].T), y(part[0].V), class})
				continue
			}
			c.Lines = append(c.Lines, Stroke{path(thin(part, columns), f.X, y), class})
		}
		if i == 0 {
			gaps = missing
		} else {
			gaps = common(gaps, missing)
		}
	}
	for _, g := range gaps {
		c.Gaps = append(c.Gaps, f.box(Band{g, "no data", "gap"}))
	}
	return gaps
}

// common is the time that lies in a span of both.
func common(a, b []Span) []Span {
	var out []Span
	for _, s := range a {
		for _, t := range b {
			if u := (Span{later(s.Start, t.Start), earlier(s.End, t.End)}); u.Start.Before(u.End) {
				out = append(out, u)
			}
		}
	}
	return out
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
