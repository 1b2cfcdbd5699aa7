package judge

import (
	"fmt"
	"math"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// bounds of a value; nil does not bound.
type bounds struct{ min, max *float64 }

func boundsOf(b result.Bounded) bounds { return bounds{min: b.Min, max: b.Max} }

func (b bounds) hold(v float64) bool {
	return (b.min == nil || v >= *b.min) && (b.max == nil || v <= *b.max)
}

// excess is how far v is out of bounds; 0 within.
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

// margin is the share of a bound within which a value is too close to it to be
// trusted beside a step that is missing.
const margin = 0.1

// tight says whether v is out of bounds or within the margin of one.
func (b bounds) tight(v float64) bool {
	near := func(bound *float64) bool {
		return bound != nil && math.Abs(v-*bound) <= margin*math.Abs(*bound)*(1+1e-9)
	}
	return !b.hold(v) || near(b.min) || near(b.max)
}

// String says the bounds in words.
func (b bounds) String() string {
	switch {
	case b.min != nil && b.max != nil:
		return fmt.Sprintf("from %.4g to %.4g", *b.min, *b.max)
	case b.max != nil:
		return fmt.Sprintf("at most %.4g", *b.max)
	case b.min != nil:
		return fmt.Sprintf("at least %.4g", *b.min)
	}
	return "unbounded"
}

// worst is what an expression did against its bounds in a stretch of time.
type worst struct {
	broken *result.Value // the step furthest out of bounds
	last   *result.Value // the last number
	blind  string        // why it is not a pass even when nothing broke; empty: it may be
	kind   result.TroubleKind
}

// over judges the steps in [a, b]. NaN, Inf and several series blind at once.
// Missing samples blind when there are two in a row, one scrape may be late, or
// when a neighbour is so close to a bound that the missing one may have crossed it.
func over(steps []result.Value, a, b time.Time, bs bounds) worst {
	var w worst
	blind := func(k result.TroubleKind, why string) { w.kind, w.blind = k, why }
	missing := 0
	for i := range steps {
		p := &steps[i]
		if p.T.Before(a) || p.T.After(b) {
			continue
		}
		if p.Kind != "" {
			missing++
			switch {
			case !absent(p.Kind):
				blind(p.Kind, describe(p.Kind))
			case missing >= 2:
				blind(p.Kind, "two steps in a row are missing")
			case closeBy(steps, i, bs):
				blind(p.Kind, "a step is missing beside a value within 10% of the bound")
			}
			continue
		}
		missing = 0
		w.last = p
		v := float64(p.V)
		if !bs.hold(v) && (w.broken == nil || bs.excess(v) > bs.excess(float64(w.broken.V))) {
			w.broken = p
		}
	}
	if w.last == nil && w.blind == "" {
		blind(result.TroubleNoData, "no step has a number")
	}
	return w
}

// closeBy says whether a neighbour of step i is out of bounds or close to one.
func closeBy(steps []result.Value, i int, bs bounds) bool {
	for _, j := range []int{i - 1, i + 1} {
		if j >= 0 && j < len(steps) && steps[j].Kind == "" && bs.tight(float64(steps[j].V)) {
			return true
		}
	}
	return false
}

func describe(k result.TroubleKind) string {
	switch k {
	case result.TroubleNotFinite:
		return "a step is not a finite number"
	case result.TroubleManySeries:
		return "a step has several series where one is needed"
	case result.TroubleBadQuery:
		return "Prometheus refused the query"
	default:
		return "a step is missing"
	}
}

func valuesOf(ev *result.Evidence, name string) result.Values {
	for _, v := range ev.Series.Values {
		if v.Name == name {
			return v
		}
	}
	return result.Values{Name: name}
}
