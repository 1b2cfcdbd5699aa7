package slo

import (
	"math"
	"testing"
	"time"
)

const month = 30 * 24 * time.Hour

func near(got, want float64) bool {
	return got == want || math.Abs(got-want) <= 1e-9*math.Max(1, math.Abs(want))
}

func TestBurnRate(t *testing.T) {
	for _, tt := range []struct {
		name              string
		errors, objective float64
		want              float64
	}{
		{"nothing fails", 0, 0.999, 0},
		{"as much fails as may", 0.001, 0.999, 1},
		{"everything fails", 1, 0.999, 1000},
		{"half of the budget", 0.005, 0.99, 0.5},
		{"no budget and an error", 0.1, 1, math.Inf(1)},
		{"no budget and no error", 0, 1, 0},
		{"a ratio below zero, which skewed counters can give", -0.1, 0.9, 0},
	} {
		if got := BurnRate(tt.errors, tt.objective); !near(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestSpend(t *testing.T) {
	for _, tt := range []struct {
		name                 string
		bad, objective, rate float64
		want                 float64
	}{
		{"nothing bad", 0, 0.999, 50, 0},
		{"2.592 s of full outage are 0.1% of the budget of 99.9% over 30 days", 2.592 * 50, 0.999, 50, 0.001},
		{"the whole budget", 0.001 * 50 * month.Seconds(), 0.999, 50, 1},
		{"more than the budget", 0.01 * 50 * month.Seconds(), 0.999, 50, 10},
		{"bad events without any traffic to fill the window", 1, 0.999, 0, math.Inf(1)},
		{"nothing bad without traffic", 0, 0.999, 0, 0},
		{"an objective without budget", 1, 1, 50, math.Inf(1)},
	} {
		if got := Spend(tt.bad, tt.objective, tt.rate, month); !near(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}
