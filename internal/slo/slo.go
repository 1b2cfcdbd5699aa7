// Package slo reads OpenSLO v1 documents and does the arithmetic of service
// levels: burn rate, error budget, detection time. It is pure: documents and
// numbers in, numbers out. Nothing else in this repository computes a burn rate.
package slo

import "time"

// SLO is one objective over one ratio of good to total events.
//
// Good and Total are PromQL selectors of counters (never wrapped in rate), so
// that every reader (recording rules, the runner's exact counting of events,
// dashboards) can apply its own window to the same source.
type SLO struct {
	Name        string // metadata.name, what an experiment's ref names
	DisplayName string
	Description string
	Service     string
	File        string
	Line        int

	Objective float64       // target ratio of good events, in (0, 1)
	Window    time.Duration // rolling period of the error budget
	Good      string        // counter selector of good events
	Total     string        // counter selector of all events

	Labels      map[string]string
	Annotations map[string]string
}

// Budget is the share of events that may be bad: 1 − Objective.
func (s SLO) Budget() float64 { return clean(1 - s.Objective) }

// Tiers are the burn-rate tiers of the SLO, from the fastest to the slowest.
func (s SLO) Tiers() []BurnWindow { return BurnWindows(s.Window, s.Objective) }
