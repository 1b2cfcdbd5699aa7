package engine

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

// tally turns the raw counters of one SLO into its events, in ascending time. It
// never uses rate or increase: their extrapolation invents fractions of events,
// and a verdict about a budget must count.
type tally struct {
	steps []result.Count
	good  counters
	total counters
}

// counters adds up the increase of several counter series over their resets.
type counters struct {
	last map[string]float64
	sum  float64
}

// observe takes the value of every series at one step. One that falls was reset,
// so that its whole value is new. One that was not there before was born in
// between and counts from zero where births count; else it only came into sight.
func (c *counters) observe(values map[string]float64, births bool) {
	first := c.last == nil
	if first {
		c.last = make(map[string]float64, len(values))
	}
	for id, v := range values {
		before, seen := c.last[id]
		c.last[id] = v
		switch {
		case first, !seen && !births:
		case !seen, v < before:
			c.sum += v
		default:
			c.sum += v - before
		}
	}
}

const (
	// sliLabel separates the good counters, the total ones and their age in one answer.
	sliLabel = "ballast_sli"
	sliGood  = "good"
	sliTotal = "total"
	sliAge   = "age"
)

// eventsExpr asks for good and total counters, and how old their samples are on
// average, in one query. Several could see different scrapes, and the difference
// would look like bad events. A series of a target that is gone can stay for as long as
// Prometheus looks back, five minutes: of ages, only those count that are fresh.
func eventsExpr(s result.SLO, scrape time.Duration) string {
	return eventsBy("avg", s.Good, s.Total, scrape)
}

// eventsBy is eventsExpr with the age that the samples have on average (avg), or that of
// the newest (max).
func eventsBy(age, good, total string, scrape time.Duration) string {
	as := func(expr, kind string) string {
		return `label_replace(` + expr + `, "` + sliLabel + `", "` + kind + `", "", "")`
	}
	return as(good, sliGood) + ` or ` + as(total, sliTotal) + ` or ` + as(fmt.Sprintf(`time() - %s(timestamp(%s) >= time() - %g)`, age, total, freshest(scrape).Seconds()), sliAge)
}

// freshest is how old the sample of a series may be that still is scraped.
func freshest(scrape time.Duration) time.Duration { return 3 * scrape }

// seriesID is a stable key of a series' labels.
func seriesID(labels map[string]string, without ...string) string {
	keys := make([]string, 0, len(labels))
	for k := range labels {
		if !slices.Contains(without, k) {
			keys = append(keys, k)
		}
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

// scrape is what an answer of eventsExpr says at one step.
type scrape struct {
	good, total map[string]float64
	age         time.Duration
	unusable    bool // a counter that is not a number makes every later sum wrong
}

// add appends one step from an answer of eventsExpr. A step without good or
// without total series is missing; one that shows the same samples as the step
// before adds nothing. births says whether a new series counts from zero.
func (tl *tally) add(t time.Time, s *scrape, births bool) {
	n := len(tl.steps)
	if s == nil || s.unusable || len(s.good) == 0 || len(s.total) == 0 {
		if n == 0 || t.After(tl.steps[n-1].T) {
			tl.steps = append(tl.steps, result.Count{T: t, Missing: true})
		}
		return
	}
	// To the precision of Prometheus.
	at := t.Add(-s.age).Round(time.Millisecond)
	if n > 0 && !at.After(tl.steps[n-1].T) {
		return
	}
	tl.good.observe(s.good, births)
	tl.total.observe(s.total, births)
	tl.steps = append(tl.steps, result.Count{T: at, Good: tl.good.sum, Total: tl.total.sum})
}

// addRange appends every step of w from an answer of eventsExpr. A series that
// appears before t0 does not count as an increase: a late scrape has the counter's
// whole past. It returns whether the last step had a count.
func (tl *tally) addRange(series []prom.Series, w prom.Window, t0 *time.Time) bool {
	steps := map[int64]*scrape{}
	for _, s := range series {
		id := seriesID(s.Labels)
		for _, p := range s.Points {
			at := steps[p.T.UnixMilli()]
			if at == nil {
				at = &scrape{good: map[string]float64{}, total: map[string]float64{}}
				steps[p.T.UnixMilli()] = at
			}
			at.unusable = at.unusable || math.IsNaN(p.V) || math.IsInf(p.V, 0)
			switch s.Labels[sliLabel] {
			case sliGood:
				at.good[id] = p.V
			case sliAge:
				at.age = max(0, time.Duration(p.V*float64(time.Second)))
			default:
				at.total[id] = p.V
			}
		}
	}
	known := false
	for t := w.Start; !t.After(w.End); t = t.Add(w.Step) {
		s := steps[t.UnixMilli()]
		known = s != nil && !s.unusable && len(s.good) > 0 && len(s.total) > 0
		tl.add(t, s, t0 != nil && t.After(*t0))
	}
	return known
}

// valueSteps reads every step of w. A step with several series has no value.
func valueSteps(series []prom.Series, w prom.Window) []result.Value {
	steps := map[int64]result.Value{}
	for _, s := range series {
		for _, p := range s.Points {
			at, seen := steps[p.T.UnixMilli()]
			switch {
			case seen:
				at.Kind = result.TroubleManySeries
			case math.IsNaN(p.V) || math.IsInf(p.V, 0):
				at = result.Value{V: result.Number(p.V), Kind: result.TroubleNotFinite}
			default:
				at = result.Value{V: result.Number(p.V)}
			}
			steps[p.T.UnixMilli()] = at
		}
	}
	var out []result.Value
	for t := w.Start; !t.After(w.End); t = t.Add(w.Step) {
		v, seen := steps[t.UnixMilli()]
		if !seen {
			v.Kind = result.TroubleNoData
		}
		v.T = t
		out = append(out, v)
	}
	return out
}
