package slo

import (
	"testing"
	"time"
)

func TestWhetherTheThresholdOfATierDecides(t *testing.T) {
	of := func(objective float64, period, length time.Duration, least int) SLO {
		return SLO{Objective: objective, Window: period, Slices: &Slices{Length: length}, MinBadEvents: least}
	}
	for _, tt := range []struct {
		name string
		slo  SLO
		want []bool // of each tier
	}{
		{"0.86 of the 60 slices in an hour, and more in longer windows", of(0.999, 30*day, time.Minute, 0), []bool{true, true, true, true}},
		{"0.17 of 12 slices, 0.43 of 72, 0.86 of 288 and of 864", of(0.999, 30*day, 5*time.Minute, 0), []bool{false, false, true, true}},
		{"a tenth of that", of(0.9999, 30*day, time.Minute, 0), []bool{false, false, false, false}},
		{"three slices, where the threshold is at 0.86, 2.16, and 4.32", of(0.999, 30*day, time.Minute, 3), []bool{false, false, true, true}},
		{"exactly half a slice of the 50 is no more than what the rules want", SLO{
			Objective: 0.99, Window: 365 * day, Slices: &Slices{Length: time.Minute},
			Policies: []Policy{{BurnWindow: BurnWindow{Tier: "mine", Long: 50 * time.Minute, Short: 4 * time.Minute, Rate: 1}}},
		}, []bool{true, true, true, true, false}},
		{"events, of which there may be any number", SLO{Objective: 0.9999, Window: 30 * day}, []bool{true, true, true, true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for i, w := range tt.slo.Burns() {
				if got := tt.slo.Decides(w); got != tt.want[i] {
					t.Errorf("the threshold of %s decides: %t, want %t", w.Tier, got, tt.want[i])
				}
			}
		})
	}
}

func TestHowManySlicesAWindowHolds(t *testing.T) {
	s := Slices{Length: 5 * time.Minute}
	if hour, rest := s.In(time.Hour), s.In(84*time.Minute); hour != 12 || rest != 17 {
		t.Errorf("%d in an hour and %d in 84 minutes, want 12 and 17", hour, rest)
	}
}
