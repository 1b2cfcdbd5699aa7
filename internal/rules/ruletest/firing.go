package ruletest

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/ballast-sre/ballast/internal/slo"
)

const (
	// pending is how long the data have to be wrong, or the budget spent, for an alert.
	pending = 10 * time.Minute
	// afterPage is how long after a page trouble with the data is one, too, and how long
	// a group of a grouped SLO is remembered.
	afterPage = time.Hour
	// idleKeeps is how long an idle SLO is reported after an event.
	idleKeeps = time.Hour
	// exceeding is the ratio of good events to all that is more than scrapes explain.
	exceeding = 1.01
	// noise is less than what any comparison here is about.
	noise = 1e-9
)

// kind is what an alert of an SLO is about.
type kind string

// The ends of the alerts' names.
const (
	burns     kind = "BudgetBurn"
	noData    kind = "NoData"
	idles     kind = "Idle"
	exceeds   kind = "GoodExceedsTotal"
	exhausted kind = "BudgetExhausted"
)

// ungrouped is the number of the group of an alert that has none.
const ungrouped = -1

// alert is an alerting rule.
type alert struct {
	rule      rulefmt.Rule
	kind      kind
	tier      slo.BurnWindow // of a burn-rate alert
	waits     time.Duration  // of a burn-rate alert that a policy asks for
	escalated bool           // it is there only after a page
}

// alertsOf are the alerting rules of an SLO in the order of their evaluation.
func alertsOf(s slo.SLO, groups []rulefmt.RuleGroup) []alert {
	var all []alert
	for _, g := range groups {
		for _, r := range g.Rules {
			for _, k := range []kind{burns, noData, idles, exceeds, exhausted} {
				if r.Alert == "" || !strings.HasSuffix(r.Alert, string(k)) {
					continue
				}
				a := alert{rule: r, kind: k}
				page := r.Labels["severity"] == slo.Page
				a.escalated = page && (k == exceeds || k == noData && s.NoData != slo.NoDataPage)
				for _, t := range s.Burns() {
					if t.Tier == r.Labels["tier"] {
						a.tier, a.waits = t, waits(s, t)
					}
				}
				all = append(all, a)
			}
		}
	}
	return all
}

// waits is how long the condition of a tier has to be met before it fires; only policies
// have tiers that wait.
func waits(s slo.SLO, t slo.BurnWindow) time.Duration {
	for _, p := range s.Policies {
		if p.Tier == t.Tier {
			return p.For
		}
	}
	return 0
}

// pages reports whether the alert is one after which trouble with the data is a page.
func (a alert) pages() bool { return a.kind == burns && a.tier.Severity == slo.Page }

// firing is an alert that fires, for a group or for none.
type firing struct {
	alert int
	group int
	value float64
}

// timeline is which alerts fire at each evaluation.
type timeline struct {
	world
	alerts  []alert
	at      []time.Duration
	firing  [][]firing // by evaluation
	states  map[[2]int]*state
	earlier []firing // of the evaluation before
	current []firing
}

// state is what an alerting rule remembers of a group.
type state struct {
	active, fires bool
	since         time.Duration // active
	kept          time.Duration // not active any more, and firing on
	value         float64
}

// watch evaluates the alerts at these times, in ascending order.
func (w world) watch(alerts []alert, at []time.Duration) timeline {
	l := timeline{world: w, alerts: alerts, at: at, states: map[[2]int]*state{}}
	for _, t := range at {
		l.current = nil
		for i := range alerts {
			for group := ungrouped; group < len(w.groups); group++ {
				l.evaluate(i, group, t)
			}
		}
		l.firing, l.earlier = append(l.firing, l.current), l.current
	}
	return l
}

func (l *timeline) evaluate(i, group int, t time.Duration) {
	a, key := l.alerts[i], [2]int{i, group}
	value, holds := l.condition(i, group, t)
	s := l.states[key]
	if s == nil {
		s = &state{}
		l.states[key] = s
	}
	patience, keeps := a.waits, time.Duration(0)
	if a.kind != burns {
		patience = pending
	}
	if a.kind == idles {
		keeps = idleKeeps
	}
	switch {
	case holds && !s.active:
		s.active = true
		if !s.fires {
			s.since = t
		}
	case !holds && s.active:
		s.active, s.kept = false, t
	}
	if holds {
		s.value = value
	}
	s.fires = holds && t-s.since >= patience || !holds && s.fires && t-s.kept < keeps
	if s.fires {
		l.current = append(l.current, firing{i, group, s.value})
	}
}

// condition is whether what the alert is about holds, and its value.
func (l *timeline) condition(i, group int, t time.Duration) (value float64, holds bool) {
	a := l.alerts[i]
	if a.kind == noData {
		value, holds = l.missing(group, t)
	} else if group == ungrouped {
		return 0, false
	}
	window := l.slo.Tiers()[0].Short
	if l.queried() && (a.kind == exceeds || a.kind == idles) {
		value, holds = l.unfit(a.kind, group, t)
		return value, holds && (!a.escalated || l.paged(group, t))
	}
	switch a.kind {
	case noData:
	case burns:
		return l.burning(i, group, t)
	case exceeds:
		good, ok := l.sum(true, group, t, window)
		total, counted := l.sum(false, group, t, window)
		value, holds = good/window.Seconds(), ok && counted && good > exceeding*total*(1+noise)
	case idles:
		total, counted := l.sum(false, group, t, window)
		return 0, counted && total == 0
	case exhausted:
		coverage, covered := l.coverage(group, t)
		bad, _ := l.bad(group, t, l.slo.Window)
		value = l.spent(group, t) * coverage
		return value, covered && value > 1+noise && bad > l.raised()
	}
	return value, holds && (!a.escalated || l.paged(group, t))
}

// raised is the number of bad events above which a tier fires, and kept the one above
// which it goes on. Both are half an event below a whole number.
func (w world) raised() float64 { return float64(w.slo.LeastBad()) - 0.5 }
func (w world) kept() float64   { return float64((w.slo.LeastBad()+1)/2) - 0.5 }

// burning is the condition of a tier. One that fires goes on while its short window is
// empty, and with half of the bad events.
func (l *timeline) burning(i, group int, t time.Duration) (float64, bool) {
	tier := l.alerts[i].tier
	threshold := tier.Threshold(l.slo.Objective)
	long, _ := l.ratio(group, t, tier.Long)
	short, events := l.ratio(group, t, tier.Short)
	bad, _ := l.bad(group, t, tier.Long)
	before := l.before(i, group, t)
	return long, long > threshold &&
		(short > threshold || !events && before) &&
		(bad > l.raised() || bad > l.kept() && before)
}

// before reports whether the alert fired at the evaluation before, not long ago. Where
// that is longer ago than samples count, pages look back further.
func (l *timeline) before(i, group int, t time.Duration) bool {
	n, back := len(l.firing), lookback
	if s := l.slo.Slices; s != nil && s.Length >= lookback && l.alerts[i].tier.Severity == slo.Page {
		back = s.Length + minute
	}
	return n > 0 && t-l.at[n-1] < back && slices.ContainsFunc(l.earlier, func(f firing) bool { return f.alert == i && f.group == group })
}

// paged reports whether a page of the group fired lately.
func (l *timeline) paged(group int, t time.Duration) bool {
	if group == ungrouped && len(l.slo.GroupBy) > 0 {
		return false
	}
	paged := func(f firing) bool { return l.alerts[f.alert].pages() && (f.group == group || group == ungrouped) }
	if slices.ContainsFunc(l.current, paged) {
		return true
	}
	for n, fired := range l.firing {
		if l.at[n] > t-afterPage && slices.ContainsFunc(fired, paged) {
			return true
		}
	}
	return false
}

// The values of the alert that events are not counted.
const (
	unseen  = 1
	noGood  = 2
	noTotal = 3 // while the job is scraped
	several = 2 // ratios that a query gives
)

// missing is which of the counters are not there. Where the SLO is not grouped, or none of
// its groups is there, there is no group of which it could be said.
func (w world) missing(group int, t time.Duration) (float64, bool) {
	if w.queried() {
		return w.unmeasured(group, t)
	}
	grouped := len(w.slo.GroupBy) > 0
	if group == ungrouped {
		for each := range w.groups {
			if !w.present(false, each, t) {
				continue
			}
			return noGood, !grouped && !w.present(true, each, t)
		}
		if i := int(t / w.every); w.up != nil && w.ups[min(i, len(w.ups)-1)] > 0 {
			return noTotal, true
		}
		return unseen, true
	}
	if !grouped {
		return 0, false
	}
	if w.present(false, group, t) {
		return noGood, !w.present(true, group, t)
	}
	return unseen, slices.ContainsFunc(w.inputs, func(in input) bool {
		return in.group == group && in.total && in.seen(t, afterPage)
	})
}
