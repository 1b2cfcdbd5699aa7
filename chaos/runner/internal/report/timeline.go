package report

import (
	"maps"
	"slices"
	"strings"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// strip is one alert's line of the timeline, laid out in a frame.
type strip struct {
	ID, Title, Description string
	View                   string
	Frame                  frame
	Fault                  *box
	Predicted              *box
	Pending, Firing        []box
}

// timeAxis is the common axis below the strips.
type timeAxis struct {
	View  string
	Frame frame
	Bands []box
	Marks []mark
}

const stripHeight = 32

// strips lays one alert out for a wide and a narrow window.
func strips(id string, a result.Alert, run result.Run, s span) []strip {
	var out []strip
	for _, f := range frames(s, stripHeight) {
		f.Top, f.Bottom = 3, stripHeight-3
		t := strip{ID: id, Title: "Alert " + a.Name, Description: alertStory(a, run), View: f.size(), Frame: f, Fault: f.fault(run)}
		if f.Wide {
			t.ID += "-wide"
		} else {
			t.ID += "-narrow"
		}
		for _, p := range a.Pending {
			t.Pending = append(t.Pending, f.box(p, "pending", "pending"))
		}
		for _, p := range a.Firing {
			t.Firing = append(t.Firing, f.box(p, "firing", "firing"))
		}
		if run.T0 != nil && a.PredictedMin != nil && a.PredictedMax != nil {
			b := f.box(result.Span{
				Start: run.T0.Add(duration(*a.PredictedMin)),
				End:   run.T0.Add(duration(*a.PredictedMax)),
			}, "", "predicted")
			t.Predicted = &b
		}
		out = append(out, t)
	}
	return out
}

func timeAxes(run result.Run, s span) []timeAxis {
	var out []timeAxis
	for _, f := range frames(s, 44) {
		f.Top, f.Bottom = 2, 20
		out = append(out, timeAxis{View: f.size(), Frame: f, Bands: f.bands(run), Marks: f.marks()})
	}
	return out
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
		s = "Fired " + seconds(float64(*a.Measured)) + " after the fault began."
	case len(a.Firing) > 0 && (run.T0 == nil || a.Firing[0].Start.Before(*run.T0)):
		s = "Was firing before the fault."
	case len(a.Firing) > 0:
		s = "Fired " + seconds(a.Firing[0].Start.Sub(*run.T0).Seconds()) + " after the fault began."
	case len(a.Pending) > 0:
		s = "Was pending, did not fire."
	}
	if a.PredictedMin != nil && a.PredictedMax != nil {
		s += " Predicted: " + seconds(float64(*a.PredictedMin)) + " to " + seconds(float64(*a.PredictedMax)) + "."
	}
	if a.Delivery != "" {
		s += " " + a.Delivery + "."
	}
	if a.ResolvedIn != nil {
		s += " Resolved " + seconds(float64(*a.ResolvedIn)) + " after the fault was removed."
	} else if a.Measured != nil && run.Removed != nil {
		s += " Still firing at the end."
	}
	return s
}
