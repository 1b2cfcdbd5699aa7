package ruletest

import (
	"fmt"
	"math"
	"time"
)

// measure is what a query's input is set to for slices that are good, bad, or neither.
type measure struct {
	within, beyond setting // good and bad, as close to the threshold as can be told
	blank          setting // it gives no number
}

// probe finds what the query of the SLO reads.
func (m *maker) probe() error {
	if !m.queried() {
		return nil
	}
	s := m.slo.Slices
	q := newQuery(s.Query, s.Length)
	for number := range 2 {
		group, ok := m.group(number)
		if !ok {
			break
		}
		p, err := newProbe(q, s.Value, group)
		if err != nil {
			return err
		}
		m.probes = append(m.probes, p)
	}
	if len(m.probes) == 0 {
		return fmt.Errorf("%w: %s selects no series of the groups %v; simplify the query", ErrNoSeries, s.Query, m.slo.GroupBy)
	}
	var good, bad, blank bool
	m.within, good = m.level(1)
	m.beyond, bad = m.level(0)
	m.blank, blank = m.probes[0].blank()
	if !good || !bad || !blank {
		return fmt.Errorf("%w: no test series found for which %s gives one good value (found: %t), one bad value (found: %t) and NaN (found: %t); record the query under its own name, and use that in the SLO", ErrNoSeries, s.Query, good, bad, blank)
	}
	return nil
}

// level is a setting in which so much of a slice is good. Of a threshold that is all or
// nothing: the query gives what lies just within it, or just beyond.
func (m *maker) level(share float64) (setting, bool) {
	s := m.slo.Slices
	if s.Op == "" {
		want := share
		if s.Bad {
			want = 1 - share
		}
		return m.probes[0].find(want, noise)
	}
	margin := s.Value * (above - 1)
	if margin == 0 {
		margin = above - 1
	}
	margin = math.Abs(margin)
	if (s.Op == "<" || s.Op == "<=") == (share > 0) {
		margin = -margin
	}
	if found, ok := m.probes[0].find(s.Value+margin, math.Abs(margin)/4); ok {
		return found, true
	}
	// It may not go beyond the value at all.
	if strict := s.Op == "<" || s.Op == ">"; strict == (share == 0) {
		return m.probes[0].find(s.Value, 0)
	}
	return nil, false
}

// settled are the slices after which one shows what a setting is.
func (m *maker) settled() int {
	return m.steps(times(m.probes[0].settles(sampling), sampling)) + 1
}

// lasting is a setting for so many slices.
func (m *maker) lasting(slices int, s setting) stretch {
	return stretch{steps: slices * m.scrapes(sampling), setting: s}
}

// measures are slices of what a query gives.
func (m *maker) measures() []plan {
	plans := []plan{m.levels(), m.turns()}
	judges := m.slo.Slices.Target > 0
	switch {
	case m.probes[0].reach == 0:
		plans = append(plans, m.parts(), m.blip())
		if judges {
			plans = append(plans, m.targets())
			plans = append(plans, m.exactTarget()...)
		}
	case judges:
		plans = append(plans, m.onset()...)
	}
	if given := m.probes[0].steady(m.within, m.beyond); len(given) == 2 {
		both := m.lasting(3, m.within)
		both.second = m.beyond
		name := "slices: of two series each is a part"
		if m.slo.Slices.Op == "" {
			name = "slices: of two ratios nothing is said"
		}
		plans = append(plans, m.rawPlan(name, m.lasting(2, m.within), both))
		plans[len(plans)-1].shares = []time.Duration{m.at(1), m.at(4)}
	}
	return plans
}

func (m *maker) rawPlan(name string, run ...stretch) plan {
	return plan{name: name, raw: true, every: sampling, runs: [][]stretch{run}}
}

// levels are slices all of whose time is the same.
func (m *maker) levels() plan {
	s, k := m.slo.Slices, m.settled()+1
	states := []setting{m.within, m.beyond}
	p := m.rawPlan("slices: good just within the threshold, bad just beyond it")
	add := func(want float64, offs ...float64) {
		for _, off := range offs {
			if st, ok := m.probes[0].find(want, off); ok {
				states = append(states, st)
				return
			}
		}
	}
	switch {
	case s.Op != "":
		add(s.Value, 0)
		if st, ok := m.probes[0].bottomless(); ok {
			states = append(states, st)
		}
	default:
		p.name = "slices: as good as their ratio"
		for _, share := range m.ratios() {
			if s.Bad {
				share = 1 - share
			}
			add(share, exact, noise)
		}
		add(exceeding-0.005, noise)
		add(exceeding, 0)
		add(exceeding+0.01, noise)
	}
	for n, st := range states {
		p.runs[0] = append(p.runs[0], m.lasting(k, st))
		p.shares = append(p.shares, m.at((n+1)*k-1))
		if m.probes[0].reach > 0 {
			for i := range k - 1 { // while it changes
				p.shares = append(p.shares, m.at(n*k+i))
			}
		}
	}
	return p
}

// exact is less than what rules round away.
const exact = 1e-13

// ratios are those around a target, or any.
func (m *maker) ratios() []float64 {
	target := m.slo.Slices.Target
	if target == 0 {
		return []float64{0.9}
	}
	return []float64{target * below, min(1, target*above), target}
}

// turns is an outage as it is measured.
func (m *maker) turns() plan {
	k := m.settled()
	bad := k + m.steps(pending) + 2
	p := m.rawPlan("fires and resets: as it is measured", m.lasting(k+4, m.within), m.lasting(bad, m.beyond), m.lasting(k+m.steps(m.slo.Tiers()[0].Short)+3, m.within))
	p.changes = []kind{burns}
	p.alerts = []time.Duration{m.at(k + 4 + bad - 1)}
	p.values = p.alerts
	return p
}

// parts are slices of which a part is bad: the end, the first half, the second.
func (m *maker) parts() plan {
	sub := m.scrapes(sampling)
	good := func(n int) stretch { return stretch{steps: n, setting: m.within} }
	bad := func(n int) stretch { return stretch{steps: n, setting: m.beyond} }
	half := sub/2 + 1
	p := m.rawPlan("slices: a part of one is bad", good(1+2*sub), good(sub-1), bad(1), bad(half), good(sub-half), good(sub), good(sub-half), bad(half), bad(sub))
	for n := range 6 {
		p.shares = append(p.shares, m.at(2+n))
	}
	return p
}

// blip is a query that is looked at every ten seconds, and bad between the looks.
func (m *maker) blip() plan {
	const often = 5 * time.Second
	p := m.rawPlan("slices: what comes and goes between two looks is not seen", stretch{steps: 1, setting: m.within})
	p.every = often
	for range m.scrapes(look) * 2 {
		p.runs[0] = append(p.runs[0], stretch{steps: 1, setting: m.beyond}, stretch{steps: 1, setting: m.within})
	}
	p.shares = []time.Duration{m.at(2)}
	return p
}

// targets are slices of which as much is good as the target says, and one look less.
func (m *maker) targets() plan {
	looks := m.scrapes(look)
	most := int(math.Floor((1-m.slo.Slices.Target)*float64(looks) + noise))
	p := m.rawPlan("slices: good with as few bad looks as the target allows, bad with one more", stretch{steps: 1 + looks, setting: m.within})
	p.every = look
	for n, bad := range []int{most, most + 1} {
		p.runs[0] = append(p.runs[0], stretch{steps: min(bad, looks), setting: m.beyond}, stretch{steps: max(0, looks-bad), setting: m.within})
		p.shares = append(p.shares, m.at(2+n))
	}
	return p
}

// exactTarget is a slice of which exactly as much is good as the target says, where as many
// looks as a slice has cannot show it: with fewer of them, or more series.
func (m *maker) exactTarget() []plan {
	const most = 100 // series
	looks, target, series := m.scrapes(look), m.slo.Slices.Target, 1
	if given := m.probes[0].steady(m.within, m.within); len(given) == 2 && m.slo.Slices.Op != "" {
		series = most
	}
	for n := range series {
		for seen := looks; seen > 0; seen-- {
			bad := math.Round((1 - target) * float64(seen*(n+1)))
			if share := 1 - bad/float64(seen*(n+1)); to(share, 1e-12) != target || bad > float64(seen) {
				continue
			}
			if n == 0 && seen == looks {
				return nil // the target is met by looks alone
			}
			part := func(steps int, first setting) stretch {
				s := stretch{steps: steps, setting: first}
				if n > 0 {
					s.second, s.seconds = m.within, n
				}
				return s
			}
			p := m.rawPlan("slices: good with exactly the target", part(1+looks, m.within), part(seen-int(bad), m.within), part(int(bad), m.beyond), stretch{steps: looks - seen})
			p.every, p.shares = look, []time.Duration{m.at(2)}
			return []plan{p}
		}
	}
	return nil
}

// onset is an outage that begins so late in a slice that exactly as much of it is good as
// the target says; none where no look makes that. What a query of ranges sees of it is
// known once it is asked.
func (m *maker) onset() []plan {
	looks, before := m.scrapes(look), m.steps(m.probes[0].reach)+2
	last := m.at(before + m.steps(m.probes[0].reach) + 2)
	for late := range looks {
		p := m.rawPlan("slices: good with exactly the target",
			stretch{steps: 1 + before*looks + late, setting: m.within}, stretch{steps: int(last/look) - before*looks - late, setting: m.beyond})
		p.every = look
		w, err := m.world(p)
		if err != nil {
			continue // the other cases say so
		}
		for t := m.at(before); t < last; t += m.step() {
			if share, ok := w.share(0, t); ok && to(share, 1e-12) == m.slo.Slices.Target && share < 1 {
				p.shares = []time.Duration{t, t + m.step()}
				return []plan{p}
			}
		}
	}
	return nil
}
