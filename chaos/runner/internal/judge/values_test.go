package judge

import (
	"math"
	"testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// stepsOf is a value a second from the epoch on. Where second has one too, there
// are several series.
func stepsOf(values, second []float64) []result.Value {
	out := make([]result.Value, len(values))
	for i, v := range values {
		out[i] = result.Value{T: after(float64(i)), V: result.Number(v)}
		switch {
		case v == missed:
			out[i] = result.Value{T: after(float64(i)), Kind: result.TroubleNoData}
		case i < len(second) && second[i] != missed:
			out[i].Kind = result.TroubleManySeries
		case math.IsNaN(v) || math.IsInf(v, 0):
			out[i].Kind = result.TroubleNotFinite
		}
	}
	return out
}

func TestAnExpressionIsJudgedStepByStep(t *testing.T) {
	low, high := 1.0, 10.0
	nan, inf := math.NaN(), math.Inf(-1)
	for name, tc := range map[string]struct {
		values   []float64 // missed: no sample
		second   []float64 // another series
		from, to float64
		broken   float64 // 0: nothing
		blind    result.TroubleKind
	}{
		"values on the bounds hold":                               {values: []float64{1, 10, 5}, to: 2},
		"the value furthest above the bound is reported":          {values: []float64{11, 13, 12}, to: 2, broken: 13},
		"the value furthest below the bound is reported":          {values: []float64{0.5, -3, 0.9}, to: 2, broken: -3},
		"what lies outside of the stretch is not":                 {values: []float64{11, 5, 5, 12}, from: 1, to: 2},
		"the ends belong to the stretch":                          {values: []float64{5, 5, 12}, from: 1, to: 2, broken: 12},
		"one missing step may be late":                            {values: []float64{5, missed, 5}, to: 2},
		"two missing steps are blindness":                         {values: []float64{5, missed, missed, 5}, to: 3, blind: result.TroubleNoData},
		"two missing steps apart are not":                         {values: []float64{5, missed, 5, missed, 5}, to: 4},
		"NaN blinds at once":                                      {values: []float64{5, nan, 5}, to: 2, blind: result.TroubleNotFinite},
		"infinity blinds at once":                                 {values: []float64{5, inf, 5}, to: 2, blind: result.TroubleNotFinite},
		"several series blind at once":                            {values: []float64{5, 5, 5}, second: []float64{missed, 5, missed}, to: 2, blind: result.TroubleManySeries},
		"a broken bound is reported even with missing values":     {values: []float64{12, nan, 5}, to: 2, broken: 12, blind: result.TroubleNotFinite},
		"a missing step beside a value near the upper bound is":   {values: []float64{5, missed, 9.1, 5}, to: 3, blind: result.TroubleNoData},
		"a missing step beside a value near the lower bound is":   {values: []float64{1.1, missed, 5, 5}, to: 3, blind: result.TroubleNoData},
		"a missing step beside a value 10% off is not":            {values: []float64{8.9, missed, 1.12, 5}, to: 3},
		"a missing step beside one that broke before the stretch": {values: []float64{11, missed, 5, 5}, from: 1, to: 3, blind: result.TroubleNoData},
		"nothing at all is blindness":                             {values: nil, from: 1, to: 1, blind: result.TroubleNoData},
	} {
		t.Run(name, func(t *testing.T) {
			got := over(stepsOf(tc.values, tc.second), after(tc.from), after(tc.to), bounds{min: &low, max: &high})
			if broken := got.broken != nil; broken != (tc.broken != 0) || broken && float64(got.broken.V) != tc.broken {
				t.Errorf("broken by %+v, want %v", got.broken, tc.broken)
			}
			if got.kind != tc.blind || (got.blind != "") != (tc.blind != "") {
				t.Errorf("blind by %s %q, want %s", got.kind, got.blind, tc.blind)
			}
		})
	}
}
