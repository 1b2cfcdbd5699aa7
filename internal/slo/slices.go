package slo

import "time"

// Slices is how an SLO judges stretches of time of one length. How good a slice is, in
// [0, 1], is either the ratio of Good to Total within it or what Query says of it. Each
// slice then is one event: all good or all bad where there is a Target, and otherwise as
// bad as it is.
type Slices struct {
	Length time.Duration // of one slice, whole minutes
	// Target is the share of a slice, in (0, 1], from which all of it is good; 0 takes
	// the share itself.
	Target float64
	// Query is PromQL of what is measured at each instant of a slice; empty where events
	// are counted in it.
	Query string
	// Op and Value are what the measured value has to be: Op is one of <, <=, >, >= of
	// PromQL. Without Op the query is a ratio itself.
	Op    string
	Value float64
	// Bad says that the ratio is that of bad events.
	Bad bool
}
