package ruletest

import (
	"fmt"
	"time"

	"github.com/prometheus/common/model"
)

// quiet are services with hardly any events, all of which fail.
func (m *maker) quiet() []plan {
	w := world{shape: m.shape}
	few, enough := w.raised()*below, w.raised()*above
	plans := []plan{{
		name: fmt.Sprintf("low traffic: %d bad events are few enough, and more are not", m.slo.LeastBad()-1),
		runs: [][]stretch{{{steps: 1}, {steps: 1, bad: few}, {steps: 2}, {steps: 1, bad: enough - few}, {steps: 1}}},
		// The floor lies half an event under a whole number; counts are on either side of it.
		alerts: []time.Duration{minutes(1), minutes(4)},
	}}
	for _, t := range m.slo.Tiers() {
		every := m.interval(t.Long)
		long, short := int(t.Long/every), int(t.Short/every)
		for _, c := range []struct {
			name   string
			factor float64
			goes   bool
		}{
			{"low traffic: %s goes on with half of the bad events over %s, and without any event over %s", above, true},
			{"low traffic: %s ends with fewer than half of the bad events over %s", below, false},
		} {
			// A first failure leaves the long window when the second has been there for
			// all of the short one; what is left of the count is stretched to the window.
			second := w.kept() * c.factor * float64(long-1) / float64(long)
			at := min(long-short+2, long-2)
			run := []stretch{{steps: 1}, {steps: 1, bad: enough - second}, {steps: at - 2}, {steps: 1, bad: second}, {steps: long + 4 - at}}
			p := plan{runs: [][]stretch{run}, every: every}
			if c.goes {
				p.name = fmt.Sprintf(c.name, t.Tier, brief(t.Long), brief(t.Short))
				p.burns = []time.Duration{times(long-1, every), times(long+1, every), times(long+3, every)}
			} else {
				p.name = fmt.Sprintf(c.name, t.Tier, brief(t.Long))
				p.burns = []time.Duration{times(long-1, every), times(long, every)}
			}
			if long+4 > most/3 {
				for n := long - 3; n <= long+3; n++ {
					p.evaluations = append(p.evaluations, times(n, every))
				}
			}
			plans = append(plans, p)
		}
	}
	return plans
}

func brief(d time.Duration) string { return model.Duration(d).String() }
