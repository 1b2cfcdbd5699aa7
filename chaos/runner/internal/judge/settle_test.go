package judge

import (
	"testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

func TestAnAlertIsPendingWhereNoneFires(t *testing.T) {
	x := &result.Spec{
		Expect: []result.ExpectedAlert{{Name: "Down", Match: result.AlertMatch{"alertname": "Down"}}},
		Forbid: []result.AlertMatch{{"severity": "page"}},
	}
	alert := func(name, state, severity string) result.ActiveAlert {
		return result.ActiveAlert{Name: name, State: state, Labels: map[string]string{"severity": severity}}
	}
	for name, tt := range map[string]struct {
		active []result.ActiveAlert
		want   bool
	}{
		"nothing is active":                   {nil, false},
		"an expected alert is pending":        {[]result.ActiveAlert{alert("Down", StatePending, "ticket")}, true},
		"a forbidden alert is pending":        {[]result.ActiveAlert{alert("Burn", StatePending, "page")}, true},
		"an alert that nobody asks about":     {[]result.ActiveAlert{alert("Other", StatePending, "ticket")}, false},
		"a forbidden alert fires":             {[]result.ActiveAlert{alert("Burn", StateFiring, "page")}, false},
		"one is pending while another fires":  {[]result.ActiveAlert{alert("Down", StatePending, "ticket"), alert("Burn", StateFiring, "page")}, false},
		"one is pending while others' fires":  {[]result.ActiveAlert{alert("Down", StatePending, "ticket"), alert("Other", StateFiring, "ticket")}, true},
		"two of them are pending, none fires": {[]result.ActiveAlert{alert("Down", StatePending, "ticket"), alert("Burn", StatePending, "page")}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Pending(x, tt.active); got != tt.want {
				t.Errorf("pending is %v", got)
			}
		})
	}
}
