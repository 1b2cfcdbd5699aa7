package main

import (
	"slices"
	"testing"
	"time"
)

var noon = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

// at is so many seconds after noon.
func at(seconds float64) time.Time {
	return noon.Add(time.Duration(seconds * float64(time.Second)))
}

// during is a series of so many seconds whose ticks are all as late.
func during(seconds int, late time.Duration) series {
	return series{start: noon, late: slices.Repeat([]time.Duration{late}, seconds*int(time.Second/period))}
}

func TestAStallWeighsAsMuchAsItLasted(t *testing.T) {
	for _, c := range []struct {
		name  string
		wakes []float64 // seconds after noon
		want  []time.Duration
	}{
		{"before the first tick there is none", []float64{-1}, nil},
		{"each tick that is met is late by what it is late", []float64{0.001, 0.012}, []time.Duration{1e6, 2e6}},
		{"an early wake adds nothing", []float64{0, 0.005, 0.01}, []time.Duration{0, 0}},
		{"a stall counts for every tick within it", []float64{0, 0.045}, []time.Duration{0, 35e6, 25e6, 15e6, 5e6}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := series{start: noon}
			for _, w := range c.wakes {
				s.wake(at(w))
			}
			if !slices.Equal(s.late, c.want) {
				t.Errorf("late %v, want %v", s.late, c.want)
			}
		})
	}
}

func TestATestIsStarvedByWhatHappenedWhileItRan(t *testing.T) {
	fit := during(20, time.Millisecond)
	// For half a second, from the tenth on, nothing ran.
	stalled := during(10, 0)
	stalled.wake(at(10.5))
	for range 950 {
		stalled.wake(stalled.due())
	}
	stolen := during(20, 0)
	for i := range 21 {
		steal := 0.0
		if i > 10 {
			steal = float64(i-10) * 0.3
		}
		stolen.cpu = append(stolen.cpu, cpuTime{at: at(float64(i)), steal: steal, total: 2 * float64(i)})
	}
	nice, unsteady := during(20, 300*time.Millisecond), during(20, 300*time.Millisecond)
	nice.handicap = "niceness 10"
	unsteady.handicap, unsteady.unsteady = "niceness 10", "measured with niceness 10"

	for _, c := range []struct {
		name    string
		series  series
		ran     []window
		sending time.Duration
		want    bool
		says    string
	}{
		{"an idle machine is fit", fit, []window{{at(0), at(20)}}, 0, false, "scheduling lag p99 0.001 s, steal 0.0%"},
		{"a lag of 100 ms is fit", during(20, maxLag), []window{{at(0), at(20)}}, 0, false, "scheduling lag p99 0.100 s, steal 0.0%"},
		{"more is starved", during(20, maxLag+time.Millisecond), []window{{at(0), at(20)}}, 0, true, "scheduling lag p99 0.101 s, steal 0.0%"},
		{"half a second in twenty is more than one in a hundred", stalled, []window{{at(0), at(20)}}, 0, true, "scheduling lag p99 0.300 s, steal 0.0%"},
		{"a test that ended before the stall had a fit machine", stalled, []window{{at(0), at(9.9)}}, 0, false, "scheduling lag p99 0.000 s, steal 0.0%"},
		{"so had one that was paused meanwhile", stalled, []window{{at(0), at(9.9)}, {at(11), at(12)}}, 0, false, "scheduling lag p99 0.000 s, steal 0.0%"},
		{"a short test within the stall sees its late tick", stalled, []window{{at(10.2), at(10.201)}}, 0, true, "scheduling lag p99 0.500 s, steal 0.0%"},
		{"a test outside of the series is not starved", stalled, []window{{at(30), at(31)}}, 0, false, "scheduling lag p99 0.000 s, steal 0.0%"},
		{"a test that did not run is not starved", stalled, nil, 0, false, "scheduling lag p99 0.000 s, steal 0.0%"},
		{"steal counts where it happened", stolen, []window{{at(12), at(15)}}, 0, true, "scheduling lag p99 0.000 s, steal 15.0%"},
		{"and not before", stolen, []window{{at(1), at(9)}}, 0, false, "scheduling lag p99 0.000 s, steal 0.0%"},
		{"10% of steal are fit", stolen, []window{{at(9), at(12)}}, 0, false, "scheduling lag p99 0.000 s, steal 10.0%"},
		{"a stretch between two readings takes those around it", stolen, []window{{at(14.2), at(14.3)}}, 0, true, "scheduling lag p99 0.000 s, steal 15.0%"},
		{"send lag counts as much", fit, []window{{at(0), at(20)}}, 120 * time.Millisecond, true, "scheduling lag p99 0.001 s, send lag p99 0.120 s, steal 0.0%"},
		{"up to 100 ms it is fit", fit, []window{{at(0), at(20)}}, maxLag, false, "scheduling lag p99 0.001 s, send lag p99 0.100 s, steal 0.0%"},
		{"a low priority does not excuse the tests", series{start: noon, late: fit.late, handicap: "niceness 10"}, []window{{at(0), at(20)}}, time.Second, false, "scheduling lag p99 0.001 s, send lag p99 1.000 s (does not count: the test had niceness 10), steal 0.0%"},
		{"what a thread of normal priority saw counts all the same", nice, []window{{at(0), at(20)}}, 0, true, "scheduling lag p99 0.300 s, steal 0.0%"},
		{"what the meter saw with a low priority does not", unsteady, []window{{at(0), at(20)}}, 0, false, "scheduling lag p99 0.300 s (does not count: measured with niceness 10), steal 0.0%"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := c.series.over(c.ran)
			f.sending = c.sending
			if got := f.starved(); got != c.want {
				t.Errorf("starved: %t, want %t", got, c.want)
			}
			if got := f.String(); got != c.says {
				t.Errorf("it says %q, want %q", got, c.says)
			}
		})
	}
}
