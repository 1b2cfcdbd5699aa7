package chart

import (
	"fmt"
	"time"
)

// labelEnd is where a bound's label ends: with its line, or else where the data
// leaves more room.
func labelEnd(f Frame, points []Point, y func(float64) float64, b BoundLine) (x float64) {
	width := 6.6 * float64(len(b.Label))
	crowd := func(left float64) (n int) {
		for i := 1; i < len(points); i++ {
			// A steep line touches the label between its points.
			for part := range 8 {
				share := float64(part) / 8
				px := f.X(points[i-1].T) + share*(f.X(points[i].T)-f.X(points[i-1].T))
				py := y(points[i-1].V) + share*(y(points[i].V)-y(points[i-1].V))
				if px >= left && px <= left+width && py > b.LabelY-14 && py < b.LabelY+6 {
					n++
				}
			}
		}
		return n
	}
	x = f.Right - width - 4
	least := crowd(x)
	for step := range 8 {
		at := f.Left + 6 + float64(step)/8*(f.Right-f.Left-width-10)
		if n := crowd(at); n < least {
			x, least = at, n
		}
	}
	return x + width
}

// describe says in words what the chart shows, for those who cannot see it.
func (p Plot) describe(w Window, gaps []Span) string {
	text := p.Title + ":"
	seen := false
	for _, s := range p.Series {
		top, ok := highest(s.Points)
		if !ok {
			continue
		}
		if seen {
			text += ";"
		}
		if len(p.Series) > 1 {
			text += " " + s.Name
		}
		at := top.T.Sub(w.Zero).Round(time.Second)
		when := Offset(at)
		if w.Zero.IsZero() {
			when = w.When(top.T)
		}
		text += fmt.Sprintf(" highest %s at %s", p.Unit(top.V), when)
		seen = true
	}
	if !seen {
		return text + " no data."
	}
	text += "."
	for _, b := range p.Bounds {
		text += " " + b.Label + "."
	}
	if n := len(gaps); n > 0 {
		text += " Data is missing in " + Plural(n, "place") + "."
	}
	return text
}
