package judge

import (
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// The states of an alert.
const (
	StatePending = "pending"
	StateFiring  = "firing"
)

// matches says whether every wanted label, alertname included, is equal.
func matches(want result.AlertMatch, name string, labels map[string]string) bool {
	for k, v := range want {
		have := labels[k]
		if k == "alertname" {
			have = name
		}
		if have != v {
			return false
		}
	}
	return true
}

// matching returns the active alerts that match.
func matching(active []result.ActiveAlert, want result.AlertMatch) []result.ActiveAlert {
	var out []result.ActiveAlert
	for _, a := range active {
		if matches(want, a.Name, a.Labels) {
			out = append(out, a)
		}
	}
	return out
}

// firedBetween returns the first time in [a, b] at which the alert was firing.
func firedBetween(s result.AlertSpans, a, b time.Time) (time.Time, bool) {
	for _, span := range s.Firing {
		if span.End.Before(a) || span.Start.After(b) {
			continue
		}
		if span.Start.Before(a) {
			return a, true
		}
		return span.Start, true
	}
	return time.Time{}, false
}

// firingAt says whether the alert was firing just before t.
func firingAt(s result.AlertSpans, t time.Time) bool {
	for _, span := range s.Firing {
		if span.Start.Before(t) && !span.End.Before(t) {
			return true
		}
	}
	return false
}

// resolvedAfter returns when the alert, firing at some time before, was last
// seen to stop. open is true when it was still firing at the end of what is known.
func resolvedAfter(s result.AlertSpans, end time.Time) (at time.Time, open bool) {
	for _, span := range s.Firing {
		if span.Start.After(end) {
			continue
		}
		at = span.End
	}
	return at, !at.IsZero() && !at.Before(end)
}

// fate is what all series that match one expectation did together.
type fate struct {
	fired    time.Time // zero: never
	resolved time.Time // of the last to resolve; zero: never fired
	open     bool      // still firing at the end
}

func fateOf(ev *result.Evidence, want result.AlertMatch) fate {
	var f fate
	m := ev.Moments
	for _, s := range ev.Series.Alerts {
		if !matches(want, s.Name, s.Labels) {
			continue
		}
		at, ok := firedBetween(s, *m.T0, *m.End)
		if !ok {
			continue
		}
		if f.fired.IsZero() || at.Before(f.fired) {
			f.fired = at
		}
		resolved, open := resolvedAfter(s, *m.End)
		f.open = f.open || open
		if resolved.After(f.resolved) {
			f.resolved = resolved
		}
	}
	return f
}

const (
	roleExpected  = "expected"
	roleForbidden = "forbidden"
)

func role(x *result.Spec, s result.AlertSpans) string {
	for _, e := range x.Expect {
		if matches(e.Match, s.Name, s.Labels) {
			return roleExpected
		}
	}
	for _, f := range x.Forbid {
		if matches(f, s.Name, s.Labels) {
			return roleForbidden
		}
	}
	return ""
}

// AlertsSettled says whether, at now, every expected alert has fired and, where
// asked, resolved, or can no longer do so in time, and no forbidden one is about
// to fire. active are the alerts at now; fired says whether a match was seen to
// fire since t0. A control run expects none.
func AlertsSettled(x *result.Spec, m result.Moments, now time.Time, active []result.ActiveAlert, fired func(result.AlertMatch) bool) bool {
	lag := x.Timing.Scrape.Duration() + x.Timing.Evaluation.Duration()
	// A forbidden alert that is pending has not spoken yet.
	for _, f := range x.Forbid {
		for _, a := range matching(active, f) {
			if a.State == StatePending && now.Before(m.Removed.Add(x.Timing.Recover.Duration()+lag)) {
				return false
			}
		}
	}
	if x.Control {
		return true
	}
	for _, e := range x.Expect {
		firing := false
		for _, a := range matching(active, e.Match) {
			firing = firing || a.State == StateFiring
		}
		switch {
		case !firing && !fired(e.Match) && now.Before(m.T0.Add(e.Within.Duration()+lag)):
			return false
		case firing && e.ResolvesWithin > 0 && now.Before(m.Removed.Add(e.ResolvesWithin.Duration()+lag)):
			return false
		}
	}
	return true
}
