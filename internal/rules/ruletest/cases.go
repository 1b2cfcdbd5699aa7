package ruletest

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/ballast-sre/ballast/internal/slo"
)

// above and below are how far from a threshold a case is that is just over or under it:
// less than the twentieth part by which a wrong threshold would be off.
const (
	above = 1.02
	below = 0.98
)

// Cases are all tests of an SLO's rules. Those without evaluations of their own are what
// Make writes; the others look back too far for promtool. groups are the SLO's rules.
//
// It is ErrNoSeries where no series can be thought of that a selector of the document
// selects, or with which a query gives what is good, what is bad and what is not a number.
func Cases(s slo.SLO, groups []rulefmt.RuleGroup) ([]Case, error) {
	m, err := newMaker(s, groups)
	if err != nil {
		return nil, err
	}
	return m.build(false)
}

func newMaker(s slo.SLO, groups []rulefmt.RuleGroup) (*maker, error) {
	sh, err := shapeOf(s)
	if err != nil {
		return nil, err
	}
	m := &maker{shape: sh, groups: groups, alerts: alertsOf(s, groups)}
	return m, m.probe()
}

// build makes all cases, or those that promtool can hold.
func (m *maker) build(short bool) ([]Case, error) {
	m.short = short
	for _, p := range m.plans() {
		if err := m.add(p); err != nil {
			return nil, err
		}
	}
	return m.cases, nil
}

func (m *maker) plans() []plan {
	burns := slices.Concat(m.thresholds(), m.exactly(), m.outages(), m.quiet())
	switch {
	case m.slo.Slices == nil:
		return slices.Concat(burns, m.data(), m.young(), m.counting(), m.gaps(), m.tooGood(), m.budget(), m.windows(), m.byGroup(), m.groupGone())
	case m.queried():
		return slices.Concat(m.measures(), burns, m.young(), m.unmeasured(), m.budget(), m.windows(), m.byGroup())
	}
	return slices.Concat(m.shares(), burns, m.young(), m.raw(slices.Concat(m.data(), m.counting(), m.gaps(), m.tooGood(), m.groupGone())), m.budget(), m.windows(), m.byGroup())
}

// has reports whether the SLO has an alert of this kind.
func (m *maker) has(k kind) bool {
	return slices.ContainsFunc(m.alerts, func(a alert) bool { return a.kind == k })
}

// events is how many there are in each interval: a power of ten, so that the thresholds of
// all tiers are whole numbers of bad ones, where that is possible.
func (m *maker) events() float64 {
	const most = 1e9 // a year of it can be counted exactly
	for n := 1e4; n < most; n *= 10 {
		whole := true
		for _, t := range m.slo.Burns() {
			bad := t.Threshold(m.slo.Objective) * n
			whole = whole && bad >= 1000 && math.Abs(bad-math.Round(bad)) < 1e-6
		}
		if whole {
			return n
		}
	}
	return most
}

// steady are intervals with a constant error ratio, in whole events.
func (m *maker) steady(steps int, ratio float64) stretch {
	n := m.events()
	bad := math.Floor(ratio*n + 1e-6)
	return stretch{steps: steps, good: n - bad, bad: bad}
}

// lowest is the lowest threshold of a tier, under which none fires.
func (m *maker) lowest() float64 {
	least := 1.0
	for _, t := range m.slo.Burns() {
		least = min(least, t.Threshold(m.slo.Objective))
	}
	return least
}

// at is the time of the n-th evaluation after the first.
func (m *maker) at(n int) time.Duration { return time.Duration(n) * m.step() }

// thresholds are error ratios that do not change: whatever a window is, it holds the same.
func (m *maker) thresholds() []plan {
	var plans []plan
	for _, t := range m.slo.Burns() {
		threshold := t.Threshold(m.slo.Objective)
		steady := func(name string, factor float64, last int) plan {
			waits := m.steps(waits(m.slo, t))
			p := plan{name: name, runs: [][]stretch{{m.steady(last+waits+1, threshold*factor)}}, alerts: []time.Duration{m.at(last + waits)}}
			if last+waits >= most {
				for n := last - 2; n <= last+waits; n++ {
					p.evaluations = append(p.evaluations, m.at(n))
				}
			}
			return p
		}
		if !m.slo.Decides(t) {
			name := fmt.Sprintf("silent: just above %s times the sustainable rate, which makes fewer bad slices in %s than %s needs", plain(t.Rate), brief(t.Long), t.Tier)
			plans = append(plans, steady(name, above, m.steps(t.Long)))
			continue
		}
		for _, c := range []struct {
			name   string
			factor float64
		}{{"fires: just above", above}, {"silent: just below", below}} {
			name := fmt.Sprintf("%s %s times the sustainable rate, the threshold of %s", c.name, plain(t.Rate), t.Tier)
			plans = append(plans, steady(name, c.factor, max(12, m.until(threshold*below))))
		}
	}
	return plans
}

// until is how many intervals it takes until a steady error ratio has made enough bad slices
// for a tier. Of events there are enough in each interval.
func (m *maker) until(ratio float64) int {
	if m.slo.Slices == nil {
		return 1
	}
	return int(math.Ceil(world{shape: m.shape}.raised()*above/ratio)) + 1
}

// exactly are error ratios of just the threshold over one of a tier's windows, and more
// over the other.
func (m *maker) exactly() []plan {
	plans := m.exactlyShort()
	for _, t := range m.slo.Tiers() {
		if !m.slo.Decides(t) {
			continue
		}
		n := m.events()
		at := math.Floor(t.Threshold(m.slo.Objective)*n + 1e-6)
		more := min(2*at, math.Floor((at+n)/2))
		bad := func(steps int, bad float64) stretch { return stretch{steps: steps, good: n - bad, bad: bad} }
		short, first := m.steps(t.Short)+1, m.first()
		// Half of the samples are as far below the threshold as the others are above it;
		// the short window holds the others alone, and at last none but those at it.
		half := max(short, min(m.until(at/n)/2+1, (m.steps(t.Long)-1)/2))
		run := []stretch{bad(first+half, 2*at-more), bad(half+1, more), bad(short, at)}
		long, above, last := first+2*half-1, first+2*half, first+2*half+short
		p := plan{
			name: fmt.Sprintf("exactly at the threshold of %s over %s, then over %s", t.Tier, brief(t.Long), brief(t.Short)),
			runs: [][]stretch{run}, burns: []time.Duration{m.at(long), m.at(above), m.at(last)},
		}
		if last > most/3 {
			p.evaluations = p.burns
		}
		plans = append(plans, p)
	}
	return plans
}

// exactlyShort are error ratios of the threshold of a tier over its short window, where the
// long one has enough bad slices and is above the threshold by that.
func (m *maker) exactlyShort() []plan {
	var plans []plan
	for _, t := range m.slo.Burns() {
		enough, short := m.slo.LeastBad(), m.steps(t.Short)+1+m.steps(waits(m.slo, t))
		if m.slo.Decides(t) || enough+2*short > m.steps(t.Long) {
			continue
		}
		n := m.events()
		at := math.Floor(t.Threshold(m.slo.Objective)*n + 1e-6)
		bad := func(steps int, bad float64) stretch { return stretch{steps: steps, good: n - bad, bad: bad} }
		plans = append(plans, plan{
			name:  fmt.Sprintf("exactly at the threshold of %s over %s, then just above", t.Tier, brief(t.Short)),
			runs:  [][]stretch{{bad(enough, n), bad(short, at), bad(short, math.Floor(at*above))}},
			burns: []time.Duration{m.at(enough + short - 1), m.at(enough + 2*short - 1)},
		})
	}
	return plans
}

// outages begin after a healthy history as long as the long window.
func (m *maker) outages() []plan {
	var plans []plan
	for _, t := range m.slo.Tiers() {
		if m.short && m.steps(t.Long) >= most || m.slo.Slices != nil && m.slo.LeastBad() > m.slo.Slices.In(t.Long) {
			continue
		}
		every := m.interval(t.Long)
		threshold := t.Threshold(m.slo.Objective)
		ratio := min(1, 4*threshold)
		if !m.slo.Decides(t) {
			ratio = 1
		}
		healthy := int(t.Long / every)
		lasts := max(int(threshold/ratio*float64(t.Long/every)), m.until(ratio)) + 3
		heals := int(t.Short/every) + 3
		run := []stretch{m.steady(healthy, 0), m.steady(lasts, ratio), m.steady(heals, 0)}
		p := plan{name: fmt.Sprintf("fires and resets: %s, errors after a healthy history of %s", t.Tier, brief(t.Long)), runs: [][]stretch{run}, every: every}
		begins, ends := m.crossings(p, t, healthy)
		last := ends[1]
		p.runs[0][2].steps -= (healthy + lasts + heals - 1) - last
		p.alerts = []time.Duration{times(begins[1], every)}
		p.burns = []time.Duration{times(begins[0], every), times(ends[0], every), times(ends[1], every)}
		if last >= most {
			p.evaluations = around(every, begins, ends)
		}
		plans = append(plans, p)
		if m.forgetful(t) {
			p.name = fmt.Sprintf("fires and resets: %s, evaluated more often than slices end", t.Tier)
			p.evaluations = oftener(around(every, begins, ends))
			plans = append(plans, p)
		}
	}
	return plans
}

// forgetful reports whether a tier that is evaluated no more often than slices end does not
// know any more that it fires. Pages look back further for it, and tickets are evaluated
// more often.
func (m *maker) forgetful(t slo.BurnWindow) bool {
	return m.slo.Slices != nil && t.Severity != slo.Page && m.step() >= lookback
}

// oftener are these evaluations, and one before each.
func oftener(at []time.Duration) []time.Duration {
	var all []time.Duration
	for _, t := range at {
		all = append(all, max(0, t-2*minute), t)
	}
	return slices.Compact(all)
}

// crossings are the intervals before and at which a tier begins to fire after the one
// given, and those at which it ends.
func (m *maker) crossings(p plan, t slo.BurnWindow, after int) (begins, ends [2]int) {
	w, err := m.world(p)
	if err != nil {
		return begins, ends // the case itself says so
	}
	threshold := t.Threshold(m.slo.Objective)
	over := func(n int) bool {
		long, _ := w.ratio(0, times(n, p.every), t.Long)
		short, _ := w.ratio(0, times(n, p.every), t.Short)
		bad, _ := w.bad(0, times(n, p.every), t.Long)
		return long > threshold && short > threshold && bad > w.raised()
	}
	n := after
	begins = [2]int{after - 1, after}
	for ; n < len(w.ups)-1 && !over(n); n++ {
		begins = [2]int{n, n + 1}
	}
	for ; n < len(w.ups)-1 && over(n); n++ {
		ends = [2]int{n, n + 1}
	}
	return begins, ends
}

// interval is that of the samples of a case that lasts as long as a window: a minute,
// unless promtool could not take it and every window holds enough of two.
func (m *maker) interval(window time.Duration) time.Duration {
	if m.slo.Slices == nil && window/minute >= most && m.slo.Tiers()[0].Short >= 4*minute {
		return 2 * minute
	}
	return m.step()
}

func times(n int, every time.Duration) time.Duration { return time.Duration(n) * every }

// around are evaluations at each of the intervals, and at enough before them for an alert
// that waits.
func around(every time.Duration, intervals ...[2]int) []time.Duration {
	var all []time.Duration
	for _, pair := range intervals {
		for n := max(0, pair[0]-int(pending/every)-2); n <= pair[1]; n++ {
			all = append(all, times(n, every))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
