package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/chart"
)

// timeline is what the alerts of a run did, over one time axis.
type timeline struct {
	Alerts []alertPage
	Axes   []chart.TimeAxis
	Legend []chart.Key
}

type alertPage struct {
	result.Alert
	Which string // which one of several of the same name
	Story string
	Lanes []chart.LaneRow
}

// newTimeline lays out the alerts of a run; none is nil.
func newTimeline(id string, run result.Run, w chart.Window) *timeline {
	if len(run.Alerts) == 0 {
		return nil
	}
	n := annotations(run, w)
	t := &timeline{
		Axes:   chart.TimeAxes(w, n, chart.Sizes()...),
		Legend: []chart.Key{{Class: "pending", Label: "pending"}, {Class: "firing", Label: "firing"}},
	}
	predicted := false
	for i, a := range run.Alerts {
		lane := alertLane(fmt.Sprintf("%s-alert-%d", id, i+1), a, run)
		predicted = predicted || lane.Expected != nil
		t.Alerts = append(t.Alerts, alertPage{
			Alert: a, Which: which(a, run.Alerts), Story: lane.Description, Lanes: lane.Draw(w, n, chart.Sizes()...),
		})
	}
	if predicted {
		t.Legend = append(t.Legend, chart.Key{Class: "predicted", Label: "predicted to fire in"})
	}
	if len(n.Shades) > 0 {
		t.Legend = append(t.Legend, chart.Key{Class: "fault", Label: "fault"})
	}
	return t
}

func alertLane(id string, a result.Alert, run result.Run) chart.Lane {
	l := chart.Lane{ID: id, Title: "Alert " + a.Name, Description: alertStory(a, run)}
	for _, p := range a.Pending {
		l.Thin = append(l.Thin, chart.Band{Span: chart.Span(p), Label: "pending", Class: "pending"})
	}
	for _, p := range a.Firing {
		l.Full = append(l.Full, chart.Band{Span: chart.Span(p), Label: "firing", Class: "firing"})
	}
	if run.T0 != nil && a.PredictedMin != nil && a.PredictedMax != nil {
		l.Expected = &chart.Span{
			Start: run.T0.Add(duration(*a.PredictedMin)),
			End:   run.T0.Add(duration(*a.PredictedMax)),
		}
	}
	return l
}

// which tells an alert from the others of its name, by the labels in which they
// differ; empty when there is no other.
func which(a result.Alert, all []result.Alert) string {
	differs := map[string]bool{}
	for _, other := range all {
		if other.Name != a.Name {
			continue
		}
		for name, value := range a.Labels {
			differs[name] = differs[name] || other.Labels[name] != value
		}
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(a.Labels)) {
		// The severity has its own place, and where it runs says less than what it is.
		if differs[name] && name != "severity" && name != "alertname" {
			parts = append(parts, name+"="+a.Labels[name])
		}
	}
	return strings.Join(parts, ", ")
}

// alertStory says what the alert did, in words.
func alertStory(a result.Alert, run result.Run) string {
	s := "Did not fire."
	switch {
	case a.Measured != nil:
		s = "Fired " + chart.Seconds(float64(*a.Measured)) + " after the fault began."
	case len(a.Firing) > 0 && (run.T0 == nil || a.Firing[0].Start.Before(*run.T0)):
		s = "Was firing before the fault."
	case len(a.Firing) > 0:
		s = "Fired " + chart.Seconds(a.Firing[0].Start.Sub(*run.T0).Seconds()) + " after the fault began."
	case len(a.Pending) > 0:
		s = "Was pending, did not fire."
	}
	if a.PredictedMin != nil && a.PredictedMax != nil {
		s += " Predicted: " + chart.Seconds(float64(*a.PredictedMin)) + " to " + chart.Seconds(float64(*a.PredictedMax)) + "."
	}
	if a.Delivery != "" {
		s += " " + a.Delivery + "."
	}
	if a.ResolvedIn != nil {
		s += " Resolved " + chart.Seconds(float64(*a.ResolvedIn)) + " after the fault was removed."
	} else if a.Measured != nil && run.Removed != nil {
		s += " Still firing at the end."
	}
	return s
}
