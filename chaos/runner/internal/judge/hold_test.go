package judge

import (
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

func TestAFaultIsHeldForItsAlerts(t *testing.T) {
	r := passing()
	r.x.Expect = append(r.x.Expect, result.ExpectedAlert{Name: "Burn", Match: result.AlertMatch{"alertname": "Burn"}, Within: 60})
	m := r.ev.Moments
	if least, most := Hold(&r.x, m); !least.Equal(after(21)) || !most.Equal(after(70)) {
		t.Errorf("from %v to %v", least, most)
	}
	if got := LongestHold(&r.x); got != time.Minute {
		t.Errorf("a fault lasts %s at most", got)
	}
	fired := func(names ...string) func(result.AlertMatch) bool {
		return func(want result.AlertMatch) bool {
			for _, n := range names {
				if want["alertname"] == n {
					return true
				}
			}
			return false
		}
	}
	for name, tc := range map[string]struct {
		at    float64
		fired []string
		want  bool
	}{
		"nothing has fired":                        {15, nil, true},
		"the slower has not fired":                 {15, []string{"ReplicaDown"}, true},
		"all have fired":                           {15, []string{"ReplicaDown", "Burn"}, false},
		"the quicker is late, the slower has time": {30, nil, true},
		"the quicker is late, the slower fired":    {30, []string{"Burn"}, false},
		"the time of both is over":                 {70, nil, false},
	} {
		if got := Waiting(&r.x, m, after(tc.at), fired(tc.fired...)); got != tc.want {
			t.Errorf("%s: waiting is %v", name, got)
		}
	}
	if due := DueAgain(&r.x, r.ev.Plan, m); len(due) != 1 || !due[0].At.Equal(after(68.5)) {
		t.Errorf("it is measured again: %+v", due)
	}
	r.x.Expect = r.x.Expect[:1]
	if least, most := Hold(&r.x, m); !least.Equal(most) {
		t.Errorf("a bound within observe holds until %v", most)
	}
	if got := LongestHold(&r.x); got != 20*time.Second {
		t.Errorf("a fault that is confirmed at last lasts %s", got)
	}
	r.x.Control = true
	r.x.Expect[0].Within = 60
	if _, most := Hold(&r.x, m); !most.Equal(after(21)) || Waiting(&r.x, m, after(15), fired()) {
		t.Errorf("a control run waits until %v", most)
	}
}
