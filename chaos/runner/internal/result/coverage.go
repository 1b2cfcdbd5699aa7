package result

// Coverage is which share of one workload's pods was under fault, over time.
type Coverage struct {
	Workload string  `json:"workload"`
	Steps    []Cover `json:"steps,omitempty"`
	// Until is when it was counted last, in seconds since t0.
	Until Seconds `json:"until"`
}

// Cover counts pods from one time on, until the next step.
type Cover struct {
	At    Seconds `json:"at"`    // since t0
	Ready int     `json:"ready"` // pods that get traffic
	// UnderFault counts those of the ready pods on which a fault was in place.
	UnderFault int `json:"underFault"`
	// Down counts the pods under fault that got no traffic.
	Down int `json:"down,omitempty"`
	// Unknown is true where the target could not say; there are no numbers then.
	Unknown bool `json:"unknown,omitempty"`
}

// Share is the part of the pods that was under fault, of those that were ready or that
// the fault had taken away: 0 to 1. It is false where nothing is known, and where there
// were no such pods.
func (c Cover) Share() (float64, bool) {
	all := c.Ready + c.Down
	if c.Unknown || all <= 0 {
		return 0, false
	}
	return float64(c.UnderFault+c.Down) / float64(all), true
}

// End is when step i gives way to the next.
func (c Coverage) End(i int) Seconds {
	if i+1 < len(c.Steps) {
		return c.Steps[i+1].At
	}
	return max(c.Until, c.Steps[i].At)
}

// Shares are the extremes of a share and its mean over time.
type Shares struct{ Min, Mean, Max float64 }

// Between sums up the share from one time to another, both in seconds since t0. Where
// the share is not known counts for nothing; false where it never is.
func (c Coverage) Between(from, to Seconds) (Shares, bool) {
	var out Shares
	known, weight := false, 0.0
	for i, s := range c.Steps {
		share, ok := s.Share()
		begin, end := max(s.At, from), min(c.End(i), to)
		if !ok || end < begin || end == begin && from < to {
			continue
		}
		if !known {
			out.Min, out.Max = share, share
		}
		known = true
		out.Min, out.Max = min(out.Min, share), max(out.Max, share)
		long := float64(end - begin)
		if weight+long > 0 {
			out.Mean += (share - out.Mean) * long / (weight + long)
		} else {
			out.Mean = share
		}
		weight += long
	}
	return out, known
}
