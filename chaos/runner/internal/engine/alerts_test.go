package engine

import (
	"testing"
	"time"

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
	tracks := alertTracks([]prom.Series{
		alertSteps("Down", statePending, "a", 1, 2),
		alertSteps("Down", stateFiring, "a", 3, 4, 7),
		alertSteps("Down", stateFiring, "b", 9, 10),
	}, w)
	if len(tracks) != 2 {
		t.Fatalf("%+v", tracks)
	}
	a, b := tracks[0], tracks[1]
	if len(a.pending) != 1 || len(a.firing) != 2 || !a.firing[0].Start.Equal(after(3)) || !a.firing[0].End.Equal(after(5)) || !a.firing[1].End.Equal(after(8)) {
		t.Errorf("%+v", a)
	}
	for name, tc := range map[string]struct {
		track    alertTrack
		from, to float64
		at       float64 // missed: it did not fire
	}{
		"the first time":                     {a, 0, 10, 3},
		"it was firing already":              {a, 4, 10, 4},
		"the second time":                    {a, 6, 10, 7},
		"between its times":                  {a, 5.5, 6.5, missed},
		"before its time":                    {a, 0, 2, missed},
		"in the last second":                 {b, 0, 9, 9},
		"pending only is not firing at all":  {alertTrack{pending: a.pending}, 0, 10, missed},
		"the end of a stretch is still seen": {a, 8, 10, 8},
	} {
		got, fired := tc.track.firedBetween(after(tc.from), after(tc.to))
		if fired != (tc.at != missed) || fired && !got.Equal(after(tc.at)) {
			t.Errorf("%s: %v, %v", name, got, fired)
		}
	}
	if at, open := a.resolvedAfter(after(10)); open || !at.Equal(after(8)) {
		t.Errorf("flapping, it resolved for good at 8: %v, %v", at, open)
	}
	if _, open := b.resolvedAfter(after(10)); !open {
		t.Error("what is firing at the end is open")
	}
	if at, open := (alertTrack{}).resolvedAfter(after(10)); open || !at.IsZero() {
		t.Error("what never fired is not open")
	}
	for at, want := range map[float64]bool{3: false, 3.5: true, 5: true, 6: false, 2: false} {
		if got := a.firingAt(after(at)); got != want {
			t.Errorf("firing just before %v: %v", at, got)
		}
	}
}

func TestLabelsMatchExactly(t *testing.T) {
	tr := alertTrack{name: "Down", labels: map[string]string{"severity": "page", "pod": "a"}}
	states := statesOf([]prom.Series{alertSteps("Down", stateFiring, "a", 1), alertSteps("Up", stateFiring, "a"), alertSteps("Burn", statePending, "b", 1)})
	for name, tc := range map[string]struct {
		want  map[string]string
		track bool
		names int
	}{
		"nothing asked is everything": {nil, true, 2},
		"by name":                     {map[string]string{"alertname": "Down"}, true, 1},
		"another name":                {map[string]string{"alertname": "Up"}, false, 0},
		"by a label":                  {map[string]string{"severity": "page"}, true, 0},
		"a label that it has not":     {map[string]string{"zone": "1"}, false, 0},
		"both must be equal":          {map[string]string{"alertname": "Down", "pod": "b"}, false, 0},
		"by state":                    {map[string]string{"alertstate": statePending}, false, 1},
	} {
		if got := tr.matches(tc.want); got != tc.track {
			t.Errorf("%s: track %v", name, got)
		}
		if got := states.matching(tc.want); len(got) != tc.names {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
