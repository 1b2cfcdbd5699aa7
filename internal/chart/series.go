package chart

import (
	"slices"
	"time"
)

// Point is one value at one time. Values must be finite.
type Point struct {
	T time.Time
	V float64
}

// stretches splits points at missing data: between two neighbours of a stretch
// no step is missing. The gaps between them, and before the first and after the
// last when more than one step is missing there, are returned too. Points must
// ascend; from and to bound what should be there.
func stretches(points []Point, step time.Duration, from, to time.Time) (parts [][]Point, gaps []Span) {
	if len(points) == 0 {
		return nil, []Span{{Start: from, End: to}}
	}
	// A sample may come up to half a step late without one being missing.
	tolerance := step + step/2
	if first := points[0].T; first.Sub(from) > 2*tolerance {
		gaps = append(gaps, Span{Start: from, End: first})
	}
	start := 0
	for i := 1; i < len(points); i++ {
		if points[i].T.Sub(points[i-1].T) > tolerance {
			parts = append(parts, points[start:i])
			gaps = append(gaps, Span{Start: points[i-1].T, End: points[i].T})
			start = i
		}
	}
	parts = append(parts, points[start:])
	if last := points[len(points)-1].T; to.Sub(last) > 2*tolerance {
		gaps = append(gaps, Span{Start: last, End: to})
	}
	return parts, gaps
}

// Step is the usual distance between two points, at least atLeast.
func Step(points []Point, atLeast time.Duration) time.Duration {
	var steps []time.Duration
	for i := 1; i < len(points); i++ {
		steps = append(steps, points[i].T.Sub(points[i-1].T))
	}
	if len(steps) == 0 {
		return max(atLeast, time.Second)
	}
	slices.Sort(steps)
	return max(atLeast, steps[len(steps)/2])
}

// thin keeps at most about 2×columns points: the lowest and the highest of each
// column, so that no spike is lost in a long run.
func thin(points []Point, columns int) []Point {
	if columns < 1 || len(points) <= 2*columns {
		return points
	}
	out := make([]Point, 0, 2*columns)
	for c := range columns {
		bucket := points[c*len(points)/columns : (c+1)*len(points)/columns]
		low, high := 0, 0
		for i, p := range bucket {
			if p.V < bucket[low].V {
				low = i
			}
			if p.V > bucket[high].V {
				high = i
			}
		}
		out = append(out, bucket[min(low, high)])
		if low != high {
			out = append(out, bucket[max(low, high)])
		}
	}
	return out
}

// highest returns the point with the greatest value.
func highest(points []Point) (top Point, ok bool) {
	for i, p := range points {
		if i == 0 || p.V > top.V {
			top = p
		}
	}
	return top, len(points) > 0
}
