package ruletest

import (
	"math"
	"slices"
	"time"

	"github.com/ballast-sre/ballast/internal/slo"
)

// data are counters that are not there, or count nothing.
func (m *maker) data() []plan {
	healthy := m.steady(6, 0)
	plans := []plan{
		{
			name: "no data: nothing was ever scraped", runs: [][]stretch{{{steps: 12, dark: true, down: true}}},
			changes: []kind{noData}, alerts: []time.Duration{m.at(11)}, values: []time.Duration{m.at(11)},
		},
		{
			name: "no data: scrapes fail", runs: [][]stretch{{healthy, {steps: 13, dark: true, down: true}}},
			changes: []kind{noData}, alerts: []time.Duration{m.at(18)},
		},
		{
			name: "no data: the job is scraped and no longer counts events", runs: [][]stretch{{healthy, {steps: 13, dark: true}}},
			changes: []kind{noData}, alerts: []time.Duration{m.at(18)},
		},
		{
			name: "no data: no event was ever good", runs: [][]stretch{{{steps: 13, bad: m.events(), goodless: true}}},
			changes: []kind{noData}, alerts: []time.Duration{m.at(12)}, values: []time.Duration{m.at(12)},
		},
	}
	if page := m.afterPage(); page != nil && m.has(noData) {
		plans = append(plans, plan{
			name:    "no data: within an hour of a page it is a page, and later a ticket",
			runs:    [][]stretch{append(page, stretch{steps: 75, dark: true, down: true})},
			changes: []kind{noData}, alerts: []time.Duration{m.at(length(page) + 12)},
		}, plan{
			name: "no data: after a page, the job is scraped and no longer counts events",
			runs: [][]stretch{append(page, stretch{steps: 13, dark: true})}, changes: []kind{noData},
		}, plan{
			name: "no data: after a page, good events are no longer counted",
			runs: [][]stretch{append(page, stretch{steps: 13, bad: m.events(), goodless: true})}, changes: []kind{noData},
		})
	}
	idle := plan{
		name: "idle: counters that stand still", runs: [][]stretch{{{steps: 14}}},
		changes: []kind{idles}, alerts: []time.Duration{m.at(13)}, values: []time.Duration{m.at(13)},
	}
	if m.has(idles) {
		idle.name += ", and one event"
		idle.runs[0] = append(idle.runs[0], stretch{steps: 1, good: 1}, stretch{steps: 75}, m.steady(75, 0))
	}
	return append(plans, idle)
}

// afterPage is an outage after which every page has ended; nil where no tier is a page.
func (m *maker) afterPage() []stretch {
	var longest time.Duration
	for _, t := range m.slo.Tiers() {
		if t.Severity == slo.Page {
			longest = max(longest, t.Short)
		}
	}
	if longest == 0 {
		return nil
	}
	return slices.Clip([]stretch{m.steady(4, 1), m.steady(m.steps(longest)+2, 0)})
}

func length(run []stretch) int {
	n := 0
	for _, s := range run {
		n += s.steps
	}
	return n
}

// young is a history of a few minutes.
func (m *maker) young() []plan {
	ratio := above * m.highest()
	if m.slo.Slices != nil { // in four of them enough go bad
		ratio = max(ratio, min(1, above*world{shape: m.shape}.raised()/4))
	}
	return []plan{{
		name: "young history: a window is no longer than its samples", runs: [][]stretch{{m.steady(11, ratio)}},
		changes: []kind{burns}, alerts: []time.Duration{m.at(10)}, values: []time.Duration{m.at(10)}, constants: true,
	}}
}

// counting are counters that do not grow from scrape to scrape as events come.
func (m *maker) counting() []plan {
	steady := m.steady(8, m.lowest()*below)
	again := steady
	again.fresh = true
	// A series of bad events that is born with many shows none of them. A counter of all
	// events that was there before shows each.
	born := m.events()
	if !m.nested {
		born *= m.lowest() * below
	}
	return []plan{
		{
			name: "counter reset: programs start anew under errors that are few enough", runs: [][]stretch{{steady, again}},
			alerts: []time.Duration{m.at(8), m.at(15)}, values: []time.Duration{m.at(8)},
		},
		{
			name:   "series born with errors: what they held at first is not counted",
			runs:   [][]stretch{{{steps: 3, dark: true}, {steps: 8, good: m.events(), born: m.events()}}},
			alerts: []time.Duration{m.at(4)}, values: []time.Duration{m.at(10)},
		},
		{
			name: "series born with errors: one of bad events beside those that were there", runs: [][]stretch{{
				{steps: 6, good: m.events(), flawless: true}, {steps: 8, good: m.events(), born: born},
			}},
			alerts: []time.Duration{m.at(7), m.at(13)},
		},
	}
}

// gaps are scrapes that are lost.
func (m *maker) gaps() []plan {
	steady := m.steady(8, m.lowest()*below)
	lost := stretch{steps: m.steps(m.slo.Tiers()[0].Short) + 1, good: steady.good, bad: steady.bad, lost: true}
	unseen := m.steady(lost.steps, 1)
	unseen.lost = true
	gap := length([]stretch{steady, lost})
	return []plan{
		{
			name: "gap: lost scrapes fire nothing", runs: [][]stretch{{steady, lost, steady}},
			alerts: []time.Duration{m.at(gap - 1), m.at(gap + 1)}, values: []time.Duration{m.at(gap + 7)},
		},
		{
			name: "gap: lost scrapes end nothing", runs: [][]stretch{{m.steady(8, 1), unseen, m.steady(8, 1)}},
			burns: []time.Duration{m.at(7), m.at(gap - 1), m.at(gap + 7)},
		},
	}
}

// highest is the threshold of the first tier, above which all fire.
func (m *maker) highest() float64 { return m.slo.Tiers()[0].Threshold(m.slo.Objective) }

// tooGood are more good events than events.
func (m *maker) tooGood() []plan {
	if !m.has(exceeds) || !m.canStray() {
		return nil
	}
	n := m.events()
	more := func(steps int, factor float64) stretch {
		return stretch{steps: steps, good: n, stray: math.Round((factor - 1) * n)}
	}
	busier := func(s stretch) stretch {
		s.good, s.stray = 10*s.good, 10*s.stray
		return s
	}
	excess := 1 + (exceeding-1)*3 // in whole events
	plans := []plan{
		{
			name: "good above total: more than scrapes explain", runs: [][]stretch{{more(14, excess)}},
			changes: []kind{exceeds}, alerts: []time.Duration{m.at(13)}, values: []time.Duration{m.at(13)},
		},
		{
			name: "good above total: no more than scrapes explain", runs: [][]stretch{{more(14, exceeding)}},
			alerts: []time.Duration{m.at(13)},
		},
	}
	if page := m.afterPage(); page != nil {
		plans = append(plans, plan{
			name:    "good above total: within an hour of a page it is a page, and later a ticket",
			runs:    [][]stretch{slices.Concat(page, []stretch{more(13, excess), m.steady(7, 0), busier(more(60, excess))})},
			changes: []kind{exceeds},
		}, plan{
			name:   "good above total: after a page, no more than scrapes explain",
			runs:   [][]stretch{slices.Concat(page, []stretch{more(20, exceeding)})},
			alerts: []time.Duration{m.at(length(page) + 19)},
		})
	}
	return plans
}
