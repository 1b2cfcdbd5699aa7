package chart

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"
)

// Field is a chart without a size of its own: it fills the place that its page gives it,
// from a phone to a wall screen, and its texts keep theirs. That is why its labels stand
// beside the picture and are placed in percent.
type Field struct {
	// Unit shows a value; step is the distance of two ticks, or 0 for a value that was
	// measured.
	Unit   func(v, step float64) string
	Lines  []Line
	Limits []Limit
	// Step is the distance of two points between which nothing is missing.
	Step time.Duration
	Ends Ends
	Base Base
	// Log draws a logarithmic scale, Stacked each line upon those before it.
	Log, Stacked bool
	// Regions and Moments are drawn across the chart.
	Regions []Region
	// Width and Height are about what the place has, in pixels: how many marks the time axis
	// has, and how many points a line.
	Width, Height float64
}

// Line is a series with its look. Its points are finite and ascend in time.
type Line struct {
	Series
	Dashed bool
	// Fill is how dense the area below the line is, from 0 to 1.
	Fill float64
}

// Limit is a threshold, drawn as a line across the chart.
type Limit struct {
	Value float64
	Style template.CSS
}

// Region is a stretch of time, or an instant where both ends are the same.
type Region struct {
	Span
	Label string
	Style template.CSS
}

// FieldView is a field laid out, for the template "field". Coordinates are in the view box,
// places in percent.
type FieldView struct {
	View    string
	Grid    string
	Ticks   []Place
	Longest string // label of a tick, which the axis is as wide as
	Times   TimePlaces
	Areas   []Stroke
	Strokes []FieldStroke
	Limits  []LimitLine
	Regions []RegionBox
	Keys    []Key
}

// Place is a label at a place on an axis, in percent. Fine ones are left out where there is
// little room: rank 1 first, then rank 2.
type Place struct {
	At     float64
	Label  string
	Rank   int
	Anchor string // start or end, of a label that would hang over
}

// TimePlaces are the marks of a time axis. Of how many it may be decides from which width on
// the finer ones are shown: up to 4, 8 or more.
type TimePlaces struct {
	UpTo   int
	Places []Place
}

// FieldStroke is a stretch of a line.
type FieldStroke struct {
	Path, Class string
	Dashed      bool
	Name        string
}

// LimitLine is a limit with its height in the view box.
type LimitLine struct {
	Y     float64
	Style template.CSS
}

// RegionBox is a region in percent of the width.
type RegionBox struct {
	Left, Width float64
	Label       string
	Style       template.CSS
}

// Layout lays the field out over a window.
func (d Field) Layout(w Window) FieldView {
	f := Frame{Size: Size{Width: d.Width, Right: d.Width, Height: d.Height}, Bottom: d.Height, window: w}
	lines := d.Lines
	if d.Log {
		lines = positive(lines)
	}
	if d.Stacked {
		lines = stacked(lines)
	}
	s := d.scale(lines)
	y := func(v float64) float64 { return f.Bottom * (1 - s.at(v)) }
	v := FieldView{View: f.View(), Times: f.places()}
	v.ticks(d, s, y, f)
	for _, l := range d.Limits {
		if s.holds(l.Value) {
			v.Limits = append(v.Limits, LimitLine{y(l.Value), l.Style})
		}
	}
	base := y(max(s.low, min(s.high, 0)))
	for i, l := range lines {
		class := seriesClass(i)
		v.Keys = append(v.Keys, Key{class, l.Name})
		parts, _ := stretches(l.Points, d.Step, w.From, w.To)
		var below []Point
		if d.Stacked && i > 0 {
			below = lines[i-1].Points
		}
		for _, part := range parts {
			part = thin(part, int(d.Width))
			stroke := path(part, f.X, y)
			if len(part) == 1 {
				stroke += "h0" // a dot, with the round ends of the stroke
			}
			v.Strokes = append(v.Strokes, FieldStroke{stroke, class, l.Dashed, l.Name})
			if l.Fill > 0 && len(part) > 1 {
				v.Areas = append(v.Areas, Stroke{area(part, below, f.X, y, base), class + density(l.Fill)})
			}
		}
	}
	for _, r := range d.Regions {
		left := 100 * f.X(r.Start) / f.Width
		v.Regions = append(v.Regions, RegionBox{left, 100*f.X(r.End)/f.Width - left, r.Label, r.Style})
	}
	return v
}

func density(fill float64) string {
	if fill > 0.25 {
		return " dense"
	}
	return ""
}

// scale holds every point.
func (d Field) scale(lines []Line) scale {
	low, high := math.Inf(1), math.Inf(-1)
	for _, l := range lines {
		for _, p := range l.Points {
			low, high = min(low, p.V), max(high, p.V)
		}
	}
	if d.Stacked && high > 0 {
		low = min(low, 0) // areas stand on it
	}
	return newScale(low, high, d.Ends, d.Log, d.Base)
}

// ticks names round values, as many as there is room for.
func (v *FieldView) ticks(d Field, s scale, y func(float64) float64, f Frame) {
	const line = 18 // pixels
	last := math.Inf(1)
	var grid strings.Builder
	for _, t := range s.ticks {
		at := y(t)
		if last-at < line {
			continue
		}
		last = at
		fmt.Fprintf(&grid, "M0 %sH%s", Coordinate(at), Coordinate(f.Width))
		p := Place{At: 100 * (1 - at/f.Height), Label: d.Unit(t, s.step)}
		if len([]rune(p.Label)) > len([]rune(v.Longest)) {
			v.Longest = p.Label
		}
		v.Ticks = append(v.Ticks, p)
	}
	v.Grid = grid.String()
}

// places are the marks of the time axis in percent.
func (f Frame) places() TimePlaces {
	// Texts stand closer in a place that is narrower than thought.
	const spare = 0.6
	full := f.Width
	f.Width, f.Right = full*spare, full*spare
	out := TimePlaces{UpTo: 4}
	for i, m := range f.marks() {
		p := Place{At: 100 * m.X / f.Width, Label: m.Label, Rank: 1}
		switch {
		case p.At < 3:
			p.Anchor = "start"
		case p.At > 97:
			p.Anchor = "end"
		}
		switch {
		case i%4 == 0:
			p.Rank = 3
		case i%2 == 0:
			p.Rank = 2
		}
		out.Places = append(out.Places, p)
	}
	for out.UpTo < 16 && len(out.Places) > out.UpTo {
		out.UpTo *= 2
	}
	return out
}

// positive are the points that a logarithmic scale has a place for.
func positive(lines []Line) []Line {
	out := slices.Clone(lines)
	for i, l := range out {
		out[i].Points = slices.DeleteFunc(slices.Clone(l.Points), func(p Point) bool { return p.V <= 0 })
	}
	return out
}

// stacked adds to each line those before it, at each of its points.
func stacked(lines []Line) []Line {
	sum := map[int64]float64{}
	out := slices.Clone(lines)
	for i, l := range out {
		points := slices.Clone(l.Points)
		for j, p := range points {
			at := p.T.UnixMilli()
			sum[at] += p.V
			points[j].V = sum[at]
		}
		out[i].Points = points
	}
	return out
}

// area is a line closed along the base, or along the line below it where that has the same
// points.
func area(part, below []Point, x func(time.Time) float64, y func(float64) float64, base float64) string {
	first, last := part[0].T, part[len(part)-1].T
	var back []Point
	for _, p := range slices.Backward(below) {
		if !p.T.Before(first) && !p.T.After(last) {
			back = append(back, p)
		}
	}
	if len(back) > 1 {
		return path(part, x, y) + "L" + path(back, x, y)[1:] + "Z"
	}
	return fmt.Sprintf("%sV%sH%sZ", path(part, x, y), Coordinate(base), Coordinate(x(first)))
}

// FieldStylesheet is the style of fields and states, which a page needs beside [Stylesheet].
func FieldStylesheet() (template.CSS, error) {
	css, err := templates.ReadFile("template/field.css")
	if err != nil {
		return "", fmt.Errorf("read the style of fields: %w", err)
	}
	return template.CSS(css), nil //nolint:gosec // embedded, not input
}
