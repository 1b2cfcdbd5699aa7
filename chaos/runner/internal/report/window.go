package report

import (
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/chart"
)

// maxSpan is longer than any run.
const maxSpan = 90 * 24 * time.Hour

// windowOf covers the last baseline to recovery and every point, counted from the fault.
func windowOf(run result.Run) chart.Window {
	w := chart.Window{From: run.Started, To: run.Ended, Zero: run.Started}
	var first, last time.Time
	for _, p := range run.Phases {
		switch p.Phase {
		case result.Preflight, result.Planning, result.WarmUp, result.Settle, result.Audit, result.Judge:
			continue
		default:
		}
		// A baseline that ended with an alert pending was watched again.
		if first.IsZero() || p.Phase == result.Baseline {
			first = p.Start
		}
		last = p.End
	}
	if !first.IsZero() {
		w.From, w.To, w.Zero = first, last, first
	}
	if run.T0 != nil {
		w.Zero = *run.T0
	}
	for _, sli := range run.SLIs {
		if n := len(sli.Points); n > 0 {
			if t := sli.Points[n-1].T; t.After(w.To) {
				w.To = t
			}
		}
	}
	// Times that make no sense must not cost more than a senseless picture.
	if !w.To.After(w.From) {
		w.To = w.From.Add(time.Second)
	}
	if w.To.Sub(w.From) > maxSpan {
		w.To = w.From.Add(maxSpan)
	}
	if w.Zero.IsZero() || w.Zero.Sub(w.From).Abs() > maxSpan {
		w.Zero = w.From
	}
	return w
}

// annotations are what all charts of a run show beside their data: its phases, the fault,
// and when it was confirmed and recovered from.
func annotations(run result.Run, w chart.Window) chart.Annotations {
	n := chart.Annotations{Bands: bands(run)}
	if run.Control {
		return n // without a fault, nothing began or ended
	}
	if run.T0 != nil {
		end := w.To
		if run.Removed != nil {
			end = *run.Removed
		}
		n.Shades = []chart.Band{{Span: chart.Span{Start: *run.T0, End: end}, Label: "fault", Class: "fault"}}
	}
	if run.T1 != nil {
		n.Moments = append(n.Moments, chart.Moment{T: *run.T1, Label: "confirmed"})
	}
	if run.Back != nil {
		n.Moments = append(n.Moments, chart.Moment{T: *run.Back, Label: "recovered"})
	}
	return n
}

// bands returns the phases that the charts show, the ones that are too short to
// be seen joined to what they belong to.
func bands(run result.Run) []chart.Band {
	var out []chart.Band
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
		out = append(out, chart.Band{Span: chart.Span{Start: p.Start, End: p.End}, Label: string(p.Phase), Class: class})
	}
	return out
}

// points are evidence for a chart.
func points(in []result.Point) []chart.Point {
	out := make([]chart.Point, len(in))
	for i, p := range in {
		out[i] = chart.Point(p)
	}
	return out
}

// secondsOf shows a duration that may not have been measured.
func secondsOf(s *result.Seconds) string {
	if s == nil {
		return chart.None
	}
	return chart.Seconds(float64(*s))
}
