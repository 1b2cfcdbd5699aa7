package load

import (
	"math"
	"time"
)

// schedule says when each request is due. It is fixed when the load starts and
// never adapts to the server: that is what makes the load open-loop.
type schedule struct {
	start time.Time
	rate  float64 // requests per second
}

// at returns when request n, counted from 0, is due. It is computed from n
// alone, so that rounding does not add up over a long run.
func (s schedule) at(n uint64) time.Time {
	return s.start.Add(time.Duration(float64(n) / s.rate * float64(time.Second)))
}

// due counts the requests that are due at or before now.
func (s schedule) due(now time.Time) uint64 {
	elapsed := now.Sub(s.start)
	if elapsed < 0 {
		return 0
	}
	n := uint64(math.Floor(elapsed.Seconds() * s.rate))
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
