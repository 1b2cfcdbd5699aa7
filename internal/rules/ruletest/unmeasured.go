package ruletest

import (
	"math"
	"slices"
	"time"
)

// unmeasured is missing where a query is measured: that it gives nothing, or several
// ratios.
func (w world) unmeasured(group int, t time.Duration) (float64, bool) {
	grouped, n := len(w.slo.GroupBy) > 0, 0
	for each := range w.groups {
		if group == ungrouped || group == each {
			n += len(w.judged[each].looks(t))
		}
	}
	switch {
	case group == ungrouped && n == 0:
		return unseen, true
	case (group == ungrouped) == grouped:
		return 0, false
	case n > 1:
		return several, w.slo.Slices.Op == ""
	}
	return unseen, n == 0 && w.judged[group].slices.seen(t, afterPage)
}

// unfit is whether a query gives no ratio, and which, or no number while no slice is
// recorded.
func (w world) unfit(k kind, group int, t time.Duration) (value float64, holds bool) {
	value = math.Inf(-1)
	for _, v := range w.judged[group].looks(t) {
		switch {
		case k == idles && math.IsNaN(v):
			return 1, !w.judged[group].slices.present(t)
		case k == exceeds && excessive(v):
			value, holds = max(value, v), true
		}
	}
	return value, holds
}

// unmeasured are queries that give nothing, or what cannot be judged.
func (m *maker) unmeasured() []plan {
	dark := stretch{steps: m.scrapes(sampling) * (m.steps(pending) + 3), dark: true}
	healthy := m.lasting(m.settled()+4, m.within)
	healthy.steps -= m.sooner()
	lost := healthy
	lost.steps, lost.lost = dark.steps+m.scrapes(sampling)*m.steps(lookback), true
	plans := []plan{
		m.watched("no data: there never was any", noData, dark),
		m.watched("no data: what the query reads is gone", noData, healthy, dark),
		m.watched("no data: scrapes are lost", noData, healthy, lost),
	}
	plans[0].values = plans[0].alerts
	idle := m.watched("idle: the query gives no number", idles, m.lasting(m.steps(pending)+4, m.blank))
	idle.values = idle.alerts
	if m.has(idles) {
		again := []stretch{m.lasting(m.settled()+1, m.within), m.lasting(m.steps(idleKeeps+pending)+5, m.blank), m.lasting(m.steps(idleKeeps+pending)+5, m.within)}
		idle.name += ", and for a while it does"
		idle.runs[0] = append(idle.runs[0], again...)
	}
	plans = append(plans, idle)
	page := m.measuredPage()
	long := dark
	long.steps += m.scrapes(sampling) * m.steps(afterPage+5*minute)
	if page != nil && m.has(noData) {
		plans = append(plans, m.watched("no data: within an hour of a page it is a page, and later a ticket", noData, append(page, long)...))
	}
	return slices.Concat(plans, m.unratios(page, long.steps), m.recounted(), m.lostLooks(), m.lastSeen(), m.measuredGroups(dark))
}

// watched is a plan that looks at one kind of alert, and at the end at all.
func (m *maker) watched(name string, k kind, run ...stretch) plan {
	p := m.rawPlan(name, slices.Clone(run)...)
	p.changes = []kind{k}
	p.alerts = []time.Duration{m.at((length(run) - 1) / m.scrapes(sampling))}
	return p
}

// measuredPage is afterPage as it is measured.
func (m *maker) measuredPage() []stretch {
	calm := m.afterPage()
	if calm == nil {
		return nil
	}
	well := m.lasting(m.settled()+calm[1].steps, m.within)
	well.steps -= m.sooner()
	return slices.Clip([]stretch{m.lasting(m.settled()+4, m.beyond), well})
}

// sooner is how many samples before the end of a slice a query loses what it reads, so that
// the end lies in the middle of what its range sees of that.
func (m *maker) sooner() int {
	return max(0, int((m.probes[0].narrow*3/4-2*sampling)/sampling))
}

// unratios are what a query gives that is not a ratio: beyond 0 and 1, or several.
func (m *maker) unratios(page []stretch, steps int) []plan {
	if m.slo.Slices.Op != "" {
		return nil
	}
	var plans []plan
	for _, c := range []struct {
		name       string
		value, off float64
	}{
		{"good above total: a ratio above 1", exceeding + 0.01, noise},
		{"good above total: a ratio no higher than scrapes explain", exceeding, 0},
		{"good above total: a ratio below 0", -0.02, noise},
	} {
		st, ok := m.probes[0].find(c.value, c.off)
		if !ok && c.off == 0 {
			st, ok = m.probes[0].find(c.value-0.005, noise)
		}
		if !ok {
			continue
		}
		plans = append(plans, m.watched(c.name, exceeds, m.lasting(m.settled()+m.steps(pending)+3, st)))
		plans[len(plans)-1].values = plans[len(plans)-1].alerts
		if page != nil {
			p := m.watched(c.name+", within an hour of a page and later", exceeds, append(page, stretch{steps: steps, setting: st})...)
			p.alerts = append(p.alerts, m.at(length(page)/m.scrapes(sampling)+m.settled()+m.steps(pending)+2))
			plans = append(plans, p)
		}
	}
	if given := m.probes[0].steady(m.within, m.within); len(given) == 2 && m.has(noData) {
		both := stretch{steps: steps, setting: m.within, second: m.within}
		plans = append(plans, m.watched("no data: several ratios", noData, both))
		if page != nil {
			plans = append(plans, m.watched("no data: several ratios, within an hour of a page and later", noData, append(page, both)...))
		}
	}
	return plans
}

// recounted are counters that begin anew, or hold what nobody saw come.
func (m *maker) recounted() []plan {
	if !slices.ContainsFunc(m.probes[0].dials, func(d dial) bool { return d.counts }) {
		return nil
	}
	healthy := m.lasting(m.settled()+3, m.within)
	again, born := healthy, healthy
	again.fresh, born.born = true, 1e6
	reset := m.watched("counter reset: programs start anew while all is well", burns, healthy, again)
	held := m.watched("series born with errors: what they held at first is not counted", burns, stretch{steps: m.scrapes(sampling) * 3, dark: true}, born)
	reset.values, held.values = reset.alerts, held.alerts
	return []plan{reset, held}
}

// lostLooks are scrapes that are lost for as long as the shortest window.
func (m *maker) lostLooks() []plan {
	gap := m.lasting(m.steps(m.slo.Tiers()[0].Short+lookback)+1, m.within)
	gap.lost = true
	var plans []plan
	for _, c := range []struct {
		name string
		s    setting
	}{{"gap: lost scrapes fire nothing", m.within}, {"gap: lost scrapes end nothing", m.beyond}} {
		gap.setting = c.s
		p := m.watched(c.name, burns, m.lasting(m.settled()+4, c.s), gap, m.lasting(m.settled()+4, c.s))
		p.shares = p.alerts
		plans = append(plans, p)
	}
	return plans
}

// lastSeen is an hour that ends when a query of ranges still sees what is gone.
func (m *maker) lastSeen() []plan {
	if m.probes[0].narrow == 0 {
		return nil
	}
	hour := m.steps(time.Hour)
	seen := m.lasting(hour, m.within)
	seen.steps -= m.sooner()
	p := m.rawPlan("budget: an hour counts if its last ranges hold samples", seen, stretch{steps: m.sooner() + 1, dark: true})
	p.values = []time.Duration{m.at(hour)}
	return []plan{p}
}

// measuredGroups are two groups that fare differently.
func (m *maker) measuredGroups(dark stretch) []plan {
	if len(m.probes) < 2 {
		return nil
	}
	n := m.settled() + 4
	p := m.watched("groups: one is no longer measured, the other is", noData, m.lasting(n, m.beyond), dark)
	p.runs = append(p.runs, []stretch{{steps: length(p.runs[0]), setting: m.within}})
	p.values = p.alerts
	return []plan{p}
}
