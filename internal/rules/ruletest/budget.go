package ruletest

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// budget are cases of the whole period: how much of its budget is spent.
func (m *maker) budget() []plan {
	hours := m.slo.Window.Truncate(time.Hour).Hours()
	whole := hours * m.slo.Budget() // hours in which all events fail
	w := world{shape: m.shape}
	// So many hours are covered that the budget can be spent in them.
	covered := math.Floor(whole/0.9) + 1
	var plans []plan
	for _, c := range []struct {
		name   string
		factor float64
	}{{"budget: a little more than all is spent", above}, {"budget: a little less than all is spent", below}} {
		p := m.hours(int(covered), m.steady(1, c.factor*whole/covered))
		p.name = c.name
		if c.factor == above {
			p.values = p.alerts
		}
		plans = append(plans, p)
	}
	for _, c := range []struct {
		name   string
		factor float64
	}{
		{"budget: it is spent by no fewer than %d bad events", above},
		{"budget: fewer than %d bad events do not spend it", below},
		{"budget: half a slice fewer than %d bad ones do not spend it", 1},
	} {
		bad := w.raised() * c.factor
		run := m.badly(bad)
		if c.factor == 1 {
			if m.slo.Slices == nil {
				continue // events are whole, and the number is not
			}
			run = m.precisely(bad)
		}
		covered = math.Floor(whole*(m.among(run)/bad)) + 1
		p := m.hours(int(covered), stretch{steps: 1})
		p.name = fmt.Sprintf(c.name, m.slo.LeastBad())
		p.runs[0] = slices.Concat([]stretch{{steps: 1}}, run, []stretch{{steps: length(p.runs[0]) - 1 - length(run)}})
		plans = append(plans, p)
	}
	if m.slo.Slices != nil {
		plans = append(plans, m.exactlySpent()...)
	}
	return append(plans, m.almostKnown(), m.unspent())
}

// exactlySpent is all of the budget and no more, to the last digit of what rules compute;
// none where no number of hours makes that.
func (m *maker) exactlySpent() []plan {
	hours, n := m.slo.Window.Truncate(time.Hour).Hours(), m.events()
	for covered := math.Floor(hours*m.slo.Budget()) + 1; covered < hours; covered++ {
		bad := math.Round(hours * m.slo.Budget() / covered * n)
		if to(bad/n, 1e-12)*(covered/hours)/m.slo.Budget() == 1 {
			p := m.hours(int(covered), stretch{good: n - bad, bad: bad})
			p.name = "budget: exactly all is spent"
			return []plan{p}
		}
	}
	return nil
}

// unspent is a period without any event.
func (m *maker) unspent() plan {
	p := m.hours(int(m.slo.Window/time.Hour), stretch{})
	p.name = "idle: a period without events leaves the whole budget"
	p.changes, p.values = nil, p.alerts
	p.alerts, p.evaluations = nil, p.values
	return p
}

// hours lasts until so many full hours are covered, and no more, and an alert had the time
// to fire.
func (m *maker) hours(covered int, each stretch) plan {
	every := m.interval(time.Duration(covered) * time.Hour)
	last := m.hour(covered) + m.at(m.steps(pending+2*minute))
	if m.slo.Slices != nil && each.bad > 0 { // enough of them have to be bad for that time
		enough := m.at(m.until(each.bad/(each.good+each.bad)) + m.steps(pending) + 2)
		last = max(last, min(enough, m.hour(covered)+time.Hour-m.step()))
	}
	each.steps = int(last/every) + 1
	p := plan{runs: [][]stretch{{each}}, every: every, changes: []kind{exhausted}, alerts: []time.Duration{last}}
	if each.steps > most/3 {
		p.evaluations = around(every, [2]int{each.steps - 2, each.steps - 1})
	}
	return p
}

// hour is when so many full hours are covered: from the first on, unless a query of
// counters gives nothing yet.
func (m *maker) hour(covered int) time.Duration {
	if m.queried() && m.probes[0].reach > 0 {
		covered++
	}
	return time.Duration(covered-1) * time.Hour
}

// almostKnown has one hour too few for what is left of the budget to be known, and then
// that hour.
func (m *maker) almostKnown() plan {
	all := int(m.slo.Window / time.Hour)
	enough := int(math.Ceil(known*float64(all) - noise))
	p := m.hours(enough, m.steady(1, m.lowest()*below))
	p.name = "budget: what is left is known once 99% of the period are"
	p.changes, p.alerts = nil, nil
	at := m.hour(enough)
	p.values = []time.Duration{at - p.every, at}
	p.evaluations = p.values
	return p
}

// windows is a whole period whose error ratio changes wherever a window begins, or half a
// window, so that each has a ratio of its own.
func (m *maker) windows() []plan {
	every := 2 * minute
	if m.slo.Slices != nil || m.slo.Tiers()[0].Short < 2*every {
		every = m.step()
	}
	end := m.slo.Window + time.Hour
	edges := []time.Duration{end}
	for _, window := range m.all() {
		edges = append(edges, window, window/2)
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	slices.Reverse(edges)
	var run []stretch
	for i, from := range edges {
		to := time.Duration(0)
		if i+1 < len(edges) {
			to = edges[i+1]
		}
		n := int(from/every) - int(to/every)
		if n > 0 {
			// From stretch to stretch the number of events and that of bad ones change.
			run = append(run, stretch{steps: n, good: m.events() * float64(10+i), bad: math.Round(m.events() * m.slo.Budget() * float64(1+i*i))})
		}
	}
	last := times(length(run)-1, every)
	return []plan{{
		name: "windows: each looks back as far as it says", runs: [][]stretch{run}, every: every,
		values: []time.Duration{last}, evaluations: []time.Duration{last - every, last},
	}}
}

// all are the windows over which something is recorded.
func (m *maker) all() []time.Duration {
	all := []time.Duration{m.slo.Window}
	for _, t := range m.slo.Tiers() {
		all = append(all, t.Short, t.Long)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// byGroup are two groups of a grouped SLO that fare differently; none for others.
func (m *maker) byGroup() []plan {
	if _, two := m.group(1); !two {
		return nil
	}
	return []plan{{
		name: "groups: one fails, the other does not", runs: [][]stretch{{m.steady(13, 1)}, {m.steady(13, 0)}},
		alerts: []time.Duration{m.at(12)}, values: []time.Duration{m.at(12)},
	}}
}

// groupGone is a group of which nothing is counted any more.
func (m *maker) groupGone() []plan {
	if _, two := m.group(1); !two {
		return nil
	}
	return []plan{{
		name: "groups: one is no longer counted, the other is", runs: [][]stretch{{m.steady(4, 1), {steps: 14, dark: true}}, {m.steady(18, 0)}},
		changes: []kind{noData}, alerts: []time.Duration{m.at(17)}, values: []time.Duration{m.at(17)},
	}}
}
