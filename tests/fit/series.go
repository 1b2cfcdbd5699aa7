package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// period is the time between two ticks of the meter.
const period = 10 * time.Millisecond

// The machine was unfit for what ran on it when one of these is exceeded.
const (
	maxLag   = 100 * time.Millisecond // 99th percentile, of scheduling or of sending
	maxSteal = 0.10                   // share of the CPU time that the hypervisor took
)

// window is a stretch of time in which a test ran, both ends included.
type window struct{ from, to time.Time }

// series is what the meter saw: how late each tick of a fixed schedule was, and the
// CPU time so far at some moments.
type series struct {
	start time.Time
	late  []time.Duration // of the tick due at start + i × period
	cpu   []cpuTime       // in the order of time
	// handicap says in which way the tests had less than normal priority, for example
	// "niceness 10"; empty when they had not. unsteady says why the ticks do not count.
	handicap, unsteady string
}

// cpuTime is the CPU time in seconds since the machine started, over all CPUs.
type cpuTime struct {
	at           time.Time
	steal, total float64
}

// due is the moment of the next tick.
func (s *series) due() time.Time { return s.start.Add(time.Duration(len(s.late)) * period) }

// wake adds every tick that was due by now. A meter that was away for five seconds
// missed 500 ticks, not one: otherwise the longest stall would weigh the least.
func (s *series) wake(now time.Time) {
	for due := s.due(); !due.After(now); due = s.due() {
		s.late = append(s.late, now.Sub(due))
	}
}

// over is the figure for the stretches in which a test ran. A tick belongs to a stretch
// in which any part of its delay falls.
func (s *series) over(windows []window) figure {
	f := figure{handicap: s.handicap, unsteady: s.unsteady}
	var late []time.Duration
	for i, l := range s.late {
		due := s.start.Add(time.Duration(i) * period)
		if slices.ContainsFunc(windows, func(w window) bool { return !due.After(w.to) && !due.Add(l).Before(w.from) }) {
			late = append(late, l)
		}
	}
	if len(late) > 0 {
		slices.Sort(late)
		f.scheduling = late[(len(late)*99+99)/100-1]
	}
	var steal, total float64
	for _, w := range windows {
		// The readings around the stretch: it is often shorter than the time between two.
		from, found := slices.BinarySearchFunc(s.cpu, w.from, func(c cpuTime, t time.Time) int { return c.at.Compare(t) })
		if !found && from > 0 {
			from--
		}
		to, _ := slices.BinarySearchFunc(s.cpu, w.to, func(c cpuTime, t time.Time) int { return c.at.Compare(t) })
		if to = min(to, len(s.cpu)-1); to > from {
			steal += s.cpu[to].steal - s.cpu[from].steal
			total += s.cpu[to].total - s.cpu[from].total
		}
	}
	if total > 0 {
		f.steal = steal / total
	}
	return f
}

// whole is the stretch that the series covers.
func (s *series) whole() []window { return []window{{s.start, s.due()}} }

// figure is what the machine denied to a test.
type figure struct {
	scheduling         time.Duration // 99th percentile
	sending            time.Duration // the highest 99th percentile that the test printed, 0 if none
	steal              float64       // from 0 to 1
	handicap, unsteady string        // as in series
}

// starved reports whether the machine, and not the test, may be to blame.
func (f figure) starved() bool {
	return f.scheduling > maxLag && f.unsteady == "" || f.sending > maxLag && f.handicap == "" || f.steal > maxSteal
}

func (f figure) String() string {
	parts := []string{fmt.Sprintf("scheduling lag p99 %.3f s", f.scheduling.Seconds())}
	if f.unsteady != "" {
		parts[0] += " (does not count: " + f.unsteady + ")"
	}
	if f.sending > 0 {
		send := fmt.Sprintf("send lag p99 %.3f s", f.sending.Seconds())
		if f.handicap != "" {
			send += " (does not count: the test had " + f.handicap + ")"
		}
		parts = append(parts, send)
	}
	return strings.Join(append(parts, fmt.Sprintf("steal %.1f%%", 100*f.steal)), ", ")
}
