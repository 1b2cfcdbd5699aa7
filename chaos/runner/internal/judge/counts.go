package judge

import (
	"sort"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/slo"
)

// counts are the events of one SLO, ascending in time.
type counts []result.Count

// events are the events between two scrapes.
type events struct {
	bad, total float64
	span       time.Duration // between the two scrapes
}

// ratio of bad events; 0 where there were none at all.
func (e events) ratio() float64 {
	if e.total <= 0 {
		return 0
	}
	return e.bad / e.total
}

// rate of all events, per second.
func (e events) rate() float64 {
	if e.span <= 0 {
		return 0
	}
	return e.total / e.span.Seconds()
}

// within says whether the ratio is within the objective, one bad event allowed:
// a single failure among few requests must not decide.
func (e events) within(objective float64) bool {
	return e.bad <= 1 || e.bad <= (1-objective)*e.total
}

// at returns the newest count at or before t.
func (cs counts) at(t time.Time) (result.Count, bool) {
	i := sort.Search(len(cs), func(i int) bool { return cs[i].T.After(t) })
	for i--; i >= 0; i-- {
		if !cs[i].Missing {
			return cs[i], true
		}
	}
	return result.Count{}, false
}

func (cs counts) first() (result.Count, bool) {
	for _, c := range cs {
		if !c.Missing {
			return c, true
		}
	}
	return result.Count{}, false
}

func subtract(end, start result.Count) events {
	total := end.Total - start.Total
	return events{
		// good may run ahead of total by a request that was under way at the scrape.
		bad:   max(0, total-(end.Good-start.Good)),
		total: total,
		span:  end.T.Sub(start.T),
	}
}

// between counts the events after a until b. Events before the first known count
// are unknown and not counted. ok is false when there is no count at b or none
// newer than the one at a.
func (cs counts) between(a, b time.Time) (events, bool) {
	end, ok := cs.at(b)
	if !ok {
		return events{}, false
	}
	start, ok := cs.at(a)
	if !ok {
		start, ok = cs.first()
		if !ok {
			return events{}, false
		}
	}
	if !end.T.After(start.T) {
		return events{}, false
	}
	return subtract(end, start), true
}

// gap returns the longest run of missing steps in [a, b].
func (cs counts) gap(a, b time.Time) int {
	longest, run := 0, 0
	for _, c := range cs {
		if c.T.Before(a) || c.T.After(b) {
			continue
		}
		if !c.Missing {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// ends says whether the newest step at or before t is a count and at most maxAge
// old: bad events after it would not be in the sum.
func (cs counts) ends(t time.Time, maxAge time.Duration) bool {
	i := sort.Search(len(cs), func(i int) bool { return cs[i].T.After(t) })
	return i > 0 && !cs[i-1].Missing && t.Sub(cs[i-1].T) <= maxAge
}

// slowest returns the lowest rate of events per second over any stretch of the
// length given within [a, b], over the whole of it when that is shorter. Where a
// scrape at either end of a stretch is missing, only what is known to have
// happened within counts: no more, so that a missing scrape never hides silence.
// ok is false when nothing can be counted.
func (cs counts) slowest(a, b time.Time, stretch, scrape time.Duration) (rate float64, ok bool) {
	if stretch > b.Sub(a) {
		stretch = b.Sub(a)
	}
	consider := func(from, to time.Time) {
		end, known := cs.at(to)
		if !known || !end.T.After(from) {
			return
		}
		// Scrapes are not in step with the stretch.
		start, known := cs.at(from.Add(scrape / 2))
		if !known || from.Sub(start.T) >= scrape {
			start, known = cs.after(from)
		}
		if !known || start.T.After(end.T) {
			return
		}
		span := max(stretch, end.T.Sub(start.T))
		if to.Sub(end.T) < scrape && from.Sub(start.T).Abs() < scrape {
			span = end.T.Sub(start.T)
		}
		if span <= 0 {
			return
		}
		if r := (end.Total - start.Total) / span.Seconds(); !ok || r < rate {
			rate, ok = r, true
		}
	}
	for _, c := range cs {
		if from := c.T.Add(-stretch); !c.T.After(b) && !from.Before(a) {
			consider(from, c.T)
		}
	}
	if !ok {
		consider(b.Add(-stretch), b)
	}
	return rate, ok
}

// after returns the oldest count at or after t.
func (cs counts) after(t time.Time) (result.Count, bool) {
	for _, c := range cs[sort.Search(len(cs), func(i int) bool { return !cs[i].T.Before(t) }):] {
		if !c.Missing {
			return c, true
		}
	}
	return result.Count{}, false
}

// lastBad returns the last scrape in (a, b] at which new bad events were counted.
func (cs counts) lastBad(a, b time.Time) (time.Time, bool) {
	var last time.Time
	prev, have := cs.at(a)
	for _, c := range cs {
		if c.Missing || !c.T.After(a) || c.T.After(b) {
			continue
		}
		if have && (c.Total-c.Good)-(prev.Total-prev.Good) > 0 {
			last = c.T
		}
		prev, have = c, true
	}
	return last, !last.IsZero()
}

// countsOf returns what was counted of an SLO.
func countsOf(ev *result.Evidence, name string) result.Counts {
	for _, c := range ev.Series.Counts {
		if c.SLO == name {
			return c
		}
	}
	return result.Counts{SLO: name}
}

// baselineRate is the SLO's events per second before the fault.
func baselineRate(ev *result.Evidence, cs counts) (float64, bool) {
	m := ev.Moments
	if m.Began == nil || m.T0 == nil {
		return 0, false
	}
	e, ok := cs.between(*m.Began, *m.T0)
	if !ok || e.rate() <= 0 {
		return 0, false
	}
	return e.rate(), true
}

// spent is the share of the whole error budget that went between t0 and t.
func spent(ev *result.Evidence, s result.SLO, cs counts, t time.Time) (share float64, e events, ok bool) {
	rate, ok := baselineRate(ev, cs)
	if !ok {
		return 0, events{}, false
	}
	e, ok = cs.between(*ev.Moments.T0, t)
	if !ok {
		return 0, events{}, false
	}
	return slo.Spend(e.bad, s.Objective, rate, s.Window.Duration()), e, true
}
