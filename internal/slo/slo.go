// Package slo reads OpenSLO v1 documents and does the arithmetic of service
// levels: burn rate, error budget, detection time. It is pure: documents and
// numbers in, numbers out. Nothing else in this repository computes a burn rate.
package slo

import "time"

// SLO is one objective over one ratio of good to total events, or of good to all time.
//
// Good and Total are PromQL selectors of counters (never wrapped in rate), so
// that every reader (recording rules, the runner's exact counting of events,
// dashboards) can apply its own window to the same source. They are empty where
// Slices has a query of its own.
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
	// Slices is how time is judged; nil where events are counted.
	Slices *Slices
	// Policies are the burn-rate alerts that its alert policies ask for, beside the tiers.
	Policies []Policy

	Labels      map[string]string
	Annotations map[string]string

	// GroupBy are labels of the counters, sorted: each combination of their values is
	// an SLO of its own, with the same objective.
	GroupBy []string
	// NoData is what becomes of an SLO without events: NoDataTicket, NoDataPage,
	// NoDataNone, or empty for a ticket where it is broken or unseen and nothing where
	// it is idle.
	NoData string
	// MinBadEvents is how many events must have gone bad within a long window before a
	// burn-rate alert may fire, at least 1; 0 stands for DefaultMinBadEvents, and where
	// time slices are the events for one.
	MinBadEvents int
	// RunbookURL is where the alerts' runbook is kept; empty for one in this repository.
	RunbookURL string
}

// The values of SLO.NoData.
const (
	NoDataTicket = "ticket"
	NoDataPage   = "page"
	NoDataNone   = "none"
)

// DefaultMinBadEvents keeps a single failure among the few requests of a quiet hour
// from paging somebody. Failures are counted and not traffic, so that a quiet service
// that only fails is still found.
const DefaultMinBadEvents = 3

// LeastBad is how many events must have gone bad within the long window before a
// burn-rate alert may fire.
func (s SLO) LeastBad() int {
	switch {
	case s.MinBadEvents > 0:
		return s.MinBadEvents
	case s.Slices != nil:
		return 1 // a slice is judged by all that happened in it, not by a single request
	}
	return DefaultMinBadEvents
}

// Budget is the share of events that may be bad: 1 − Objective.
func (s SLO) Budget() float64 { return clean(1 - s.Objective) }

// Sources are the PromQL expressions that the SLO is measured by.
func (s SLO) Sources() []string {
	if s.Slices != nil && s.Slices.Query != "" {
		return []string{s.Slices.Query}
	}
	return []string{s.Good, s.Total}
}

// Burns are all that the SLO's burn-rate alerts watch: its tiers, and then what its alert
// policies ask for.
func (s SLO) Burns() []BurnWindow {
	all := s.Tiers()
	for _, p := range s.Policies {
		all = append(all, p.BurnWindow)
	}
	return all
}

// Tiers are the burn-rate tiers of the SLO, from the fastest to the slowest.
func (s SLO) Tiers() []BurnWindow { return BurnWindows(s.Window, s.Objective) }
