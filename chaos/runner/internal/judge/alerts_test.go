package judge

import (
	"slices"
	"testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// firing is an alert series that fired in the spans given by pairs of seconds.
func firing(name string, labels map[string]string, seconds ...float64) result.AlertSpans {
	s := result.AlertSpans{Name: name, Labels: labels}
	for i := 0; i+1 < len(seconds); i += 2 {
		s.Firing = append(s.Firing, result.Span{Start: after(seconds[i]), End: after(seconds[i+1])})
	}
	return s
}

func TestAnAlertFiresAndResolvesInItsSpans(t *testing.T) {
	a, b := firing("Down", nil, 3, 5, 7, 8), firing("Down", nil, 9, 10)
	for name, tc := range map[string]struct {
		track    result.AlertSpans
		from, to float64
		at       float64 // missed: it did not fire
	}{
		"the first time":                     {a, 0, 10, 3},
		"it was firing already":              {a, 4, 10, 4},
		"the second time":                    {a, 6, 10, 7},
		"between its times":                  {a, 5.5, 6.5, missed},
		"before its time":                    {a, 0, 2, missed},
		"in the last second":                 {b, 0, 9, 9},
		"pending only is not firing at all":  {result.AlertSpans{Pending: a.Firing}, 0, 10, missed},
		"the end of a stretch is still seen": {a, 8, 10, 8},
	} {
		got, fired := firedBetween(tc.track, after(tc.from), after(tc.to))
		if fired != (tc.at != missed) || fired && !got.Equal(after(tc.at)) {
			t.Errorf("%s: %v, %v", name, got, fired)
		}
	}
	if at, open := resolvedAfter(a, after(10)); open || !at.Equal(after(8)) {
		t.Errorf("flapping, it resolved for good at 8: %v, %v", at, open)
	}
	if _, open := resolvedAfter(b, after(10)); !open {
		t.Error("what is firing at the end is open")
	}
	if at, open := resolvedAfter(result.AlertSpans{}, after(10)); open || !at.IsZero() {
		t.Error("what never fired is not open")
	}
	for at, want := range map[float64]bool{3: false, 3.5: true, 5: true, 6: false, 2: false} {
		if got := firingAt(a, after(at)); got != want {
			t.Errorf("firing just before %v: %v", at, got)
		}
	}
}

func TestLabelsMatchExactly(t *testing.T) {
	labels := map[string]string{"severity": "page", "pod": "a"}
	for name, tc := range map[string]struct {
		want result.AlertMatch
		hit  bool
	}{
		"nothing asked is everything": {nil, true},
		"by name":                     {result.AlertMatch{"alertname": "Down"}, true},
		"another name":                {result.AlertMatch{"alertname": "Up"}, false},
		"a name in another case":      {result.AlertMatch{"alertname": "down"}, false},
		"by a label":                  {result.AlertMatch{"severity": "page"}, true},
		"a label that it has not":     {result.AlertMatch{"zone": "1"}, false},
		"both must be equal":          {result.AlertMatch{"alertname": "Down", "pod": "b"}, false},
	} {
		if got := matches(tc.want, "Down", labels); got != tc.hit {
			t.Errorf("%s: %v", name, got)
		}
		active := []result.ActiveAlert{{Name: "Down", Labels: labels}}
		if got := len(matching(active, tc.want)) == 1; got != tc.hit {
			t.Errorf("%s, among the active: %v", name, got)
		}
	}
}

func TestAnAlertThatAlwaysFiresIsNoNewsOfTheFault(t *testing.T) {
	watchdog := firing("Watchdog", map[string]string{"severity": "none"}, began, end)
	disk := firing("DiskShort", map[string]string{"severity": "ticket"}, began, end)
	late := firing("CPUBusy", map[string]string{"severity": "ticket"}, t0+3, end)
	asked := result.Spec{Forbid: []result.AlertMatch{{"alertname": "Watchdog"}}}
	for name, tt := range map[string]struct {
		x      result.Spec
		alerts []result.AlertSpans
		names  []string
		detect float64 // missed: by nothing
	}{
		"a watchdog is left out":                        {result.Spec{}, []result.AlertSpans{watchdog}, nil, missed},
		"one that was asked about is not":               {asked, []result.AlertSpans{watchdog}, []string{"Watchdog"}, missed},
		"what fired before the fault detects nothing":   {result.Spec{}, []result.AlertSpans{disk}, []string{"DiskShort"}, missed},
		"what begins under fault detects it, unplanned": {result.Spec{}, []result.AlertSpans{disk, late}, []string{"DiskShort", "CPUBusy"}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			ev := result.Evidence{Moments: result.Moments{T0: at(t0), End: at(end)}, Series: result.Series{Alerts: tt.alerts}}
			records := alertRecords(&tt.x, &ev)
			var names []string
			for _, a := range records {
				names = append(names, a.Name)
			}
			if !slices.Equal(names, tt.names) {
				t.Errorf("recorded are %q, want %q", names, tt.names)
			}
			detected := float64(missed)
			if d := timeToDetect(records); d != nil {
				detected = float64(*d)
			}
			if detected != tt.detect {
				t.Errorf("detected after %v, want %v", detected, tt.detect)
			}
		})
	}
}
