package chart

import (
	"math"
	"testing"
	"time"
)

func TestABoundAndASpikeAreBothReadable(t *testing.T) {
	tests := map[string]struct {
		low, high float64
		bounds    []float64
		log       bool
	}{
		"nothing happened":            {0, 0, []float64{0.001}, false},
		"a value near its bound":      {0, 0.7, []float64{0.5}, false},
		"a full outage at 99.9%":      {0, 1, []float64{0.001}, true},
		"a small spike at 99.99%":     {0, 0.01, []float64{0.0001}, true},
		"a bound of zero":             {0, 3, []float64{0}, false},
		"no bound":                    {0, 1e6, nil, false},
		"values below zero":           {-5, 1000, []float64{1}, false},
		"a constant":                  {3, 3, nil, false},
		"a negative bound":            {-1, 0, []float64{-4}, false},
		"a lower and an upper bound":  {0, 900, []float64{1, 1000}, true},
		"a burn rate a thousand fold": {0, 1000, []float64{1}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := newAxis(tt.low, tt.high, tt.bounds)
			if a.logarithmic() != tt.log {
				t.Errorf("logarithmic = %v", a.logarithmic())
			}
			if n := len(a.ticks); n < 2 || n > 10 {
				t.Errorf("%d ticks: %v", n, a.ticks)
			}
			for _, v := range append([]float64{tt.low, tt.high}, tt.bounds...) {
				if h := a.at(v); math.IsNaN(h) || h < 0 || h > 1 || v > a.high || v < a.low {
					t.Errorf("%v is off the axis [%v, %v] at %v", v, a.low, a.high, h)
				}
			}
			for _, b := range tt.bounds {
				if h := a.at(b); b > 0 && h < 0.03 {
					t.Errorf("bound %v is on the base line: %v", b, h)
				}
			}
			if a.at(tt.high) < a.at(tt.low) {
				t.Error("higher values stand lower")
			}
		})
	}
}

func TestTimeAxisHasFewRoundMarks(t *testing.T) {
	for _, length := range []time.Duration{
		300 * time.Millisecond, time.Second, 61 * time.Second, 10 * time.Minute, 3 * time.Hour, 30 * 24 * time.Hour,
	} {
		w := Window{From: epoch.Add(-length / 5), To: epoch.Add(length), Zero: epoch}
		for _, size := range Sizes() {
			marks := newFrame(w, size, 100, 26, 24).marks()
			if n := len(marks); n < 1 || n > 18 {
				t.Errorf("%s: %d marks", length, n)
			}
			zero := false
			for i, m := range marks {
				zero = zero || m.Label == "0 s"
				if i > 0 && m.X-marks[i-1].X < 30 {
					t.Errorf("%s: marks %q and %q are too close", length, marks[i-1].Label, m.Label)
				}
			}
			if !zero {
				t.Errorf("%s: the fault's beginning is not marked: %v", length, marks)
			}
		}
	}
}
