package engine

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/internal/prom"
)

func TestATrackIsJudgedStepByStep(t *testing.T) {
	low, high := 1.0, 10.0
	nan, inf := math.NaN(), math.Inf(-1)
	for name, tc := range map[string]struct {
		values   []float64 // missed: no sample
		second   []float64 // another series
		from, to float64
		broken   float64 // 0: nothing
		blind    error
	}{
		"values on the bounds hold":               {values: []float64{1, 10, 5}, to: 2},
		"the value furthest out is told, above":   {values: []float64{11, 13, 12}, to: 2, broken: 13},
		"the value furthest out is told, below":   {values: []float64{0.5, -3, 0.9}, to: 2, broken: -3},
		"what lies outside of the stretch is not": {values: []float64{11, 5, 5, 12}, from: 1, to: 2},
		"the ends belong to the stretch":          {values: []float64{5, 5, 12}, from: 1, to: 2, broken: 12},
		"one missing step may be late":            {values: []float64{5, missed, 5}, to: 2},
		"two missing steps are blindness":         {values: []float64{5, missed, missed, 5}, to: 3, blind: prom.ErrNoData},
		"two missing steps apart are not":         {values: []float64{5, missed, 5, missed, 5}, to: 4},
		"NaN blinds at once":                      {values: []float64{5, nan, 5}, to: 2, blind: prom.ErrNotFinite},
		"infinity blinds at once":                 {values: []float64{5, inf, 5}, to: 2, blind: prom.ErrNotFinite},
		"several series blind at once":            {values: []float64{5, 5, 5}, second: []float64{missed, 5, missed}, to: 2, blind: prom.ErrManySeries},
		"what broke is told even when blind":      {values: []float64{12, nan, 5}, to: 2, broken: 12, blind: prom.ErrNotFinite},
		"nothing at all is blindness":             {values: nil, from: 1, to: 1, blind: prom.ErrNoData},
	} {
		t.Run(name, func(t *testing.T) {
			var tr track
			answer := []prom.Series{sli("", "a", tc.values...), sli("", "b", tc.second...)}
			tr.addRange(answer, prom.Window{Start: epoch, End: after(max(tc.to, 3)), Step: time.Second})
			got := tr.over(after(tc.from), after(tc.to), bounds{min: &low, max: &high})
			if broken := got.broken != nil; broken != (tc.broken != 0) || broken && got.broken.v != tc.broken {
				t.Errorf("broken by %+v, want %v", got.broken, tc.broken)
			}
			if !errors.Is(got.blind, tc.blind) {
				t.Errorf("blind by %v, want %v", got.blind, tc.blind)
			}
		})
	}
}

func TestATrackGoesForwardOnly(t *testing.T) {
	var tr track
	tr.add(after(2), 1, nil)
	tr.add(after(1), 99, nil)
	tr.add(after(2), 99, nil)
	if len(tr.points) != 1 {
		t.Errorf("%+v", tr.points)
	}
}
