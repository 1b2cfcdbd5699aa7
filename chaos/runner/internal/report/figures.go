package report

import (
	"fmt"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/chart"
)

// chartScrapes is how many scrapes the engine puts into one point of an error
// ratio; so long a tail has every outage in the chart.
const chartScrapes = 4

func sliFigure(id string, sli result.SLI, run result.Run, w chart.Window, step time.Duration) chart.Figure {
	unit := func(v float64) string { return chart.Significant(v, 3) }
	title, caption := sli.Name, sli.Unit
	if isRatio(sli) {
		unit, caption = chart.Percent, "share of bad requests, each point over the last "+chart.Seconds(chartScrapes*step.Seconds())
	}
	line := points(sli.Points)
	p := chart.Plot{
		ID: id, Title: title, Unit: unit, Series: []chart.Series{{Points: line}}, Caption: caption,
		Step: chart.Step(line, step), Height: 250,
	}
	switch {
	case sli.Objective != nil:
		p.Bounds = []chart.Bound{{Value: 1 - *sli.Objective, Label: fmt.Sprintf("objective %s: at most %s bad", chart.ExactPercent(*sli.Objective), chart.ExactPercent(1-*sli.Objective))}}
	default:
		if sli.Max != nil {
			p.Bounds = append(p.Bounds, chart.Bound{Value: *sli.Max, Label: "at most " + chart.Significant(*sli.Max, 6)})
		}
		if sli.Min != nil {
			p.Bounds = append(p.Bounds, chart.Bound{Value: *sli.Min, Label: "at least " + chart.Significant(*sli.Min, 6), Lower: true})
		}
	}
	return p.Draw(w, annotations(run, w), chart.Sizes()...)
}

func burnFigure(id string, sli result.SLI, run result.Run, w chart.Window, step time.Duration) chart.Figure {
	line := points(sli.BurnRate)
	return chart.Plot{
		ID: id, Title: "Burn rate of " + sli.Name, Series: []chart.Series{{Points: line}},
		Caption: "how many times faster than sustainable the error budget was spent",
		Unit:    func(v float64) string { return chart.Significant(v, 3) + "×" },
		Bounds:  []chart.Bound{{Value: 1, Label: "1×: the budget lasts exactly its window"}},
		Step:    chart.Step(line, step), Height: 190,
	}.Draw(w, annotations(run, w), chart.Sizes()...)
}

// isRatio tells an SLO's error ratio from the value of a PromQL expression.
func isRatio(s result.SLI) bool { return s.Objective != nil || s.Unit == "error ratio" }
