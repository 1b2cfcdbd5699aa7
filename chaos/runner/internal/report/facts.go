package report

import (
	"fmt"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/chart"
)

// fact is a name and what belongs to it.
type fact struct{ Name, Value, More string }

// clocks are the instants of a run on the reader's clock and on the charts' axis.
func clocks(run result.Run) []fact {
	if run.T0 == nil || run.Control {
		return nil // without a fault, nothing began or ended
	}
	at := func(name string, t *time.Time) fact {
		f := fact{Name: name, Value: chart.None}
		if t != nil {
			f.Value = t.UTC().Format("15:04:05.0") + " UTC"
			f.More = chart.Offset(t.Sub(*run.T0).Round(100 * time.Millisecond))
		}
		return f
	}
	return []fact{
		at("Fault began (t0)", run.T0), at("Seen on every target (t1)", run.T1),
		at("Removal asked for", run.Removed), at("Last trace gone", run.Back),
	}
}

// keyFigures are what a run is compared by.
func keyFigures(run result.Run) []fact {
	var out []fact
	if s, ok := worstBudget(run); ok {
		f := fact{Name: "Error budget spent", Value: chart.Percent(*s.BudgetSpent), More: s.Name}
		if s.BudgetLimit != nil {
			f.More = "of " + chart.ExactPercent(*s.BudgetLimit) + " allowed, " + s.Name
		}
		out = append(out, f)
	}
	detect := fact{Name: "Time to detect", Value: secondsOf(run.TimeToDetect), More: "no alert fired"}
	if run.TimeToDetect != nil {
		detect.More = "from the fault to an alert"
		for _, a := range run.Alerts {
			if a.PredictedMin != nil && a.PredictedMax != nil && a.Measured != nil && *a.Measured == *run.TimeToDetect {
				detect.More = fmt.Sprintf("predicted %s to %s", chart.Seconds(float64(*a.PredictedMin)), chart.Seconds(float64(*a.PredictedMax)))
			}
		}
	}
	back := fact{Name: "Time to recover", Value: secondsOf(run.TimeToRecover), More: "not seen"}
	if run.TimeToRecover != nil {
		back.More = "after the fault was removed"
	}
	if run.Control {
		detect.More, back.More = "no fault was injected", "no fault was injected"
	}
	radius := fact{Name: "Blast radius", Value: chart.Plural(run.Radius.Targets, "target")}
	if run.Radius.Targets > 0 {
		radius.More = chart.PercentTo(run.Radius.Percent/100, 3) + " of the workload's ready pods"
	}
	return append(out, detect, back, radius)
}
