package engine

import (
	"sort"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

// alertsExpr reads alerts as the series that the rule engine writes, which every
// Prometheus-compatible store has.
const alertsExpr = "ALERTS"

const (
	statePending = "pending"
	stateFiring  = "firing"
)

// alertTrack is what one alert did: its labels without name and state, and the
// stretches in which it was pending and firing, ascending.
type alertTrack struct {
	name    string
	labels  map[string]string
	pending []result.Span
	firing  []result.Span
}

// alertTracks reads an answer of alertsExpr over w. A stretch begins at the
// first step that shows the state and ends at the first that does not.
func alertTracks(series []prom.Series, w prom.Window) []alertTrack {
	byID := map[string]*alertTrack{}
	var order []string
	for _, s := range series {
		id := seriesID(s.Labels, "alertstate")
		tr := byID[id]
		if tr == nil {
			tr = &alertTrack{name: s.Labels["alertname"], labels: map[string]string{}}
			for k, v := range s.Labels {
				if k != "__name__" && k != "alertname" && k != "alertstate" {
					tr.labels[k] = v
				}
			}
			byID[id] = tr
			order = append(order, id)
		}
		spans := stretches(s.Points, w)
		switch s.Labels["alertstate"] {
		case statePending:
			tr.pending = append(tr.pending, spans...)
		case stateFiring:
			tr.firing = append(tr.firing, spans...)
		}
	}
	sort.Strings(order)
	out := make([]alertTrack, 0, len(order))
	for _, id := range order {
		out = append(out, *byID[id])
	}
	return out
}

// stretches turns the steps at which a series is there into spans.
func stretches(points []prom.Sample, w prom.Window) []result.Span {
	var out []result.Span
	for _, p := range points {
		end := p.T.Add(w.Step)
		if end.After(w.End) {
			end = w.End
		}
		if n := len(out); n > 0 && !p.T.After(out[n-1].End) {
			out[n-1].End = end
			continue
		}
		out = append(out, result.Span{Start: p.T, End: end})
	}
	return out
}

// matches says whether every wanted label, alertname included, is equal.
func (tr alertTrack) matches(want map[string]string) bool {
	for k, v := range want {
		have := tr.labels[k]
		if k == "alertname" {
			have = tr.name
		}
		if have != v {
			return false
		}
	}
	return true
}

// firedBetween returns the first time in [a, b] at which the alert was firing.
func (tr alertTrack) firedBetween(a, b time.Time) (time.Time, bool) {
	for _, s := range tr.firing {
		if s.End.Before(a) || s.Start.After(b) {
			continue
		}
		if s.Start.Before(a) {
			return a, true
		}
		return s.Start, true
	}
	return time.Time{}, false
}

// firingAt says whether the alert was firing just before t.
func (tr alertTrack) firingAt(t time.Time) bool {
	for _, s := range tr.firing {
		if s.Start.Before(t) && !s.End.Before(t) {
			return true
		}
	}
	return false
}

// resolvedAfter returns when the alert, firing at some time before, was last
// seen to stop. open is true when it was still firing at the end of what is known.
func (tr alertTrack) resolvedAfter(end time.Time) (at time.Time, open bool) {
	for _, s := range tr.firing {
		if s.Start.After(end) {
			continue
		}
		at = s.End
	}
	return at, !at.IsZero() && !at.Before(end)
}

// alertStates are the states of every alert at one tick, by identity.
type alertStates map[string]alertState

type alertState struct {
	name, state string
	labels      map[string]string
}

func statesOf(series []prom.Series) alertStates {
	out := alertStates{}
	for _, s := range series {
		if len(s.Points) == 0 {
			continue
		}
		out[seriesID(s.Labels, "alertstate")] = alertState{name: s.Labels["alertname"], state: s.Labels["alertstate"], labels: s.Labels}
	}
	return out
}

// matching returns the names of the active alerts whose labels match.
func (as alertStates) matching(want map[string]string) []alertState {
	var out []alertState
	for _, a := range as {
		hit := true
		for k, v := range want {
			hit = hit && a.labels[k] == v
		}
		if hit {
			out = append(out, a)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].name < out[j].name })
	return out
}
