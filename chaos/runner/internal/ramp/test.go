package ramp

import (
	"context"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// Site is where the load goes, and who is asked about it.
type Site interface {
	// Hold sends the rate, lets settle pass, and watches for hold.
	Hold(ctx context.Context, rate float64, settle, hold time.Duration) (Watched, error)
	// Count asks Prometheus for an SLO's events between two times.
	Count(ctx context.Context, slo string, from, to time.Time) (bad, total float64, err error)
	// Replicas are the pods of the service now.
	Replicas(ctx context.Context) (Replicas, error)
}

// Watched is what Hold saw.
type Watched struct {
	From, To time.Time
	Client   Client
}

// Test is one load test.
type Test struct {
	Plan Plan
	SLOs []SLO
	Site Site
	// Seen is how many events per second the SLOs count while a rate is sent; nil where
	// nobody knows before.
	Seen func(rate float64) float64
	// AtLeast is a rate that has to hold, 0 for none.
	AtLeast float64
	// Done receives every step as soon as it is judged.
	Done func(Step)
}

// Run blocks until a step did not hold or the last one did. When ctx ends, the step that
// is under way is not counted.
func (t Test) Run(ctx context.Context) Result {
	var steps []Step
	for _, rate := range t.Plan.Rates() {
		s, err := t.step(ctx, rate)
		if ctx.Err() != nil {
			return conclude(t, steps, result.Interrupted, "it was interrupted")
		}
		if err != nil {
			return conclude(t, steps, result.TargetUnreachable, err.Error())
		}
		s = s.judge()
		steps = append(steps, s)
		if t.Done != nil {
			t.Done(s)
		}
		if s.Outcome != Held {
			break
		}
	}
	return conclude(t, steps, "", "")
}

func (t Test) step(ctx context.Context, rate float64) (Step, error) {
	seen := 0.0
	if t.Seen != nil {
		seen = t.Seen(rate)
	}
	w, err := t.Site.Hold(ctx, rate, t.Plan.Settle, t.Plan.Holds(t.SLOs, seen))
	if err != nil {
		return Step{}, err
	}
	s := Step{Rate: rate, From: w.From, To: w.To, Client: w.Client}
	if r, err := t.Site.Replicas(ctx); err == nil {
		s.Replicas = &r
	}
	for _, o := range t.SLOs {
		i := SLI{SLO: o.Name, Objective: o.Objective}
		if i.Bad, i.Total, err = t.Site.Count(ctx, o.Name, w.From, w.To); err != nil {
			i.Trouble = err.Error()
		}
		s.SLIs = append(s.SLIs, i)
	}
	return s, nil
}
