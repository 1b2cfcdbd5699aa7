package ruletest

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/ballast-sre/ballast/internal/slo"
)

// quiet are services with hardly any events, all of which fail.
func (m *maker) quiet() []plan {
	w := world{shape: m.shape}
	few, enough := w.raised()*below, w.raised()*above
	run := []stretch{{steps: 1}, {steps: 1, bad: few}, {steps: 2}, {steps: 1, bad: enough - few}, {steps: 1}}
	if m.slo.Slices != nil {
		run = slices.Concat([]stretch{{steps: 1}}, m.badly(few), []stretch{{steps: 2}}, m.badly(enough-few), []stretch{{steps: 1}})
	}
	plans := []plan{{
		name: fmt.Sprintf("low traffic: %d bad events are few enough, and more are not", m.slo.LeastBad()-1), runs: [][]stretch{run},
		// The floor lies half an event under a whole number; counts are on either side of it.
		alerts: []time.Duration{m.at(length(m.badly(few))), m.at(length(run) - 2)},
	}}
	for _, t := range m.slo.Tiers() {
		for _, goes := range []bool{true, false} {
			factor, name := above, fmt.Sprintf("low traffic: %s goes on with half of the bad events over %s, and without any event over %s", t.Tier, brief(t.Long), brief(t.Short))
			if !goes {
				factor, name = below, fmt.Sprintf("low traffic: %s ends with fewer than half of the bad events over %s", t.Tier, brief(t.Long))
			}
			p, ok := m.fading(t, enough, w.kept()*factor, goes)
			if m.slo.Slices != nil {
				p, ok = m.fadingSlices(t, enough, w.kept()*factor, goes)
			}
			if p.name = name; ok {
				plans = append(plans, p)
			}
		}
	}
	return plans
}

// badly are intervals in which so many events go bad, and no other event is: of slices,
// each is one.
func (m *maker) badly(bad float64) []stretch {
	if m.slo.Slices == nil {
		return []stretch{{steps: 1, bad: bad}}
	}
	whole, part := math.Modf(bad)
	var all []stretch
	if whole > 0 {
		all = append(all, stretch{steps: int(whole), bad: 1})
	}
	if part > noise {
		part = to(part, noise)
		all = append(all, stretch{steps: 1, good: 1 - part, bad: part})
	}
	return all
}

// among is how many events these intervals have in all.
func (m *maker) among(run []stretch) float64 {
	n := 0.0
	for _, s := range run {
		n += float64(s.steps) * (s.good + s.bad)
	}
	return n
}

// fading are two failures, of which the first leaves the long window when the second has
// been there for all of the short one.
func (m *maker) fading(t slo.BurnWindow, enough, second float64, goes bool) (plan, bool) {
	every := m.interval(t.Long)
	long, short := int(t.Long/every), int(t.Short/every)
	// What is left of the count is stretched to the window.
	second *= float64(long-1) / float64(long)
	at := min(long-short+2, long-2)
	run := []stretch{{steps: 1}, {steps: 1, bad: enough - second}, {steps: at - 2}, {steps: 1, bad: second}, {steps: long + 4 - at}}
	p := plan{runs: [][]stretch{run}, every: every, burns: []time.Duration{times(long-1, every), times(long, every)}}
	if goes {
		p.burns = []time.Duration{times(long-1, every), times(long+1, every), times(long+3, every)}
	}
	if long+4 > most/3 {
		for n := long - 3; n <= long+3; n++ {
			p.evaluations = append(p.evaluations, times(n, every))
		}
	}
	return p, true
}

// fadingSlices is fading of slices. It is false where the windows hold too few of them.
func (m *maker) fadingSlices(t slo.BurnWindow, enough, second float64, goes bool) (plan, bool) {
	first, then := m.badly(enough-second), m.badly(second)
	long, short := int(t.Long/m.step()), int(t.Short/m.step())
	// The last of the first leaves the long window as the last of the others leaves the
	// short one.
	gone := length(first) + long
	between := gone - short - length(then) - length(first)
	if between < 1 {
		return plan{}, false
	}
	run := slices.Concat([]stretch{{steps: 1}}, first, []stretch{{steps: between}}, then, []stretch{{steps: short + 3}})
	p := plan{runs: [][]stretch{run}, burns: []time.Duration{m.at(gone - 1), m.at(gone)}}
	if goes {
		p.burns = append(p.burns, m.at(gone+2))
	}
	if gone+3 > most/3 {
		for n := gone - 3; n <= gone+2; n++ {
			p.evaluations = append(p.evaluations, m.at(n))
		}
	}
	return p, true
}

func brief(d time.Duration) string { return model.Duration(d).String() }
