package slo

import (
	"math"
	"time"
)

// Slices is how an SLO judges stretches of time of one length. How good a slice is, in
// [0, 1], is either the ratio of Good to Total within it or the value of Query. Each
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

// Decides reports whether the threshold of a tier has a say. Rules fire above half a bad
// event less than LeastBad. Where so many bad slices are no less than the threshold of all
// slices that the long window holds, the tier fires at the least number of bad slices,
// whatever its burn rate. How many events there will be is not known: of these it is true.
func (s SLO) Decides(w BurnWindow) bool {
	if s.Slices == nil {
		return true
	}
	return w.Threshold(s.Objective)*float64(s.Slices.In(w.Long)) > float64(s.LeastBad())-0.5
}

// In is how many slices a window holds at most.
func (s Slices) In(w time.Duration) int {
	return int(math.Ceil(float64(w) / float64(s.Length)))
}
