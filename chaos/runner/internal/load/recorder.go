package load

import (
	"math"
	"sync"
	"time"
)

// Recorder keeps what a load's client saw since it was last asked, finer than the
// histograms that Prometheus scrapes: the quantiles of a short stretch of time are within
// two hundredths of the true ones. Its methods are safe for concurrent use; a nil Recorder
// takes everything and keeps nothing.
type Recorder struct {
	mu  sync.Mutex
	now stretch
}

// stretch is what was recorded between two questions.
type stretch struct {
	success, errors uint64
	took, lag       spread
}

// Seen is what a client saw in a stretch of time.
type Seen struct {
	Success, Errors uint64
	// P50 and P99 of the time from when a request was due to its outcome. A request without
	// an answer counts with the timeout. Zero without requests.
	P50, P99 time.Duration
	// LagP99 is by how much requests were sent late.
	LagP99 time.Duration
}

// Take returns what was seen since the last call, and begins anew.
func (r *Recorder) Take() Seen {
	r.mu.Lock()
	s := r.now
	r.now = stretch{}
	r.mu.Unlock()
	return Seen{Success: s.success, Errors: s.errors, P50: s.took.quantile(0.5), P99: s.took.quantile(0.99), LagP99: s.lag.quantile(0.99)}
}

func (r *Recorder) outcome(ok bool, d time.Duration) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if ok {
		r.now.success++
	} else {
		r.now.errors++
	}
	r.now.took.add(d)
}

func (r *Recorder) sent(lag time.Duration) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now.lag.add(lag)
}

// The buckets of a spread: each is two hundredths wider than the one before, from a
// microsecond to more than the longest timeout.
const (
	narrowest = time.Microsecond
	growth    = 1.02
	buckets   = 930
)

// spread counts durations by size.
type spread struct {
	counts [buckets]uint64
	n      uint64
}

func (s *spread) add(d time.Duration) {
	i := 0
	if d > narrowest {
		i = min(buckets-1, int(math.Ceil(math.Log(float64(d)/float64(narrowest))/math.Log(growth))))
	}
	s.counts[i]++
	s.n++
}

// quantile is the upper bound of the bucket that holds it: never less than it was.
func (s *spread) quantile(q float64) time.Duration {
	rank := uint64(math.Ceil(q * float64(s.n)))
	var n uint64
	for i, c := range s.counts {
		if n += c; c > 0 && n >= rank {
			return time.Duration(float64(narrowest) * math.Pow(growth, float64(i)))
		}
	}
	return 0
}
