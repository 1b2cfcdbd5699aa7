package report

import (
	"fmt"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// bound is a limit of an indicator, drawn as a line.
type bound struct {
	value float64
	label string
	lower bool // values below it are the bad ones
}

// plot is what one chart shows.
type plot struct {
	id      string
	title   string
	unit    func(float64) string // shows a value
	points  []result.Point
	bounds  []bound
	step    time.Duration
	height  float64
	caption string // what the axis is, for the reader
}

// chart is a plot laid out in a frame; the template only writes it down.
type chart struct {
	ID, Title, Description string
	View                   string
	Frame                  frame
	Bands                  []box
	Fault                  *box
	Gaps                   []box
	Rows                   []row
	Marks                  []mark
	Bounds                 []boundLine
	Bad                    []rect // where values break a bound
	Lines                  []string
	Dots                   []dot
	Logarithmic            bool
	Caption                string
	Moments                []moment
	FaultTimes             string
}

type row struct {
	Y     float64
	Label string
}

type rect struct{ X, Y, Width, Height float64 }

type dot struct{ X, Y float64 }

type boundLine struct {
	Y      float64
	LabelX float64
	LabelY float64
	Label  string
}

// moment is an instant worth a line: the fault confirmed, recovered.
type moment struct {
	X     float64
	Label string
}

// draw lays p out for a wide and a narrow window.
func draw(p plot, run result.Run, s span) []chart {
	var out []chart
	for _, f := range frames(s, p.height) {
		f.Top, f.Bottom = 26, f.Height-24
		out = append(out, p.in(f, run))
	}
	return out
}

func (p plot) in(f frame, run result.Run) chart {
	low, high := 0.0, 0.0
	for _, pt := range p.points {
		low, high = min(low, pt.V), max(high, pt.V)
	}
	var limits []float64
	for _, b := range p.bounds {
		limits = append(limits, b.value)
	}
	a := newAxis(low, high, limits)
	y := func(v float64) float64 { return f.Bottom - a.at(v)*(f.Bottom-f.Top) }

	c := chart{
		ID: p.id, Title: p.title, View: f.size(), Frame: f, Caption: p.caption,
		Bands: f.bands(run), Fault: f.fault(run), Marks: f.marks(), Logarithmic: a.logarithmic(),
	}
	if f.Wide {
		c.ID += "-wide"
	} else {
		c.ID += "-narrow"
	}
	sketch := thin(p.points, int(f.Right-f.Left)/4)
	// Labels closer than a line of text would be drawn over each other.
	last := f.Bottom + 100
	for _, v := range a.ticks {
		r := row{Y: y(v)}
		if last-r.Y >= 15 {
			r.Label = p.unit(v)
			last = r.Y
		}
		c.Rows = append(c.Rows, r)
	}
	for _, b := range p.bounds {
		line := boundLine{Y: y(b.value), Label: b.label}
		line.LabelY = line.Y - 5
		// Half a stroke lies outside of the plot and is bad all the same.
		const stroke = 3
		bad := rect{X: f.Left, Y: f.Top - stroke, Width: f.Right - f.Left, Height: line.Y - f.Top + stroke}
		if b.lower {
			line.LabelY = line.Y + 13
			bad.Y, bad.Height = line.Y, f.Bottom-line.Y+stroke
		}
		if line.LabelY < f.Top+10 {
			line.LabelY = line.Y + 13
		}
		line.LabelX = labelEnd(f, sketch, y, line)
		c.Bounds = append(c.Bounds, line)
		c.Bad = append(c.Bad, bad)
	}

	parts, gaps := stretches(p.points, p.step, f.from, f.to)
	columns := int(f.Right - f.Left)
	for _, part := range parts {
		if len(part) == 1 {
			c.Dots = append(c.Dots, dot{f.X(part[0].T), y(part[0].V)})
			continue
		}
		c.Lines = append(c.Lines, path(thin(part, columns), f.X, y))
	}
	for _, g := range gaps {
		c.Gaps = append(c.Gaps, f.box(g, "no data", "gap"))
	}
	if run.T1 != nil && !run.Control {
		c.Moments = append(c.Moments, moment{f.X(*run.T1), "confirmed at " + f.when(*run.T1)})
	}
	if run.Back != nil && !run.Control {
		c.Moments = append(c.Moments, moment{f.X(*run.Back), "recovered at " + f.when(*run.Back)})
	}
	if c.Fault != nil {
		c.FaultTimes = "from 0 s"
		if run.Removed != nil {
			c.FaultTimes += " to " + f.when(*run.Removed)
		}
	}
	c.Description = p.describe(f, gaps)
	return c
}

// when is a moment as the axis would show it, to the tenth of a second.
func (f frame) when(t time.Time) string {
	return offset(t.Sub(f.zero).Round(100 * time.Millisecond))
}

// labelEnd is where a bound's label ends: with its line, or else where the data
// leaves more room.
func labelEnd(f frame, points []result.Point, y func(float64) float64, b boundLine) (x float64) {
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
func (p plot) describe(f frame, gaps []result.Span) string {
	top, ok := highest(p.points)
	if !ok {
		return p.title + ": no data."
	}
	s := fmt.Sprintf("%s: highest %s at %s.", p.title, p.unit(top.V), offset(top.T.Sub(f.zero).Round(time.Second)))
	for _, b := range p.bounds {
		s += " " + b.label + "."
	}
	if n := len(gaps); n > 0 {
		s += " Data is missing in " + plural(n, "place") + "."
	}
	return s
}
