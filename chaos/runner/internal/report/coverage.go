package report

import (
	"fmt"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
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
func coverFigures(id string, run result.Run, s span) []figure {
	if run.T0 == nil {
		return nil
	}
	step := max(time.Second, s.to.Sub(s.from)/coverPoints)
	var out []figure
	for i, c := range run.Evidence.Series.Coverage {
		p := plot{
			id: fmt.Sprintf("%s-cover-%d", id, i+1), title: "Share of " + c.Workload + " under fault", unit: percent,
			points: coverLine(c, *run.T0, s, step), step: step, height: 150,
			caption: "of the pods that were ready, or that the fault took away",
		}
		from, to := held(run, c)
		if sum, ok := c.Between(from, to); ok {
			p.caption += fmt.Sprintf("; while it was held %s on average, from %s to %s", percent(sum.Mean), percent(sum.Min), percent(sum.Max))
		}
		f := figure{Name: p.title, Charts: draw(p, run, s)}
		f.Gaps = len(f.Charts[0].Gaps) > 0
		out = append(out, f)
	}
	return out
}

// coverLine is the steps of a coverage as a line with a point at every step of time: a
// chart takes what lies further apart for missing data. Nothing was under fault before it
// began.
func coverLine(c result.Coverage, t0 time.Time, s span, step time.Duration) []result.Point {
	var out []result.Point
	flat := func(from, to time.Time, v float64) {
		for t := from; t.Before(to); t = t.Add(step) {
			out = append(out, result.Point{T: t, V: v})
		}
		out = append(out, result.Point{T: to, V: v})
	}
	at := func(sec result.Seconds) time.Time {
		t := t0.Add(duration(sec))
		if t.After(s.to) {
			return s.to
		}
		return t
	}
	if t0.After(s.from) {
		flat(s.from, t0, 0)
	}
	for i, cover := range c.Steps {
		begin, end := at(cover.At), at(c.End(i))
		if v, ok := cover.Share(); ok && !begin.Before(t0) && !end.Before(begin) {
			flat(begin, end, v)
		}
	}
	return out
}
