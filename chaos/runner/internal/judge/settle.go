package judge

import (
	"fmt"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// StateOf is the state of an alert of the rule among the active ones, firing before
// pending; empty when none is active.
func StateOf(rule result.RuleID, active []result.ActiveAlert) string {
	state := ""
	for _, a := range active {
		if a.Name == rule.Alert && matches(rule.Labels, a.Name, a.Labels) && state != StateFiring {
			state = a.State
		}
	}
	return state
}

// Pending says whether an alert that is expected or forbidden is pending, while none of them
// fires.
func Pending(x *result.Spec, active []result.ActiveAlert) bool {
	pending := false
	for _, a := range active {
		if role(x, result.AlertSpans{Name: a.Name, Labels: a.Labels}) == "" {
			continue
		}
		if a.State == StateFiring {
			return false
		}
		pending = true
	}
	return pending
}

// Unsettled says whether an alert is active, or a burn alert would fire with the next errors
// because of those that its long window still holds.
func Unsettled(l result.Lasting) bool {
	return l.State != "" || float64(l.Ratio) > l.Threshold
}

// unsettled finds alerts that earlier errors could still fire when the time to wait
// for that was over.
func unsettled(s *result.Settled) []Finding {
	if s == nil {
		return nil
	}
	var out []Finding
	for _, l := range s.Left {
		if !Unsettled(l) {
			continue
		}
		how := fmt.Sprintf("%.3g%% of the events of its long window are bad, and above %.3g%% it fires", 100*float64(l.Ratio), 100*l.Threshold)
		if l.State != "" {
			how = "it is " + l.State
		}
		out = append(out, finding(rankGate, result.BaselineUnhealthy, fmt.Sprintf(
			"what came before may fire alert %s (%s) after a wait of %s: %s; run it again later", l.Rule.Alert, labelText(l.Rule.Labels), s.Allowed.Duration(), how)))
	}
	return out
}
