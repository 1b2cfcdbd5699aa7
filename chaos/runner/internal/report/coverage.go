package report

import (
	"fmt"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/chart"
)

// coverPoints bounds the points of a chart: a screen is narrower.
const coverPoints = 2000

// coverSum is the share of one workload that was under fault while the fault was held.
type coverSum struct {
	result.Shares
	workload string
}

// held is the time from the confirmation of a fault to its removal, in seconds since it
// began; a fault that was never confirmed counts from its beginning.
func held(run result.Run, c result.Coverage) (from, to result.Seconds) {
	from, to = 0, c.Until
	if run.T0 == nil {
		return from, to
	}
	if run.T1 != nil {
		from = result.InSeconds(run.T1.Sub(*run.T0))
	}
	if run.Removed != nil {
		to = result.InSeconds(run.Removed.Sub(*run.T0))
	}
	return from, to
}

// covered sums up each workload of a run of which it was counted.
func covered(run result.Run) []coverSum {
	var out []coverSum
	for _, c := range run.Evidence.Series.Coverage {
		from, to := held(run, c)
		if s, ok := c.Between(from, to); ok && run.T0 != nil {
			out = append(out, coverSum{s, c.Workload})
		}
	}
	return out
}

// coverFigures draws, for each workload, its share under fault over time.
func coverFigures(id string, run result.Run, w chart.Window) []chart.Figure {
	if run.T0 == nil {
		return nil
	}
	step := max(time.Second, w.To.Sub(w.From)/coverPoints)
	var out []chart.Figure
	for i, c := range run.Evidence.Series.Coverage {
		p := chart.Plot{
			ID: fmt.Sprintf("%s-cover-%d", id, i+1), Title: "Share of " + c.Workload + " under fault", Unit: chart.Percent,
			Series: []chart.Series{{Points: coverLine(c, *run.T0, w, step)}}, Step: step, Height: 150,
			Caption: "of the pods that were ready, or that the fault took away",
		}
		from, to := held(run, c)
		if sum, ok := c.Between(from, to); ok {
			p.Caption += fmt.Sprintf("; while it was held %s on average, from %s to %s", chart.Percent(sum.Mean), chart.Percent(sum.Min), chart.Percent(sum.Max))
		}
		out = append(out, p.Draw(w, annotations(run, w), chart.Sizes()...))
	}
	return out
}

// coverLine is the steps of a coverage as a line with a point at every step of time: a
// chart takes what lies further apart for missing data. Nothing was under fault before it
// began.
func coverLine(c result.Coverage, t0 time.Time, w chart.Window, step time.Duration) []chart.Point {
	var out []chart.Point
	flat := func(from, to time.Time, v float64) {
		for t := from; t.Before(to); t = t.Add(step) {
			out = append(out, chart.Point{T: t, V: v})
		}
		out = append(out, chart.Point{T: to, V: v})
	}
	at := func(sec result.Seconds) time.Time {
		t := t0.Add(duration(sec))
		if t.After(w.To) {
			return w.To
		}
		return t
	}
	if t0.After(w.From) {
		flat(w.From, t0, 0)
	}
	for i, cover := range c.Steps {
		begin, end := at(cover.At), at(c.End(i))
		if v, ok := cover.Share(); ok && !begin.Before(t0) && !end.Before(begin) {
			flat(begin, end, v)
		}
	}
	return out
}
