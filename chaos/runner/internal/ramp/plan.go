// Package ramp finds the rate that a service sustains: it raises the rate of an open-loop
// load step by step, holds each step, and asks for the SLOs of exactly that stretch of
// time. The first step that breaks an SLO ends the test. What could not be measured ends it,
// too, and is never taken for a limit of the service.
package ramp

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Plan says which rates are tried, and for how long each.
type Plan struct {
	Start  float64 // requests per second of the first step
	Factor float64 // by which each step is faster than the one before
	Max    float64 // of the last step
	// Settle is let pass after each change of the rate, uncounted: what was under way
	// before has ended by then.
	Settle time.Duration
	// Hold is for how long events are counted, at least.
	Hold time.Duration
}

// maxSteps keeps a mistaken factor from making a test of days.
const maxSteps = 50

// Check says all that is wrong with the plan.
func (p Plan) Check() error {
	var errs []error
	if !(p.Start > 0) {
		errs = append(errs, fmt.Errorf("start %v: want more than 0 requests per second", p.Start))
	}
	if !(p.Max >= p.Start) {
		errs = append(errs, fmt.Errorf("max %v: want at least the start, %v requests per second", p.Max, p.Start))
	}
	if !(p.Factor >= 1.05 && p.Factor <= 10) {
		errs = append(errs, fmt.Errorf("factor %v: want 1.05 to 10", p.Factor))
	}
	if p.Settle < 0 {
		errs = append(errs, fmt.Errorf("settle %s: want 0 or more", p.Settle))
	}
	if p.Hold < time.Second || p.Hold > time.Hour {
		errs = append(errs, fmt.Errorf("hold %s: want 1s to 1h", p.Hold))
	}
	if len(errs) == 0 && math.Log(p.Max/p.Start)/math.Log(p.Factor) > maxSteps {
		errs = append(errs, fmt.Errorf("from %v to %v by factor %v takes more than %d steps; give a larger factor or a higher start", p.Start, p.Max, p.Factor, maxSteps))
	}
	return errors.Join(errs...)
}

// Rates are those of the steps. The last one is Max.
func (p Plan) Rates() []float64 {
	var rates []float64
	for i := range maxSteps + 1 {
		// Whole requests per second are easier to read, and below 10 they would hide steps.
		r := p.Start * math.Pow(p.Factor, float64(i))
		if r >= 10 {
			r = math.Round(r)
		}
		if r >= p.Max*0.999 {
			break
		}
		rates = append(rates, r)
	}
	return append(rates, p.Max)
}

// Holds is for how long a step counts events when seen of them happen each second: so long
// that a single bad event breaks none of the SLOs.
func (p Plan) Holds(slos []SLO, seen float64) time.Duration {
	hold := p.Hold
	for _, s := range slos {
		if seen > 0 {
			hold = max(hold, time.Duration(math.Ceil(s.least()*1.1/seen))*time.Second)
		}
	}
	return hold
}
