package trend

import "slices"

// Spread is how the values of some runs lie, in seconds.
type Spread struct {
	N      int     `json:"n"`
	Least  float64 `json:"least"`
	Low    float64 `json:"low"` // a quarter of the values is at most this
	Median float64 `json:"median"`
	High   float64 `json:"high"` // three quarters are at most this
	Most   float64 `json:"most"`
	Last   float64 `json:"last"`
}

// spreadOf is the spread of values in the order of their runs; nil of none.
func spreadOf(values []float64) *Spread {
	if len(values) == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(values))
	return &Spread{
		N: len(values), Least: sorted[0], Low: quantile(sorted, 0.25), Median: quantile(sorted, 0.5),
		High: quantile(sorted, 0.75), Most: sorted[len(sorted)-1], Last: values[len(values)-1],
	}
}

// quantile interpolates linearly between the two nearest of ascending values, as type 7 of
// Hyndman and Fan (1996) does.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

func median(values []float64) float64 {
	return quantile(slices.Sorted(slices.Values(values)), 0.5)
}
