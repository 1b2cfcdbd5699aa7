package ruletest

import (
	"math"
	"strconv"
)

// find is a setting in which the query gives what differs from want by at most off.
func (p *probe) find(want, off float64) (setting, bool) {
	for i := range p.dials {
		for _, others := range []float64{1, 100, 0} {
			set := func(c float64) setting {
				s := make(setting, len(p.dials))
				for n, d := range p.dials {
					if d.bounds == nil {
						s[n] = others
					}
				}
				s[i] = c
				return s
			}
			f := func(c float64) float64 {
				if given := p.steady(set(c), nil); len(given) == 1 {
					return given[0]
				}
				return math.NaN()
			}
			if c, ok := p.dials[i].solve(f, want, off); ok {
				return set(c), true
			}
		}
	}
	return nil, false
}

// solve looks for what f of it is what is wanted: f is linear, or it grows or falls.
func (d dial) solve(f func(float64) float64, want, off float64) (float64, bool) {
	fits := func(c float64) bool {
		return (c >= 0 || !d.counts) && !math.IsInf(c, 0) && math.Abs(f(c)-want) <= off
	}
	guesses := []float64{want}
	if d.bounds == nil {
		zero, one := f(0), f(1)
		guesses = append(guesses, (want-zero)/(one-zero))
	}
	for _, c := range append(guesses, d.bisect(f, want)) {
		for _, digits := range []int{2, 3, 4, 6, 9, 17} {
			if short := shortened(c, digits); !math.IsNaN(c) && d.within(short) && fits(short) {
				return short, true
			}
		}
	}
	return 0, false
}

// within reports whether the dial can be set so.
func (d dial) within(c float64) bool {
	return d.bounds == nil || c >= 0 && c <= float64(len(d.bounds)-1)
}

// bisect narrows down where f crosses what is wanted; NaN where it does not.
func (d dial) bisect(f func(float64) float64, want float64) float64 {
	low, high := 1e-6, 1.0
	if d.bounds != nil {
		low, high = 0, float64(len(d.bounds)-1)
	}
	over := func(c float64) bool { return f(c) > want }
	for d.bounds == nil && over(low) == over(high) && high < 1e9 {
		high *= 10
	}
	if over(low) == over(high) {
		return math.NaN()
	}
	grows := over(high)
	for range 60 {
		if mid := (low + high) / 2; over(mid) == grows {
			high = mid
		} else {
			low = mid
		}
	}
	return high
}

func shortened(c float64, digits int) float64 {
	short, err := strconv.ParseFloat(strconv.FormatFloat(c, 'g', digits, 64), 64)
	if err != nil {
		return c
	}
	return short
}

// blank is a setting in which the query gives one value that is not a number.
func (p *probe) blank() (setting, bool) { return p.odd(noNumber(), math.IsNaN) }

// bottomless is a setting in which the query gives one value below all numbers.
func (p *probe) bottomless() (setting, bool) {
	return p.odd(math.Inf(-1), func(v float64) bool { return math.IsInf(v, -1) })
}

// odd is a setting in which the query gives one value of a kind: where gauges are such a
// value, or 0, and counters stand still or grow.
func (p *probe) odd(gauge float64, is func(float64) bool) (setting, bool) {
	for _, counters := range []float64{0, 1, noNumber()} {
		for _, gauges := range []float64{gauge, 0} {
			s := make(setting, len(p.dials))
			for i, d := range p.dials {
				switch {
				case d.bounds != nil:
					s[i] = -1
				case d.counts:
					s[i] = counters
				default:
					s[i] = gauges
				}
			}
			if given := p.steady(s, nil); len(given) == 1 && is(given[0]) {
				return s, true
			}
		}
	}
	return nil, false
}
