package engine

import (
	"sort"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/judge"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

// alertsExpr reads alerts as the series that the rule engine writes, which every
// Prometheus-compatible store has.
const alertsExpr = "ALERTS"

const (
	nameLabel  = "alertname"
	stateLabel = "alertstate"
)

// alertSpans reads an answer of alertsExpr over w. A span begins at the first
// step that shows the state and ends at the first that does not.
func alertSpans(series []prom.Series, w prom.Window) []result.AlertSpans {
	byID := map[string]*result.AlertSpans{}
	for _, s := range series {
		id := seriesID(s.Labels, stateLabel)
		a := byID[id]
		if a == nil {
			a = &result.AlertSpans{Name: s.Labels[nameLabel], Labels: ownLabels(s.Labels)}
			byID[id] = a
		}
		spans := spansOf(s.Points, w)
		switch s.Labels[stateLabel] {
		case judge.StatePending:
			a.Pending = append(a.Pending, spans...)
		case judge.StateFiring:
			a.Firing = append(a.Firing, spans...)
		}
	}
	ids := make([]string, 0, len(byID))
	for id := range byID {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	out := make([]result.AlertSpans, 0, len(ids))
	for _, id := range ids {
		out = append(out, *byID[id])
	}
	return out
}

// ownLabels are those that the rule gave the alert.
func ownLabels(labels map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range labels {
		if k != "__name__" && k != nameLabel && k != stateLabel {
			out[k] = v
		}
	}
	return out
}

// spansOf turns the steps at which a series is there into spans.
func spansOf(points []prom.Sample, w prom.Window) []result.Span {
	var out []result.Span
	for _, p := range points {
		end := p.T.Add(w.Step)
		if !end.Before(w.End) {
			// Only what the last step shows goes on to the end.
			end = w.End
			if p.T.Before(w.End) {
				end = w.End.Add(-time.Millisecond)
			}
		}
		if n := len(out); n > 0 && !p.T.After(out[n-1].End) {
			out[n-1].End = end
			continue
		}
		out = append(out, result.Span{Start: p.T, End: end})
	}
	return out
}

// activeAlerts reads an answer of alertsExpr at one instant.
func activeAlerts(series []prom.Series) []result.ActiveAlert {
	var out []result.ActiveAlert
	for _, s := range series {
		if len(s.Points) > 0 {
			out = append(out, result.ActiveAlert{Name: s.Labels[nameLabel], State: s.Labels[stateLabel], Labels: ownLabels(s.Labels)})
		}
	}
	sort.Slice(out, func(i, j int) bool { return alertID(out[i]) < alertID(out[j]) })
	return out
}

func alertID(a result.ActiveAlert) string { return a.Name + ";" + seriesID(a.Labels) }
