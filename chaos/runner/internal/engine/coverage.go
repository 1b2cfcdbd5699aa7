package engine

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// coverEvery is how often it is counted which pods are under fault.
const coverEvery = time.Second

// covering counts the pods under fault beside everything else: also while faults are
// injected and removed, when nothing is watched. The zero value has counted nothing.
type covering struct {
	cancel context.CancelFunc
	ended  sync.WaitGroup
	series []result.Coverage // of the counting goroutine until it has ended
}

// beginCovering counts from now until end. It outlives an interrupt, as the faults do.
func (r *run) beginCovering(ctx context.Context, t0 time.Time) {
	ctx, r.cover.cancel = context.WithCancel(context.WithoutCancel(ctx))
	c := &r.cover
	c.series = coverageOf(r.plan)
	c.ended.Go(func() {
		for {
			at := result.InSeconds(time.Since(t0).Round(time.Millisecond))
			counted, err := r.count(ctx)
			if ctx.Err() != nil {
				return
			}
			for i := range c.series {
				step := coverOf(c.series[i].Workload, counted)
				step.Unknown = step.Unknown || err != nil
				extend(&c.series[i], at, step)
			}
			if !pause(ctx, coverEvery) {
				return
			}
		}
	})
}

// count asks the target once.
func (r *run) count(ctx context.Context) (counted []fault.Coverage, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	err = contained(func() (err error) { counted, err = r.cfg.Target.Coverage(ctx, r.plan); return err })
	return counted, err
}

// end stops counting, waits for it, and returns what was counted.
func (c *covering) end() []result.Coverage {
	if c.cancel == nil {
		return nil
	}
	c.cancel()
	c.ended.Wait()
	return slices.DeleteFunc(c.series, func(s result.Coverage) bool { return len(s.Steps) == 0 })
}

// coverageOf is an empty series for each workload that the plan hits.
func coverageOf(p fault.Plan) []result.Coverage {
	var out []result.Coverage
	for _, f := range p.Faults {
		for _, t := range f.Targets {
			if !slices.ContainsFunc(out, func(c result.Coverage) bool { return c.Workload == t.Workload }) {
				out = append(out, result.Coverage{Workload: t.Workload})
			}
		}
	}
	return out
}

// coverOf adds up what was counted of a workload: two of one name may be in different
// namespaces.
func coverOf(workload string, counted []fault.Coverage) result.Cover {
	out := result.Cover{Unknown: true}
	for _, c := range counted {
		if c.Workload == workload {
			out = result.Cover{Ready: out.Ready + c.Ready, UnderFault: out.UnderFault + c.UnderFault, Down: out.Down + c.Down}
		}
	}
	return out
}

// extend adds a step where something changed.
func extend(c *result.Coverage, at result.Seconds, next result.Cover) {
	if next.Unknown {
		next = result.Cover{Unknown: true}
	}
	c.Until = at
	next.At = at
	if n := len(c.Steps); n > 0 {
		last := c.Steps[n-1]
		last.At = at
		if last == next {
			return
		}
	}
	c.Steps = append(c.Steps, next)
}
