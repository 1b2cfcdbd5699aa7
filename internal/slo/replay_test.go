package slo

import (
	"testing"
	"time"
)

var zero = time.Unix(1_700_000_000, 0)

func sec(s float64) time.Time { return zero.Add(time.Duration(s * float64(time.Second))) }

// counted are tallies every step from one time to another, of rate events a second, of
// which the share that bad says goes wrong in each stretch between two.
func counted(from, to, step, rate float64, bad func(at float64) float64) []Tally {
	var out []Tally
	sum, lost := 0.0, 0.0
	for at := from; at <= to+1e-9; at += step {
		if at > from {
			sum += rate * step
			lost += rate * step * bad(at)
		}
		out = append(out, Tally{T: sec(at), Bad: lost, Total: sum})
	}
	return out
}

// since is a share that goes bad from one time on until another.
func since(from, to, share float64) func(float64) float64 {
	return func(at float64) float64 {
		if at > from && at <= to {
			return share
		}
		return 0
	}
}

func TestAConditionIsMetWhenItsErrorsAreInBothWindows(t *testing.T) {
	// The quickest tier of 99.9% with time 75 times as fast.
	page := Burning{Long: 48 * time.Second, Short: 4 * time.Second, Threshold: 0.0144, Least: 2.5}
	const far = 1000
	for name, tt := range map[string]struct {
		tallies  []Tally
		rule     Burning
		from, to float64 // the first stretch; from -1: none
	}{
		// 47 seconds lie between the scrapes of 48: 4,700 events, of which 67.68 may go bad.
		"an outage": {counted(-60, 40, 1, 100, since(0, far, 1)), page, 1, 40},
		"half of an outage takes one scrape more":        {counted(-60, 40, 1, 100, since(0, far, 0.5)), page, 2, 40},
		"errors above the threshold":                     {counted(-60, 140, 1, 100, since(0, far, 0.0150)), page, 46, 140},
		"errors at the threshold":                        {counted(-60, 140, 1, 100, since(0, far, 0.0144)), page, -1, 0},
		"no errors":                                      {counted(-60, 40, 1, 100, since(0, 0, 0)), page, -1, 0},
		"errors that end are over with the short window": {counted(-60, 40, 1, 100, since(0, 2, 1)), page, 1, 5},
		"errors that end before there are enough":        {counted(-60, 40, 1, 100, since(0, 1, 0.6)), page, -1, 0},
		"a few events wait for the guard":                {counted(-60, 40, 1, 1, since(0, far, 1)), page, 3, 40},
		"without a guard one event is enough":            {counted(-60, 40, 1, 1, since(0, far, 1)), Burning{Long: page.Long, Short: page.Short, Threshold: page.Threshold}, 1, 40},
		"a young history divides by what there is":       {counted(-5, 40, 1, 100, since(0, far, 0.2)), page, 1, 40},
		"errors from before help":                        {counted(-60, 40, 1, 100, func(at float64) float64 { return since(-9, -8, 0.6)(at) + since(0, far, 0.1)(at) }), page, 1, 40},
		"errors from before that left the window do not": {counted(-90, 40, 1, 100, func(at float64) float64 { return since(-60, -59, 0.6)(at) + since(0, far, 0.1)(at) }), page, 7, 40},
		"the past at a few points is filled in":          {append(counted(-60, -12, 12, 100, since(0, 0, 0)), shifted(counted(0, 40, 1, 100, since(0, far, 1)), 6000)...), page, 1, 40},
		"one count is none":                              {counted(0, 0, 1, 100, since(0, far, 1)), page, -1, 0},
		"nothing was counted":                            {nil, page, -1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			end := 40.0
			if n := len(tt.tallies); n > 0 {
				end = tt.tallies[n-1].T.Sub(zero).Seconds()
			}
			met := tt.rule.Met(tt.tallies, time.Second, sec(0), sec(end))
			switch {
			case tt.from < 0 && len(met) > 0:
				t.Errorf("met from %s on", met[0].Start.Sub(zero))
			case tt.from >= 0 && len(met) == 0:
				t.Error("never met")
			case tt.from >= 0 && (!met[0].Start.Equal(sec(tt.from)) || !met[0].End.Equal(sec(tt.to))):
				t.Errorf("met from %s to %s, want %v to %v", met[0].Start.Sub(zero), met[0].End.Sub(zero), tt.from, tt.to)
			}
		})
	}
}

// shifted adds good events that were counted before.
func shifted(in []Tally, total float64) []Tally {
	for i := range in {
		in[i].Total += total
	}
	return in
}

func TestAConditionIsNearlyMetFivePercentAndOneEventBelow(t *testing.T) {
	rule := Burning{Long: 48 * time.Second, Short: 4 * time.Second, Threshold: 0.0144, Least: 2.5}
	for name, tt := range map[string]struct {
		rate, share float64
		near        bool
	}{
		"4% below the threshold": {100, 0.0144 * 0.96, true},
		"6% below the threshold": {100, 0.0144 * 0.94, false},
	} {
		tallies := counted(-60, 140, 1, tt.rate, since(0, 1000, tt.share))
		if met := rule.Met(tallies, time.Second, sec(0), sec(140)); len(met) > 0 {
			t.Errorf("%s: met", name)
		}
		if near := rule.Nearly().Met(tallies, time.Second, sec(0), sec(140)); len(near) > 0 != tt.near {
			t.Errorf("%s: nearly met is %v", name, !tt.near)
		}
	}
	few := counted(-60, 40, 1, 1, since(0, 1000, 1))
	if near := rule.Nearly().Met(few, time.Second, sec(0), sec(40)); len(near) == 0 || !near[0].Start.Equal(sec(2)) {
		t.Errorf("one event below the guard is nearly met: %v", near)
	}
}
