package chart

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestAScaleFitsItsValues(t *testing.T) {
	zero, one := 0.0, 1.0
	for name, tc := range map[string]struct {
		low, high float64
		ends      Ends
		log       bool
		base      Base
		want      []float64
	}{
		"values far from zero fill it":           {0.999, 1, Ends{}, false, Decimal, []float64{0.999, 0.9995, 1}},
		"values near zero do not fall below it":  {0.1, 9, Ends{}, false, Decimal, []float64{0, 2, 4, 6, 8}},
		"values below zero do not rise above it": {-9, -0.1, Ends{}, false, Decimal, []float64{-8, -6, -4, -2, 0}},
		"values around zero":                     {-1, 1, Ends{}, false, Decimal, []float64{-1, -0.5, 0, 0.5, 1}},
		"nothing but zeros":                      {0, 0, Ends{}, false, Decimal, []float64{0, 0.2, 0.4, 0.6, 0.8, 1}},
		"one value":                              {5, 5, Ends{}, false, Decimal, []float64{0, 2, 4}},
		"one value below zero":                   {-5, -5, Ends{}, false, Decimal, []float64{-4, -2, 0}},
		"no value":                               {math.Inf(1), math.Inf(-1), Ends{}, false, Decimal, []float64{0, 0.2, 0.4, 0.6, 0.8, 1}},
		"fixed ends":                             {0.2, 0.3, Ends{&zero, &one}, false, Decimal, []float64{0, 0.2, 0.4, 0.6, 0.8, 1}},
		"ends that are one":                      {0, 3, Ends{&one, &one}, false, Decimal, []float64{1, 1.2, 1.4, 1.6, 1.8, 2}},
		"bytes":                                  {0, 3 << 30, Ends{}, false, Bytes, []float64{0, 1 << 30, 2 << 30, 3 << 30}},
		"parts of a second":                      {0, 0.3, Ends{}, false, Time, []float64{0, 0.1, 0.2, 0.3}},
		"minutes":                                {0, 200, Ends{}, false, Time, []float64{0, 60, 120, 180}},
		"days":                                   {0, 20 * 86400, Ends{}, false, Time, []float64{0, 5 * 86400, 10 * 86400, 15 * 86400, 20 * 86400}},
		"powers of ten":                          {3, 4000, Ends{}, true, Decimal, []float64{1, 10, 100, 1000, 10000}},
		"one power of ten":                       {10, 10, Ends{}, true, Decimal, []float64{10, 100}},
		"a logarithm of nothing":                 {math.Inf(1), math.Inf(-1), Ends{}, true, Decimal, []float64{1, 10}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScale(tc.low, tc.high, tc.ends, tc.log, tc.base)
			if d := cmp.Diff(tc.want, s.ticks, cmpopts.EquateApprox(1e-9, 1e-12)); d != "" {
				t.Error(d)
			}
			if tc.low <= tc.high && tc.ends == (Ends{}) && (!s.holds(tc.low) || !s.holds(tc.high)) {
				t.Errorf("%v to %v lies outside of %v to %v", tc.low, tc.high, s.low, s.high)
			}
		})
	}
}

func TestHeightsAreSharesOfTheScale(t *testing.T) {
	linear, log := scale{low: -1, high: 3}, scale{low: 1, high: 100, log: true}
	for _, tc := range []struct {
		s       scale
		v, want float64
	}{
		{linear, -1, 0},
		{linear, 1, 0.5},
		{linear, 3, 1},
		{linear, 9, 1},
		{linear, -9, 0},
		{log, 1, 0},
		{log, 10, 0.5},
		{log, 100, 1},
		{log, 0, 0},
	} {
		if got := tc.s.at(tc.v); math.Abs(got-tc.want) > 1e-9 {
			t.Errorf("%v of %+v: %v, want %v", tc.v, tc.s, got, tc.want)
		}
	}
}
