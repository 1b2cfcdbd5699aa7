package ruletest

import (
	"math"
	"testing"
	"time"
)

func TestIncreaseOverAWindow(t *testing.T) {
	steady := make([]float64, 61)
	for i := range steady {
		steady[i] = 1e6 + 60*float64(i)
	}
	for _, tt := range []struct {
		name    string
		samples []float64
		t, w    time.Duration
		want    float64 // NaN: none
	}{
		{"a constant rate over a full window is rate × window", steady, time.Hour, 30 * time.Minute, 1800},
		{"also over the shortest", steady, time.Hour, 2 * time.Minute, 120},
		{"the sample at the beginning of the window is not in it", []float64{0, 0, 10, 10}, 3 * time.Minute, time.Minute, math.NaN()},
		{"a young counter that began at 0 counts what it shows", []float64{0, 10, 20}, 2 * time.Minute, time.Hour, 20},
		{"a young counter that began higher counts half an interval more", []float64{100, 110, 120}, 2 * time.Minute, time.Hour, 25},
		{"a counter that starts anew counts on", []float64{100, 110, 5, 15}, 3 * time.Minute, time.Hour, 25 + 25.0/6},
		{"one sample says nothing", []float64{absent(), 10}, time.Minute, time.Hour, math.NaN()},
		{"nor do none", nil, time.Minute, time.Hour, math.NaN()},
		{"a marker is not a sample", []float64{0, 10, stale(), 30}, 3 * time.Minute, time.Hour, 30},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := counter{time.Minute, tt.samples}.increase(tt.t, tt.w)
			if ok == math.IsNaN(tt.want) || ok && math.Abs(got-tt.want) > 1e-9 {
				t.Errorf("got %v, %v; want %v", got, ok, tt.want)
			}
		})
	}
}

func TestPresenceOfASeries(t *testing.T) {
	gap := counter{time.Minute, []float64{1, absent(), absent(), absent(), absent(), absent(), 2, stale(), absent()}}
	for at, want := range map[time.Duration]bool{
		0: true, 4 * time.Minute: true, 4*time.Minute + 59*time.Second: true, 5 * time.Minute: false,
		6 * time.Minute: true, 7 * time.Minute: false, 8 * time.Minute: false,
	} {
		if got := gap.present(at); got != want {
			t.Errorf("present after %s: %v, want %v", at, got, want)
		}
	}
	if gap.seen(8*time.Minute, 2*time.Minute) || !gap.seen(8*time.Minute, 3*time.Minute) {
		t.Error("the sample of minute 6 is two minutes old and not one")
	}
}

func TestCompactNotation(t *testing.T) {
	for want, samples := range map[string][]float64{
		"0+10x2":              {0, 10, 20},
		"5x2 7":               {5, 5, 5, 7},
		"_x2 1 stale _x1":     {absent(), absent(), 1, stale(), absent()},
		"10-5x2":              {10, 5, 0},
		"0 2.45x1 2.55x1":     {0, 2.45, 2.45, 2.55, 2.55},
		"1000000 2000000":     {1e6, 2e6},
		"0+100x2 100 200":     {0, 100, 200, 100, 200},
		"":                    nil,
		"0.1 0.2 0.3":         {0.1, 0.2, 0.3},
		"_x1 stale stale _x1": {absent(), stale(), stale(), absent()},
	} {
		if got := compact(samples); got != want {
			t.Errorf("%v is written %q, want %q", samples, got, want)
		}
	}
}
