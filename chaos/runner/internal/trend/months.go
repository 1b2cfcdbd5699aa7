package trend

import (
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// month is how long a month is here; two are compared.
const month = 30 * 24 * time.Hour

// fewest is how many judged runs each month needs.
const fewest = 5

// points is by how much the share of passes has to differ, of 1.
const points = 0.05

// Comparison is the 30 days up to the newest run beside the 30 days before. Only
// experiments that ran in both count, so that a new one makes nothing better or worse.
type Comparison struct {
	// Direction is better or worse when some measure is and none is the contrary; steady
	// when none moved, mixed when they contradict each other.
	Direction Direction `json:"direction"`
	Until     time.Time `json:"until"`
	This      Month     `json:"this"`
	Before    Month     `json:"before"`
	// Experiments are compared; Slower and Faster of them left the middle half of the
	// month before with their median.
	Experiments int    `json:"experiments"`
	Detection   Moved  `json:"detection"`
	Recovery    Moved  `json:"recovery"`
	Passes      Passes `json:"passes"`
	// Versions differ between the last run of the month before and the last of this one,
	// of the experiments that are compared.
	Versions []Change `json:"versions,omitempty"`
}

// Mixed is a comparison of which one measure is better and another one worse.
const Mixed Direction = "mixed"

// Month counts the runs of the experiments that are compared.
type Month struct {
	Runs   int `json:"runs"`
	Judged int `json:"judged"`
	Passed int `json:"passed"`
}

// Share is that of the passes among the judged runs; 0 without any.
func (m Month) Share() float64 {
	if m.Judged == 0 {
		return 0
	}
	return float64(m.Passed) / float64(m.Judged)
}

// Moved counts the experiments of which a time moved, and those that have one in both
// months.
type Moved struct {
	Slower int `json:"slower"`
	Faster int `json:"faster"`
	Of     int `json:"of"`
}

// direction needs more experiments one way than the other.
func (m Moved) direction() Direction {
	switch {
	case m.Slower > m.Faster:
		return Worse
	case m.Faster > m.Slower:
		return Better
	}
	return Steady
}

// Passes is where the share of passes went.
type Passes struct {
	Direction Direction `json:"direction"`
}

func months(experiments []Experiment, until time.Time) Comparison {
	c := Comparison{Direction: TooFew, Until: until, Passes: Passes{Direction: TooFew}}
	var last, lastBefore Run
	for _, x := range experiments {
		this, before := within(x.Runs, until.Add(-month), until), within(x.Runs, until.Add(-2*month), until.Add(-month))
		if len(this) == 0 || len(before) == 0 {
			continue
		}
		c.Experiments++
		last, lastBefore = latest(last, this), latest(lastBefore, before)
		c.This.add(this)
		c.Before.add(before)
		c.Detection.add(values(this, detection), values(before, detection))
		c.Recovery.add(values(this, recovery), values(before, recovery))
	}
	c.Versions = changes(lastBefore.versions, last.versions)
	if c.This.Judged < fewest || c.Before.Judged < fewest {
		return c
	}
	c.Passes.Direction = Steady
	switch gain := c.This.Share() - c.Before.Share(); {
	case gain >= points:
		c.Passes.Direction = Better
	case gain <= -points:
		c.Passes.Direction = Worse
	}
	better, worse := false, false
	for _, d := range []Direction{c.Passes.Direction, c.Detection.direction(), c.Recovery.direction()} {
		better, worse = better || d == Better, worse || d == Worse
	}
	switch {
	case better && worse:
		c.Direction = Mixed
	case better:
		c.Direction = Better
	case worse:
		c.Direction = Worse
	default:
		c.Direction = Steady
	}
	return c
}

// latest is the run that ended last.
func latest(r Run, runs []Run) Run {
	for _, other := range runs {
		if other.Ended.After(r.Ended) {
			r = other
		}
	}
	return r
}

// within are the runs that ended after one time and not after another.
func within(runs []Run, after, until time.Time) []Run {
	var out []Run
	for _, r := range runs {
		if r.Ended.After(after) && !r.Ended.After(until) {
			out = append(out, r)
		}
	}
	return out
}

func (m *Month) add(runs []Run) {
	for _, r := range runs {
		m.Runs++
		if r.Judged() {
			m.Judged++
		}
		if r.Verdict == result.Pass {
			m.Passed++
		}
	}
}

// add compares the median of one experiment with the middle half of the month before.
func (m *Moved) add(this, before []float64) {
	now, then := spreadOf(this), spreadOf(before)
	if now == nil || then == nil {
		return
	}
	m.Of++
	switch {
	case now.Median > then.High:
		m.Slower++
	case now.Median < then.Low:
		m.Faster++
	}
}
