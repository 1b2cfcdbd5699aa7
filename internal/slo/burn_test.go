package slo

import (
	"testing"
	"time"
)

func TestBurnWindowsOfThirtyDaysAreTheWorkbooks(t *testing.T) {
	want := []BurnWindow{
		{Page, time.Hour, 5 * time.Minute, 0.02, 14.4},
		{Page, 6 * time.Hour, 30 * time.Minute, 0.05, 6},
		{Ticket, 24 * time.Hour, 2 * time.Hour, 0.1, 3},
		{Ticket, 72 * time.Hour, 6 * time.Hour, 0.1, 1},
	}
	for i, got := range BurnWindows(month) {
		w := want[i]
		if got.Severity != w.Severity || got.Long != w.Long || got.Short != w.Short || got.Share != w.Share || !near(got.Rate, w.Rate) {
			t.Errorf("tier %d: got %+v, want %+v", i, got, w)
		}
	}
}

func TestBurnWindowsKeepTheirShareOfOtherPeriods(t *testing.T) {
	for _, period := range []time.Duration{7 * 24 * time.Hour, 28 * 24 * time.Hour, 90 * 24 * time.Hour} {
		for _, w := range BurnWindows(period) {
			// What a steady burn at Rate costs over the long window.
			bad := w.Rate * 0.001 * 50 * w.Long.Seconds()
			if got := Spend(bad, 0.999, 50, period); !near(got, w.Share) {
				t.Errorf("%s over %s: %v of the budget is gone, want %v", w.Long, period, got, w.Share)
			}
		}
	}
}

func TestReachable(t *testing.T) {
	fast := BurnWindows(month)[0]
	for objective, want := range map[float64]bool{0.999: true, 0.9306: true, 0.9305: false, 0.9: false} {
		if got := fast.Reachable(objective); got != want {
			t.Errorf("the fast page at %v: got %v, want %v", objective, got, want)
		}
	}
}

func TestDetection(t *testing.T) {
	ws := BurnWindows(month)
	for _, tt := range []struct {
		name   string
		window BurnWindow
		errors float64
		want   time.Duration
		fires  bool
	}{
		{"a total outage", ws[0], 1, 51840 * time.Millisecond, true},
		{"every tenth request", ws[0], 0.1, 518400 * time.Millisecond, true},
		{"the threshold itself does not exceed it", ws[0], 0.0144, 0, false},
		{"below the threshold", ws[0], 0.01, 0, false},
		{"a total outage for the slowest tier", ws[3], 1, 259200 * time.Millisecond, true},
		{"no errors", ws[3], 0, 0, false},
	} {
		got, fires := tt.window.Detection(tt.errors, 0.999)
		if fires != tt.fires || (got-tt.want).Abs() > time.Millisecond {
			t.Errorf("%s: got %s, %v; want %s, %v", tt.name, got, fires, tt.want, tt.fires)
		}
	}
}
