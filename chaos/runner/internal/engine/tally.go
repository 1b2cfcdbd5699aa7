package engine

import (
	"math"
	"sort"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/slo"
)

// count is the number of events of one SLO since counting began, as known at t.
// ok is false where Prometheus had no fresh sample: a missing step.
type count struct {
	t           time.Time
	good, total float64
	ok          bool
}

// tally counts the events of one SLO from its raw counters, in ascending time.
// It never uses rate or increase: their extrapolation invents fractions of
// events, and a verdict about a budget must count.
type tally struct {
	points []count
	good   counters
	total  counters
}

// counters adds up the increase of several counter series over their resets.
type counters struct {
	last map[string]float64
	sum  float64
}

// observe takes the value of every series at one step. A series that was not
// there at the first step counts from zero: it was born in between. One that
// falls was reset, so that its whole value is new.
func (c *counters) observe(values map[string]float64) {
	first := c.last == nil
	if first {
		c.last = make(map[string]float64, len(values))
	}
	for id, v := range values {
		before, seen := c.last[id]
		c.last[id] = v
		switch {
		case first:
		case !seen, v < before:
			c.sum += v
		default:
			c.sum += v - before
		}
	}
}

// sliLabel tells the good counters from the total ones in one answer.
const sliLabel = "ballast_sli"

// eventsExpr asks for good and total counters in one query. Two queries could
// see two different scrapes, and the difference would look like bad events.
func eventsExpr(s *slo.SLO) string {
	return `label_replace(` + s.Good + `, "` + sliLabel + `", "good", "", "") or ` +
		`label_replace(` + s.Total + `, "` + sliLabel + `", "total", "", "")`
}

// seriesID is a stable key of a series' labels.
func seriesID(labels map[string]string, without ...string) string {
	keys := make([]string, 0, len(labels))
next:
	for k := range labels {
		for _, w := range without {
			if k == w {
				continue next
			}
		}
		keys = append(keys, k)
	}
	sort.Strings(keys)
	var b strings.Builder
	for _, k := range keys {
		b.WriteString(k)
		b.WriteByte('=')
		b.WriteString(labels[k])
		b.WriteByte(';')
	}
	return b.String()
}

// add appends one step at t from an answer of eventsExpr. A step without good or
// without total series is missing.
func (tl *tally) add(t time.Time, good, total map[string]float64) {
	if n := len(tl.points); n > 0 && !t.After(tl.points[n-1].t) {
		return
	}
	if len(good) == 0 || len(total) == 0 {
		tl.points = append(tl.points, count{t: t})
		return
	}
	tl.good.observe(good)
	tl.total.observe(total)
	tl.points = append(tl.points, count{t: t, good: tl.good.sum, total: tl.total.sum, ok: true})
}

// addRange appends every step of w from an answer of eventsExpr.
func (tl *tally) addRange(series []prom.Series, w prom.Window) {
	type step struct {
		good, total map[string]float64
		unusable    bool // a counter that is no number poisons every later sum
	}
	steps := map[int64]*step{}
	for _, s := range series {
		id := seriesID(s.Labels)
		for _, p := range s.Points {
			at := steps[p.T.UnixMilli()]
			if at == nil {
				at = &step{good: map[string]float64{}, total: map[string]float64{}}
				steps[p.T.UnixMilli()] = at
			}
			at.unusable = at.unusable || math.IsNaN(p.V) || math.IsInf(p.V, 0)
			if s.Labels[sliLabel] == "good" {
				at.good[id] = p.V
			} else {
				at.total[id] = p.V
			}
		}
	}
	for t := w.Start; !t.After(w.End); t = t.Add(w.Step) {
		if at := steps[t.UnixMilli()]; at != nil && !at.unusable {
			tl.add(t, at.good, at.total)
		} else {
			tl.add(t, nil, nil)
		}
	}
}

// at returns the newest known count at or before t.
func (tl *tally) at(t time.Time) (count, bool) {
	i := sort.Search(len(tl.points), func(i int) bool { return tl.points[i].t.After(t) })
	for i--; i >= 0; i-- {
		if tl.points[i].ok {
			return tl.points[i], true
		}
	}
	return count{}, false
}

// events are the events between two times.
type events struct {
	bad, total float64
	span       time.Duration // between the two counts that were subtracted
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
func (e events) within(s *slo.SLO) bool {
	return e.bad <= 1 || e.bad <= s.Budget()*e.total
}

// between counts the events after a until b. Events before the first known count
// are unknown and not counted. ok is false when there is no count at b or none
// newer than the one at a.
func (tl *tally) between(a, b time.Time) (events, bool) {
	end, ok := tl.at(b)
	if !ok {
		return events{}, false
	}
	start, ok := tl.at(a)
	if !ok {
		start, ok = tl.first()
		if !ok {
			return events{}, false
		}
	}
	if !end.t.After(start.t) {
		return events{}, false
	}
	total := end.total - start.total
	return events{
		// good may run ahead of total by a request that was under way at the scrape.
		bad:   max(0, total-(end.good-start.good)),
		total: total,
		span:  end.t.Sub(start.t),
	}, true
}

func (tl *tally) first() (count, bool) {
	for _, p := range tl.points {
		if p.ok {
			return p, true
		}
	}
	return count{}, false
}

// gap returns the longest run of missing steps in [a, b].
func (tl *tally) gap(a, b time.Time) int {
	longest, run := 0, 0
	for _, p := range tl.points {
		if p.t.Before(a) || p.t.After(b) {
			continue
		}
		if p.ok {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// slowest returns the lowest rate of events per second over any stretch of the
// length given within [a, b], over the whole of it when that is shorter. ok is
// false when nothing can be counted.
func (tl *tally) slowest(a, b time.Time, stretch time.Duration) (rate float64, ok bool) {
	if stretch > b.Sub(a) {
		stretch = b.Sub(a)
	}
	for _, p := range tl.points {
		from := p.t.Add(-stretch)
		if !p.ok || p.t.After(b) || from.Before(a) {
			continue
		}
		if ev, counted := tl.between(from, p.t); counted && (!ok || ev.rate() < rate) {
			rate, ok = ev.rate(), true
		}
	}
	if ev, counted := tl.between(b.Add(-stretch), b); counted && (!ok || ev.rate() < rate) {
		rate, ok = ev.rate(), true
	}
	return rate, ok
}

// lastBad returns the last step in (a, b] at which new bad events were counted.
func (tl *tally) lastBad(a, b time.Time) (time.Time, bool) {
	var last time.Time
	prev, have := tl.at(a)
	for _, p := range tl.points {
		if !p.ok || !p.t.After(a) || p.t.After(b) {
			continue
		}
		if have && (p.total-p.good)-(prev.total-prev.good) > 0 {
			last = p.t
		}
		prev, have = p, true
	}
	return last, !last.IsZero()
}
