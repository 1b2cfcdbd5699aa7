package ruletest

import (
	"math"
	"time"
)

// raw are plans of events in which slices are worked out from counters that are scraped a
// few times in each slice.
func (m *maker) raw(plans []plan) []plan {
	out := make([]plan, 0, len(plans))
	for _, p := range plans {
		runs := make([][]stretch, 0, len(p.runs))
		for _, run := range p.runs {
			runs = append(runs, m.sampledOften(run))
		}
		p.runs, p.raw, p.every = runs, true, sampling
		out = append(out, p)
	}
	return out
}

// sampledOften are the stretches of a run, whose steps are slices, in samples.
func (m *maker) sampledOften(run []stretch) []stretch {
	var all []stretch
	for _, s := range run {
		s.steps *= m.scrapes(sampling)
		all = append(all, s)
	}
	return all
}

// scrapes are the samples of a slice.
func (m *maker) scrapes(every time.Duration) int { return int(m.step() / every) }

// shares are slices of events: good, bad, and whatever of them is.
func (m *maker) shares() []plan {
	target, n := m.slo.Slices.Target, m.events()
	three := func(share float64) stretch {
		good := math.Floor(share*n + 1e-6)
		return stretch{steps: 3, good: good, bad: n - good}
	}
	run := []stretch{three(1), three(target * below), three(min(1, target*above)), three(target)}
	p := plan{name: "slices: good ones just below the target, just above, and at it", runs: [][]stretch{run}}
	for _, end := range []int{2, 5, 8, 11} {
		p.shares = append(p.shares, m.at(end))
	}
	plans := m.raw([]plan{p})
	// What happens in the first half of a slice counts as what happens in the second.
	sub := m.scrapes(sampling)
	half := sub/2 + 1
	part := func(first stretch) []stretch {
		first.steps = half
		return []stretch{first, {steps: sub - half, good: n}}
	}
	parts := []stretch{{steps: 1 + 2*sub, good: n}}
	parts = append(parts, part(stretch{bad: n})...)
	parts = append(parts, stretch{steps: sub, good: n})
	parts = append(parts, part(stretch{})...)
	return append(plans, plan{
		name: "slices: errors in the first half of one, no events in that of another", runs: [][]stretch{parts}, raw: true, every: sampling,
		shares: []time.Duration{m.at(2), m.at(3), m.at(4), m.at(5)},
	})
}
