package load

import (
	"math"
	"slices"
	"time"
)

// schedule says when each request is due. It never adapts to the server: that is what
// makes the load open-loop. Only whoever runs the load changes its rate.
type schedule struct {
	start time.Time
	rate  float64 // requests per second, at first
	// changes of the rate, in the order in which they were made.
	changes []change
}

// change is another rate from a request on.
type change struct {
	first uint64        // request from which the rate counts
	after time.Duration // when it is due, since the start
	rate  float64
}

// at returns when request n, counted from 0, is due. It is computed from n and the last
// change alone, so that rounding does not add up over a long run.
func (s schedule) at(n uint64) time.Time {
	c := change{rate: s.rate}
	for _, later := range slices.Backward(s.changes) {
		if later.first <= n {
			c = later
			break
		}
	}
	return s.start.Add(c.after + time.Duration(float64(n-c.first)/c.rate*float64(time.Second)))
}

// due counts the requests that are due at or before now.
func (s schedule) due(now time.Time) uint64 {
	elapsed := now.Sub(s.start)
	if elapsed < 0 {
		return 0
	}
	c, next := change{rate: s.rate}, uint64(math.MaxUint64)
	for _, later := range s.changes {
		if later.after > elapsed {
			next = later.first
			break
		}
		c = later
	}
	n := min(next, c.first+uint64(math.Floor((elapsed-c.after).Seconds()*c.rate)))
	// The division above and the one in at may round differently by one.
	for n > 0 && s.at(n).After(now) {
		n--
	}
	for !s.at(n).After(now) {
		n++
	}
	return n
}

// before counts the requests that are due before end.
func (s schedule) before(end time.Time) uint64 { return s.due(end.Add(-1)) }

// from is the schedule with another rate from now on: what was due by now stays as it was,
// and the next request is due a whole interval of the new rate later. now must not lie
// before an earlier change.
func (s schedule) from(now time.Time, rate float64) schedule {
	next := change{first: s.due(now), after: now.Sub(s.start) + time.Duration(float64(time.Second)/rate), rate: rate}
	s.changes = append(slices.Clone(s.changes), next)
	return s
}

// last is the rate after all changes.
func (s schedule) last() float64 {
	if n := len(s.changes); n > 0 {
		return s.changes[n-1].rate
	}
	return s.rate
}
