package host

// hotplugIdleDrop is how far, in seconds, a processor's idle counter must
// fall to be taken for a reset. The kernel lets idle and iowait go back by
// a few ticks now and then; a processor that was taken offline and online
// again starts near zero.
const hotplugIdleDrop = 3

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

// Sum returns the whole time that t accounts for, in seconds.
func (t CPUTimes) Sum() float64 {
	return t.User + t.Nice + t.System + t.Idle + t.IOWait + t.IRQ + t.SoftIRQ + t.Steal
}

// Add returns t and u, field by field.
func (t CPUTimes) Add(u CPUTimes) CPUTimes {
	return CPUTimes{
		User: t.User + u.User, Nice: t.Nice + u.Nice, System: t.System + u.System,
		Idle: t.Idle + u.Idle, IOWait: t.IOWait + u.IOWait, IRQ: t.IRQ + u.IRQ,
		SoftIRQ: t.SoftIRQ + u.SoftIRQ, Steal: t.Steal + u.Steal,
	}
}

// Since returns t less earlier, field by field. After NotBefore no field of
// it is negative.
func (t CPUTimes) Since(earlier CPUTimes) CPUTimes {
	return CPUTimes{
		User: t.User - earlier.User, Nice: t.Nice - earlier.Nice, System: t.System - earlier.System,
		Idle: t.Idle - earlier.Idle, IOWait: t.IOWait - earlier.IOWait, IRQ: t.IRQ - earlier.IRQ,
		SoftIRQ: t.SoftIRQ - earlier.SoftIRQ, Steal: t.Steal - earlier.Steal,
	}
}

// NotBefore returns t with every field held at no less than in earlier, so
// that the small steps back which the kernel makes are not taken for
// counter resets. A processor that was reset (its idle time fell by more
// than 3 s) is returned as it is, with reset true: there is no interval
// between the two readings then.
func (t CPUTimes) NotBefore(earlier CPUTimes) (held CPUTimes, reset bool) {
	if earlier.Idle-t.Idle >= hotplugIdleDrop {
		return t, true
	}
	return CPUTimes{
		User: max(t.User, earlier.User), Nice: max(t.Nice, earlier.Nice), System: max(t.System, earlier.System),
		Idle: max(t.Idle, earlier.Idle), IOWait: max(t.IOWait, earlier.IOWait), IRQ: max(t.IRQ, earlier.IRQ),
		SoftIRQ: max(t.SoftIRQ, earlier.SoftIRQ), Steal: max(t.Steal, earlier.Steal),
	}, false
}

// Usage returns the share of each mode in t, which is an interval's time
// (see Since). It is false when the interval holds no time at all.
func (t CPUTimes) Usage() (CPUUsage, bool) {
	sum := t.Sum()
	if sum <= 0 {
		return CPUUsage{}, false
	}
	return CPUUsage{
		Busy: percent(sum-t.Idle-t.IOWait, sum),
		User: percent(t.User, sum), Nice: percent(t.Nice, sum), System: percent(t.System, sum),
		Idle: percent(t.Idle, sum), IOWait: percent(t.IOWait, sum), IRQ: percent(t.IRQ, sum),
		SoftIRQ: percent(t.SoftIRQ, sum), Steal: percent(t.Steal, sum),
	}, true
}
