package host

import "time"

// kernelSlack is how far, in seconds, the kernel's accounting of a processor
// may be off. It lets idle and iowait go back by a few ticks now and then,
// as the wait that is going on is counted to the one or the other; a
// processor that was taken offline and online again starts near zero.
const kernelSlack = 3

// CPUUsage is the share of an interval that a processor spent in each
// mode, in percent. The modes add up to 100, but for rounding, and Busy is 100 less Idle and
// IOWait: a processor that waits for a disk has time to spare.
type CPUUsage struct {
	Busy    float64 `json:"busy"`
	User    float64 `json:"user"`
	Nice    float64 `json:"nice"`
	System  float64 `json:"system"`
	Idle    float64 `json:"idle"`
	IOWait  float64 `json:"iowait"`
	IRQ     float64 `json:"irq"`
	SoftIRQ float64 `json:"softirq"`
	Steal   float64 `json:"steal"`
}

// Change is what became of a processor's counters between two readings.
type Change int

// The changes there are.
const (
	// Advanced counters hold an interval.
	Advanced Change = iota
	// Unclear counters went back by a little: they are good, but what the
	// interval holds is not known.
	Unclear
	// Reset counters were set back: the interval is lost.
	Reset
	// Jumped counters grew by more than the time that passed: neither
	// they nor the interval are to be believed.
	Jumped
)

// Sum returns the whole time that t accounts for, in seconds.
func (t CPUTimes) Sum() float64 { return t.work() + t.Idle + t.IOWait }

// work is all time but idle and iowait.
func (t CPUTimes) work() float64 {
	return t.User + t.Nice + t.System + t.IRQ + t.SoftIRQ + t.Steal
}

// Add returns t and u, field by field.
func (t CPUTimes) Add(u CPUTimes) CPUTimes {
	return CPUTimes{
		User: t.User + u.User, Nice: t.Nice + u.Nice, System: t.System + u.System,
		Idle: t.Idle + u.Idle, IOWait: t.IOWait + u.IOWait, IRQ: t.IRQ + u.IRQ,
		SoftIRQ: t.SoftIRQ + u.SoftIRQ, Steal: t.Steal + u.Steal,
	}
}

func (t CPUTimes) minus(u CPUTimes) CPUTimes {
	return CPUTimes{
		User: t.User - u.User, Nice: t.Nice - u.Nice, System: t.System - u.System,
		Idle: t.Idle - u.Idle, IOWait: t.IOWait - u.IOWait, IRQ: t.IRQ - u.IRQ,
		SoftIRQ: t.SoftIRQ - u.SoftIRQ, Steal: t.Steal - u.Steal,
	}
}

// Since returns what the processor did from earlier to t, in at most the
// given time. No field of it is negative, and unless the counters Advanced
// it is zero.
func (t CPUTimes) Since(earlier CPUTimes, atMost time.Duration) (CPUTimes, Change) {
	d := t.minus(earlier)
	if min(d.User, d.Nice, d.System, d.IRQ, d.SoftIRQ, d.Steal) < 0 || min(d.Idle, d.IOWait) <= -kernelSlack {
		return CPUTimes{}, Reset
	}
	if d.Sum() > atMost.Seconds()+kernelSlack {
		return CPUTimes{}, Jumped
	}
	if min(d.Idle, d.IOWait) >= 0 {
		return d, Advanced
	}
	// What left one of the two went to the other, so the sum is right.
	spare := d.Idle + d.IOWait
	if spare < 0 {
		if d.work() < 0.9*atMost.Seconds() {
			return CPUTimes{}, Unclear
		}
		spare = 0 // work fills the interval
	}
	if d.Idle < 0 {
		d.Idle, d.IOWait = 0, spare
	} else {
		d.Idle, d.IOWait = spare, 0
	}
	return d, Advanced
}

// NotBefore returns t with idle and iowait held at what was shown before,
// where they are less by under 3 s: such a step back is no counter reset.
func (t CPUTimes) NotBefore(shown CPUTimes) CPUTimes {
	hold := func(now, before float64) float64 {
		if now < before && before-now < kernelSlack {
			return before
		}
		return now
	}
	t.Idle, t.IOWait = hold(t.Idle, shown.Idle), hold(t.IOWait, shown.IOWait)
	return t
}

// Usage returns the share of each mode in t, which is an interval's time
// (see Since). It is false when the interval holds no time at all.
func (t CPUTimes) Usage() (CPUUsage, bool) {
	sum := t.Sum()
	if sum <= 0 {
		return CPUUsage{}, false
	}
	return CPUUsage{
		Busy: percent(t.work(), sum),
		User: percent(t.User, sum), Nice: percent(t.Nice, sum), System: percent(t.System, sum),
		Idle: percent(t.Idle, sum), IOWait: percent(t.IOWait, sum), IRQ: percent(t.IRQ, sum),
		SoftIRQ: percent(t.SoftIRQ, sum), Steal: percent(t.Steal, sum),
	}, true
}
