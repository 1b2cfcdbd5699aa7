package engine

import (
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/judge"
	"github.com/ballast-sre/ballast/internal/prom"
)

// alertSteps is an ALERTS series that is there at the given seconds.
func alertSteps(name, state, pod string, steps ...float64) prom.Series {
	s := prom.Series{Labels: map[string]string{"__name__": "ALERTS", "alertname": name, "alertstate": state, "pod": pod}}
	for _, at := range steps {
		s.Points = append(s.Points, prom.Sample{T: after(at), V: 1})
	}
	return s
}

func TestAnAlertIsReadFromItsSteps(t *testing.T) {
	w := prom.Window{Start: epoch, End: after(10), Step: time.Second}
	tracks := alertSpans([]prom.Series{
		alertSteps("Down", judge.StatePending, "a", 1, 2),
		alertSteps("Down", judge.StateFiring, "a", 3, 4, 7),
		alertSteps("Down", judge.StateFiring, "b", 9, 10),
	}, w)
	if len(tracks) != 2 {
		t.Fatalf("%+v", tracks)
	}
	a := tracks[0]
	if len(a.Pending) != 1 || len(a.Firing) != 2 || !a.Firing[0].Start.Equal(after(3)) || !a.Firing[0].End.Equal(after(5)) || !a.Firing[1].End.Equal(after(8)) {
		t.Errorf("%+v", a)
	}
}
