package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// frame is the drawing area that all charts of a run share, so that the same
// moment stands at the same place in each of them.
type frame struct {
	Wide          bool
	Width, Height float64
	Left, Right   float64 // edges of the plot
	Top, Bottom   float64
	from, to      time.Time
	zero          time.Time // what the axis counts from
}

// frames returns the frame of a chart for a wide and for a narrow window: text
// in an SVG shrinks with it, so one size cannot serve both.
func frames(s span, height float64) []frame {
	return []frame{
		{Wide: true, Width: 960, Height: height, Left: 64, Right: 940, from: s.from, to: s.to, zero: s.zero},
		{Width: 400, Height: height, Left: 52, Right: 380, from: s.from, to: s.to, zero: s.zero},
	}
}

// span is the time that the charts of a run show.
type span struct{ from, to, zero time.Time }

// maxSpan is longer than any run.
const maxSpan = 90 * 24 * time.Hour

// spanOf covers baseline to recovery and every point.
func spanOf(run result.Run) span {
	s := span{from: run.Started, to: run.Ended, zero: run.Started}
	var first, last time.Time
	for _, p := range run.Phases {
		switch p.Phase {
		case result.Preflight, result.Planning, result.WarmUp, result.Settle, result.Audit, result.Judge:
			continue
		default:
		}
		if first.IsZero() {
			first = p.Start
		}
		last = p.End
	}
	if !first.IsZero() {
		s.from, s.to, s.zero = first, last, first
	}
	if run.T0 != nil {
		s.zero = *run.T0
	}
	for _, sli := range run.SLIs {
		if n := len(sli.Points); n > 0 {
			if t := sli.Points[n-1].T; t.After(s.to) {
				s.to = t
			}
		}
	}
	// Times that make no sense must not cost more than a senseless picture.
	if !s.to.After(s.from) {
		s.to = s.from.Add(time.Second)
	}
	if s.to.Sub(s.from) > maxSpan {
		s.to = s.from.Add(maxSpan)
	}
	if s.zero.Sub(s.from).Abs() > maxSpan {
		s.zero = s.from
	}
	return s
}

// X returns where t stands, within the plot.
func (f frame) X(t time.Time) float64 {
	share := float64(t.Sub(f.from)) / float64(f.to.Sub(f.from))
	return f.Left + min(1, max(0, share))*(f.Right-f.Left)
}

// mark is a labelled place on the time axis.
type mark struct {
	X      float64
	Label  string
	Anchor string
}

// marks divides the time axis, counted from zero.
func (f frame) marks() []mark {
	const room = 48
	step := timeStep(f.to.Sub(f.from), int((f.Right-f.Left)/room))
	var out []mark
	for n := int64(math.Ceil(f.from.Sub(f.zero).Seconds() / step.Seconds())); ; n++ {
		at := f.zero.Add(time.Duration(n) * step)
		if at.After(f.to) {
			return out
		}
		m := mark{X: f.X(at), Label: offset(at.Sub(f.zero)), Anchor: "middle"}
		switch {
		case m.X > f.Width-20:
			m.Anchor = "end"
		case m.X < 20:
			m.Anchor = "start"
		}
		out = append(out, m)
	}
}

// offset shows a time on the axis: −10 s, 0 s, +10 s, +2 min.
func offset(d time.Duration) string {
	sign := "+"
	if d < 0 {
		sign, d = "−", -d
	}
	switch {
	case d == 0:
		return "0 s"
	case d >= time.Hour:
		return sign + significant(d.Hours(), 3) + " h"
	case d >= 2*time.Minute || d%time.Minute == 0:
		return sign + significant(d.Minutes(), 3) + " min"
	default:
		return sign + significant(d.Seconds(), 3) + " s"
	}
}

// box is a stretch of time as a rectangle.
type box struct {
	X, Width float64
	Label    string // empty when it does not fit
	Class    string
}

func (f frame) box(s result.Span, label, class string) box {
	b := box{X: f.X(s.Start), Class: class}
	b.Width = max(1, f.X(s.End)-b.X)
	if b.Width > 6.6*float64(len(label))+8 {
		b.Label = label
	}
	return b
}

// bands returns the phases that the charts show, the ones that are too short to
// be seen joined to what they belong to.
func (f frame) bands(run result.Run) []box {
	var out []box
	for _, p := range run.Phases {
		class := "quiet"
		switch p.Phase {
		case result.Baseline:
		case result.Inject, result.Confirm, result.Observe:
			class = "active"
		case result.Recover:
			class = "after"
		default:
			continue
		}
		out = append(out, f.box(result.Span{Start: p.Start, End: p.End}, string(p.Phase), class))
	}
	return out
}

// fault is the time in which the fault was there, or none.
func (f frame) fault(run result.Run) *box {
	if run.T0 == nil || run.Control {
		return nil
	}
	end := f.to
	if run.Removed != nil {
		end = *run.Removed
	}
	b := f.box(result.Span{Start: *run.T0, End: end}, "fault", "fault")
	return &b
}

// path draws points as one line.
func path(points []result.Point, x func(time.Time) float64, y func(float64) float64) string {
	var b strings.Builder
	for i, p := range points {
		if i == 0 {
			b.WriteByte('M')
		} else {
			b.WriteByte('L')
		}
		b.WriteString(coordinate(x(p.T)))
		b.WriteByte(' ')
		b.WriteString(coordinate(y(p.V)))
	}
	return b.String()
}

// coordinate is short: a tenth of a pixel is more than a screen shows.
func coordinate(v float64) string {
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}

func (f frame) size() string {
	return fmt.Sprintf("0 0 %s %s", coordinate(f.Width), coordinate(f.Height))
}
