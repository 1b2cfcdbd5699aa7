package preview

import (
	"fmt"
	"slices"
	"time"

	"github.com/ballast-sre/ballast/dashboards/internal/lint"
	"github.com/ballast-sre/ballast/internal/chart"
)

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
