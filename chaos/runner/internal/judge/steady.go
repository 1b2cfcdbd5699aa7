package judge

import (
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// SteadySLO counts the events of an SLO from the baseline's begin to now, for
// the evidence. t is why the last look saw none; nil: it saw some.
func SteadySLO(s result.SLO, steps []result.Count, began, now time.Time, t *result.Trouble) result.Counted {
	c := result.Counted{SLO: s.Name, Trouble: t}
	if t != nil {
		return c
	}
	e, ok := counts(steps).between(began, now)
	if !ok {
		c.Trouble = &result.Trouble{Kind: result.TroubleNoData, Detail: "there are no two samples"}
		return c
	}
	c.Bad, c.Total, c.Over = e.bad, e.total, result.InSeconds(e.span)
	return c
}

// SteadyValue is the value of a bounded expression that the baseline is judged
// by: the one furthest out of bounds that looked back into the baseline only, or
// else now.
func SteadyValue(b result.Bounded, steps []result.Value, began time.Time, now result.Reading) result.Reading {
	w := over(steps, began.Add(b.Reach.Duration()), stepsEnd(steps), boundsOf(b))
	if now.Trouble == nil && w.broken != nil && boundsOf(b).hold(float64(now.Value)) {
		now.Value = w.broken.V
	}
	return now
}

func stepsEnd(steps []result.Value) time.Time {
	if len(steps) == 0 {
		return time.Time{}
	}
	return steps[len(steps)-1].T
}
