package chart

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Size is one width at which a chart is drawn, in pixels.
type Size struct {
	// Class is the style class of the picture; the style sheet shows "at-wide" in wide
	// windows and "at-narrow" in narrow ones. Empty: it is always shown.
	Class string
	// ID ends the ids of the picture, so that two sizes of one chart differ.
	ID string
	// Width of the picture, and where the plot begins and ends in it.
	Width, Left, Right float64
	// Height of the picture; 0 is what the chart asks for.
	Height float64
}

// Sizes are a wide and a narrow picture: text in an SVG shrinks with it, so that one size
// cannot serve both a desk and a phone.
func Sizes() []Size {
	return []Size{
		{Class: "at-wide", ID: "-wide", Width: 960, Left: 64, Right: 940},
		{Class: "at-narrow", ID: "-narrow", Width: 400, Left: 52, Right: 380},
	}
}

// Window is the time that all charts of a page share, so that the same moment stands at
// the same place in each of them.
type Window struct {
	// To must be after From.
	From, To time.Time
	// Zero is what the time axis counts from; the zero time labels it with the clock in
	// UTC.
	Zero time.Time
}

// Span is a stretch of time.
type Span struct{ Start, End time.Time }

// Band is a named stretch of time with a style class.
type Band struct {
	Span
	Label, Class string
}

// Moment is an instant worth a line.
type Moment struct {
	T     time.Time
	Label string
}

// Annotations are drawn in every chart of a page.
type Annotations struct {
	Bands   []Band // above the plot: phases
	Shades  []Band // behind the data: a fault, a deploy
	Moments []Moment
}

// Frame is the drawing area of one picture.
type Frame struct {
	Size
	Top, Bottom float64 // edges of the plot
	window      Window
}

func newFrame(w Window, s Size, height, top, bottom float64) Frame {
	if s.Height == 0 {
		s.Height = height
	}
	return Frame{Size: s, Top: top, Bottom: s.Height - bottom, window: w}
}

// X returns where t stands, within the plot.
func (f Frame) X(t time.Time) float64 {
	share := float64(t.Sub(f.window.From)) / float64(f.window.To.Sub(f.window.From))
	return f.Left + min(1, max(0, share))*(f.Right-f.Left)
}

// View is the viewBox of the picture.
func (f Frame) View() string {
	return fmt.Sprintf("0 0 %s %s", Coordinate(f.Width), Coordinate(f.Height))
}

// Mark is a labelled place on the time axis.
type Mark struct {
	X      float64
	Label  string
	Anchor string // start, middle or end
}

// marks divides the time axis, counted from zero or by the clock.
func (f Frame) marks() []Mark {
	const room = 48
	w := f.window
	step := timeStep(w.To.Sub(w.From), int((f.Right-f.Left)/room))
	zero := w.Zero
	if zero.IsZero() {
		zero = w.From.UTC().Truncate(24 * time.Hour)
	}
	var out []Mark
	for n := int64(math.Ceil(w.From.Sub(zero).Seconds() / step.Seconds())); ; n++ {
		at := zero.Add(time.Duration(n) * step)
		if at.After(w.To) {
			return out
		}
		m := Mark{X: f.X(at), Label: w.label(at, step), Anchor: "middle"}
		switch {
		case m.X > f.Width-20:
			m.Anchor = "end"
		case m.X < 20:
			m.Anchor = "start"
		}
		out = append(out, m)
	}
}

func (w Window) label(t time.Time, step time.Duration) string {
	if !w.Zero.IsZero() {
		return Offset(t.Sub(w.Zero))
	}
	t = t.UTC()
	switch {
	case step >= 24*time.Hour || t.Equal(t.Truncate(24*time.Hour)) && w.To.Sub(w.From) > 24*time.Hour:
		return t.Format("2 Jan")
	case step < time.Minute:
		return t.Format("15:04:05")
	}
	return t.Format("15:04")
}

// When is a moment as the axis would show it, to the tenth of a second.
func (w Window) When(t time.Time) string {
	if w.Zero.IsZero() {
		return t.UTC().Format("2 Jan 15:04:05") + " UTC"
	}
	return Offset(t.Sub(w.Zero).Round(100 * time.Millisecond))
}

// Offset shows a time on the axis: −10 s, 0 s, +10 s, +2 min.
func Offset(d time.Duration) string {
	sign := "+"
	if d < 0 {
		sign, d = "−", -d
	}
	switch {
	case d == 0:
		return "0 s"
	case d >= time.Hour:
		return sign + Significant(d.Hours(), 3) + " h"
	case d >= 2*time.Minute || d%time.Minute == 0:
		return sign + Significant(d.Minutes(), 3) + " min"
	default:
		return sign + Significant(d.Seconds(), 3) + " s"
	}
}

// Box is a stretch of time as a rectangle.
type Box struct {
	X, Width float64
	Label    string // empty when it does not fit
	Class    string
}

func (f Frame) box(b Band) Box {
	out := Box{X: f.X(b.Start), Class: b.Class}
	out.Width = max(1, f.X(b.End)-out.X)
	if out.Width > 6.6*float64(len(b.Label))+8 {
		out.Label = b.Label
	}
	return out
}

func (f Frame) boxes(bands []Band) []Box {
	var out []Box
	for _, b := range bands {
		out = append(out, f.box(b))
	}
	return out
}

// path draws points as one line.
func path(points []Point, x func(time.Time) float64, y func(float64) float64) string {
	var b strings.Builder
	for i, p := range points {
		if i == 0 {
			b.WriteByte('M')
		} else {
			b.WriteByte('L')
		}
		b.WriteString(Coordinate(x(p.T)))
		b.WriteByte(' ')
		b.WriteString(Coordinate(y(p.V)))
	}
	return b.String()
}

// Coordinate is short: a tenth of a pixel is more than a screen shows.
func Coordinate(v float64) string {
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}
