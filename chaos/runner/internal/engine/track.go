package engine

import (
	"math"
	"time"

	"github.com/ballast-sre/ballast/internal/prom"
)

// value is what a PromQL assertion evaluated to at one step.
type value struct {
	t   time.Time
	v   float64
	err error // nil, or one of prom's outcomes: there is no number
}

// track is a PromQL assertion over time, ascending.
type track struct {
	points []value
}

func (tr *track) add(t time.Time, v float64, err error) {
	if n := len(tr.points); n > 0 && !t.After(tr.points[n-1].t) {
		return
	}
	tr.points = append(tr.points, value{t: t, v: v, err: err})
}

// addRange appends every step of w. Several series at one step are no number.
func (tr *track) addRange(series []prom.Series, w prom.Window) {
	steps := map[int64]value{}
	for _, s := range series {
		for _, p := range s.Points {
			at, seen := steps[p.T.UnixMilli()]
			switch {
			case seen:
				at.err = prom.ErrManySeries
			case math.IsNaN(p.V) || math.IsInf(p.V, 0):
				at = value{v: p.V, err: prom.ErrNotFinite}
			default:
				at = value{v: p.V}
			}
			steps[p.T.UnixMilli()] = at
		}
	}
	for t := w.Start; !t.After(w.End); t = t.Add(w.Step) {
		if at, seen := steps[t.UnixMilli()]; seen {
			tr.add(t, at.v, at.err)
		} else {
			tr.add(t, 0, prom.ErrNoData)
		}
	}
}

// bounds of a value; nil does not bound.
type bounds struct{ min, max *float64 }

func (b bounds) hold(v float64) bool {
	return (b.min == nil || v >= *b.min) && (b.max == nil || v <= *b.max)
}

// worst is what a track did against its bounds in a stretch of time.
type worst struct {
	broken *value // the step furthest out of bounds
	last   *value // the last number
	blind  error  // why it is not a pass even when nothing broke: see judge
}

// over judges the steps in [a, b]. NaN, Inf and several series blind at once,
// missing samples only two in a row: one scrape may be late.
func (tr *track) over(a, b time.Time, bs bounds) worst {
	var w worst
	missing, steps := 0, 0
	for i := range tr.points {
		p := &tr.points[i]
		if p.t.Before(a) || p.t.After(b) {
			continue
		}
		steps++
		if p.err != nil {
			missing++
			if missing >= 2 || !isMissing(p.err) {
				w.blind = p.err
			}
			continue
		}
		missing = 0
		w.last = p
		if !bs.hold(p.v) && (w.broken == nil || bs.excess(p.v) > bs.excess(w.broken.v)) {
			w.broken = p
		}
	}
	if w.last == nil && w.blind == nil {
		w.blind = prom.ErrNoData
	}
	return w
}

// excess is how far v is out of bounds.
func (b bounds) excess(v float64) float64 {
	var e float64
	if b.max != nil {
		e = max(e, v-*b.max)
	}
	if b.min != nil {
		e = max(e, *b.min-v)
	}
	return e
}
