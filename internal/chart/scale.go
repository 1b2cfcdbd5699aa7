package chart

import (
	"math"
	"time"
)

// Base says which values are round.
type Base int

// The bases.
const (
	Decimal Base = iota
	Bytes        // powers of two
	Time         // seconds, minutes, hours, days
)

// step rounds up to a distance of two ticks.
func (b Base) step(raw float64) float64 {
	const day = 24 * 3600
	switch {
	case b == Bytes:
		return math.Pow(2, math.Ceil(math.Log2(raw)))
	case b == Time && raw > day:
		return niceStep(raw/day) * day
	case b == Time && raw > 1:
		for _, s := range timeSteps() {
			if s >= time.Duration(raw*float64(time.Second)) {
				return s.Seconds()
			}
		}
	}
	return niceStep(raw)
}

// Ends are the least and the greatest value of a scale, where they are fixed.
type Ends struct{ Least, Most *float64 }

// scale maps values to heights, 0 at the bottom and 1 at the top. Unlike an axis it need
// not hold zero: a share that moves between 99.9% and 100% fills it.
type scale struct {
	low, high float64
	log       bool
	step      float64 // between two ticks; 0 on a logarithmic scale
	ticks     []float64
}

// Room that a linear scale leaves above and below its values, and how many ticks it aims at.
const (
	headroom  = 0.1
	fewTicks  = 5
	logFloor  = 1e-12
	manyTicks = 50
)

// newScale fits finite values from low to high.
func newScale(low, high float64, ends Ends, log bool, base Base) scale {
	if log {
		return newLogScale(low, high)
	}
	switch span := high - low; {
	case high < low, low == 0 && high == 0: // no value, or nothing but zeros
		low, high = 0, 1
	case span == 0:
		low, high = min(0, low*(1+headroom)), max(0, high*(1+headroom))
	default:
		// The room does not reach over zero: no value is beyond it.
		if low -= headroom * span; low < 0 && low+headroom*span >= 0 {
			low = 0
		}
		if high += headroom * span; high > 0 && high-headroom*span <= 0 {
			high = 0
		}
	}
	s := scale{low: low, high: high}
	if ends.Least != nil {
		s.low = *ends.Least
	}
	if ends.Most != nil {
		s.high = *ends.Most
	}
	if !(s.high > s.low) {
		s.high = s.low + 1
	}
	s.step = base.step((s.high - s.low) / fewTicks)
	for i := math.Ceil(s.low/s.step - 1e-9); i*s.step <= s.high+s.step*1e-9 && len(s.ticks) < manyTicks; i++ {
		s.ticks = append(s.ticks, i*s.step+0) // 0 and not -0
	}
	return s
}

// newLogScale has a tick at each power of ten. Zeros and what is below are not on it.
func newLogScale(low, high float64) scale {
	if !(high > 0) {
		low, high = 1, 10
	}
	low = max(low, logFloor)
	s := scale{log: true, low: math.Pow(10, math.Floor(math.Log10(low)+1e-9)), high: decadeAbove(high)}
	if s.high <= s.low {
		s.high = s.low * 10
	}
	for v := s.low; v <= s.high*1.0001 && len(s.ticks) < manyTicks; v *= 10 {
		s.ticks = append(s.ticks, v)
	}
	return s
}

// at returns the height of v, within [0, 1].
func (s scale) at(v float64) float64 {
	h := (v - s.low) / (s.high - s.low)
	if s.log {
		h = math.Log10(max(v, logFloor)/s.low) / math.Log10(s.high/s.low)
	}
	return min(1, max(0, h))
}

// holds is whether v is on the scale.
func (s scale) holds(v float64) bool { return v >= s.low && v <= s.high }
