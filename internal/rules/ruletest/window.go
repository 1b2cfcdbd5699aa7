package ruletest

import (
	"math"
	"time"

	"github.com/prometheus/prometheus/model/value"
)

// lookback is how long the newest sample of a series counts as its value.
const lookback = 5 * time.Minute

// absent stands for a sample that is not there, stale for the marker of a series that a
// scrape no longer found.
func absent() float64 { return math.NaN() }
func stale() float64  { return math.Float64frombits(value.StaleNaN) }

// noNumber stands for a sample that is there and no number.
func noNumber() float64 { return math.Float64frombits(0x7ff8_0000_0000_0003) }

func isNoNumber(v float64) bool { return math.Float64bits(v) == math.Float64bits(noNumber()) }

// isAbsent reports whether a sample is not there, nor a marker.
func isAbsent(v float64) bool { return math.IsNaN(v) && !value.IsStaleNaN(v) && !isNoNumber(v) }

// counter are the samples of a series, one each interval from time 0 on.
type counter struct {
	every   time.Duration
	samples []float64
}

// at is the index of the newest sample at t.
func (c counter) at(t time.Duration) int { return min(int(t/c.every), len(c.samples)-1) }

// present reports whether the series has a value at t.
func (c counter) present(t time.Duration) bool {
	for i := c.at(t); i >= 0 && t-time.Duration(i)*c.every < lookback; i-- {
		if !math.IsNaN(c.samples[i]) {
			return true
		}
		if value.IsStaleNaN(c.samples[i]) {
			return false
		}
	}
	return false
}

// seen reports whether the series has a sample in (t−w, t].
func (c counter) seen(t, w time.Duration) bool {
	for i := c.at(t); i >= 0 && time.Duration(i)*c.every > t-w; i-- {
		if !math.IsNaN(c.samples[i]) {
			return true
		}
	}
	return false
}

// increase is by how much the counter grew in (t−w, t]. It is false with fewer than two
// samples there.
//
// What lies between the first and the last of them is known. Where they lie as close to
// the ends of the window as samples lie to each other, they stand for the whole window,
// and otherwise for half an interval more; but never for a time before the counter was 0.
// At a constant rate, over a window that is full, the result is rate × window.
func (c counter) increase(t, w time.Duration) (float64, bool) {
	first, last, n := -1, -1, 0
	var grown, before float64
	for i := max(0, int((t-w)/c.every)); i <= c.at(t); i++ {
		if time.Duration(i)*c.every <= t-w || math.IsNaN(c.samples[i]) {
			continue
		}
		v := c.samples[i]
		switch {
		case first < 0:
			first = i
		case v < before:
			grown += v // it began anew at 0
		default:
			grown += v - before
		}
		before, last, n = v, i, n+1
	}
	if n < 2 {
		return 0, false
	}
	span := (time.Duration(last-first) * c.every).Seconds()
	between := span / float64(n-1)
	edge := func(d float64) float64 {
		if d >= 1.1*between {
			return between / 2
		}
		return d
	}
	lead := edge((time.Duration(first)*c.every - (t - w)).Seconds())
	if grown > 0 {
		lead = min(lead, span*c.samples[first]/grown)
	}
	tail := edge((t - time.Duration(last)*c.every).Seconds())
	return grown * ((span + lead + tail) / span), true
}
