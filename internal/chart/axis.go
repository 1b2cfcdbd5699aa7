package chart

import (
	"math"
	"time"
)

// axis maps values to heights, 0 at the bottom and 1 at the top.
type axis struct {
	low, high float64
	// linear is the value up to which a logarithmic axis is about linear, so that
	// it has a zero; 0 makes all of the axis linear.
	linear float64
	ticks  []float64
}

// spread is how far beyond its bound a value must be for a logarithmic axis: on
// a linear one the bound would then be drawn on the base line.
const spread = 20

// newAxis fits values from low to high and the bounds. Zero is always in it.
func newAxis(low, high float64, bounds []float64) axis {
	low, high = min(low, 0), max(high, 0)
	least := math.Inf(1)
	for _, b := range bounds {
		low, high = min(low, b), max(high, b)
		if b > 0 {
			least = min(least, b)
		}
	}
	if low == high {
		high = low + 1
	}
	if low == 0 && high/least > spread {
		a := axis{high: decadeAbove(high), linear: least / 10}
		for v := decadeAbove(least / 10); v <= a.high*1.0001; v *= 10 {
			a.ticks = append(a.ticks, v)
		}
		a.ticks = append([]float64{0}, a.ticks...)
		return a
	}
	step := niceStep((high - low) / 4)
	a := axis{low: math.Floor(low/step) * step, high: math.Ceil(high/step*1.001) * step}
	for i := math.Round(a.low / step); i*step <= a.high+step/2; i++ {
		a.ticks = append(a.ticks, i*step)
	}
	return a
}

func (a axis) logarithmic() bool { return a.linear > 0 }

// at returns the height of v, within [0, 1].
func (a axis) at(v float64) float64 {
	h := (v - a.low) / (a.high - a.low)
	if a.logarithmic() {
		h = math.Log10(1+max(0, v)/a.linear) / math.Log10(1+a.high/a.linear)
	}
	return min(1, max(0, h))
}

func decadeAbove(v float64) float64 { return math.Pow(10, math.Ceil(math.Log10(v)-1e-9)) }

// niceStep rounds up to 1, 2 or 5 times a power of ten.
func niceStep(raw float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= raw*0.999 {
			return m * power
		}
	}
	return 10 * power
}

// timeSteps are distances between two marks of a time axis that people can add up.
func timeSteps() []time.Duration {
	return []time.Duration{
		time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
	}
}

// timeStep is the finest of timeSteps that needs at most so many marks.
func timeStep(length time.Duration, marks int) time.Duration {
	steps := timeSteps()
	for _, s := range steps {
		if length/s < time.Duration(marks) {
			return s
		}
	}
	last := steps[len(steps)-1]
	days := int64(length/last)/int64(marks) + 1
	return time.Duration(days * int64(last))
}
