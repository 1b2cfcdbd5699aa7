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
	var plans []plan
	// The floor lies half an event under a whole number; counts are on either side of it.
	if m.slo.Slices == nil {
		plans = append(plans, plan{
			name:   fmt.Sprintf("low traffic: %d bad events are few enough, and more are not", m.slo.LeastBad()-1),
			runs:   [][]stretch{{{steps: 1}, {steps: 1, bad: few}, {steps: 2}, {steps: 1, bad: enough - few}, {steps: 1}}},
			alerts: []time.Duration{m.at(1), m.at(4)},
		})
	} else {
		floor := plain(w.raised())
		plans = append(plans, m.only("low traffic: exactly "+floor+" bad slices are too few", m.precisely(w.raised())),
			m.only("low traffic: fewer than "+floor+" bad slices are too few", m.badly(few)),
			m.only("low traffic: more than "+floor+" bad slices are enough", m.badly(enough)))
	}
	for _, t := range m.slo.Tiers() {
		for _, c := range []struct {
			name   string
			factor float64
		}{
			{fmt.Sprintf("low traffic: %s goes on with half of the bad events over %s, and without any event over %s", t.Tier, brief(t.Long), brief(t.Short)), above},
			{fmt.Sprintf("low traffic: %s ends with fewer than half of the bad events over %s", t.Tier, brief(t.Long)), below},
			{fmt.Sprintf("low traffic: %s ends with exactly %s bad slices over %s", t.Tier, plain(w.kept()), brief(t.Long)), 1},
		} {
			p, ok := m.fading(t, enough, w.kept()*c.factor, c.factor > 1)
			switch {
			case m.slo.Slices != nil:
				p, ok = m.fadingSlices(t, enough, w.kept()*c.factor, c.factor > 1)
			case c.factor == 1:
				continue // events are whole, and the number is not
			}
			if p.name = c.name; ok {
				plans = append(plans, p)
			}
		}
	}
	return plans
}

// only are slices after which all alerts are checked, and before which there are none.
func (m *maker) only(name string, run []stretch) plan {
	run = slices.Insert(run, 0, stretch{steps: 1})
	return plan{name: name, runs: [][]stretch{run}, alerts: []time.Duration{m.at(length(run) - 1)}}
}

// precisely are slices in which so many go bad, after so many good ones that their number
// times their ratio, as rules compute it, is exactly that.
func (m *maker) precisely(bad float64) []stretch {
	run := m.badly(bad)
	n := length(run)
	for to(bad/float64(n), 1e-12)*float64(n) != bad && n < most {
		n++
	}
	if good := n - length(run); good > 0 {
		run = slices.Insert(run, 0, stretch{steps: good, good: 1})
	}
	return run
}

// badly are intervals in which so many events go bad, and no other event is: of slices,
// each is one, and that of which a part is bad comes first.
func (m *maker) badly(bad float64) []stretch {
	if m.slo.Slices == nil {
		return []stretch{{steps: 1, bad: bad}}
	}
	whole, part := math.Modf(bad)
	var all []stretch
	if part > noise {
		part = to(part, noise)
		all = append(all, stretch{steps: 1, good: 1 - part, bad: part})
	}
	if whole > 0 {
		all = append(all, stretch{steps: int(whole), bad: 1})
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
	if second == (world{shape: m.shape}).kept() {
		then = m.precisely(second)
	}
	long, short := int(t.Long/m.step()), int(t.Short/m.step())
	// The last of the first leaves the long window when the short one is empty: all of them
	// were in the long one with the last of the others.
	gone, after := length(first)+long, max(short, length(first))
	between := gone - after - length(then) - length(first)
	if between < 1 {
		return plan{}, false
	}
	run := slices.Concat([]stretch{{steps: 1}}, first, []stretch{{steps: between}}, then, []stretch{{steps: after + 3}})
	p := plan{runs: [][]stretch{run}, burns: []time.Duration{m.at(gone - 1), m.at(gone)}}
	if goes {
		p.burns = append(p.burns, m.at(gone+2))
	}
	if gone+3 > most/3 {
		for n := gone - 3; n <= gone+2; n++ {
			p.evaluations = append(p.evaluations, m.at(n))
		}
		if m.forgetful(t) {
			p.evaluations = oftener(p.evaluations)
		}
	}
	return p, true
}

func brief(d time.Duration) string { return model.Duration(d).String() }
