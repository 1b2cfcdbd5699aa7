package result

import (
	"math"
	"time"
)

// Duration returns s as a duration, rounded to the nanosecond. What is longer than
// a duration can be is as long as it can be.
func (s Seconds) Duration() time.Duration {
	ns := math.Round(float64(s) * float64(time.Second))
	switch {
	case math.IsNaN(ns):
		return 0
	case ns >= math.MaxInt64:
		return math.MaxInt64
	case ns <= math.MinInt64:
		return math.MinInt64
	}
	return time.Duration(ns)
}

// InSeconds is the inverse of [Seconds.Duration].
func InSeconds(d time.Duration) Seconds { return Seconds(d.Seconds()) }

// Spec is the experiment as it was run: what its author asked for, with every
// reference resolved and the clocks of the target filled in.
type Spec struct {
	Control    bool            `json:"control"` // every phase without a fault
	Timing     Timing          `json:"timing"`
	SLOs       []SLO           `json:"slos,omitempty"`
	Values     []Bounded       `json:"values,omitempty"` // bounded PromQL
	Expect     []ExpectedAlert `json:"expect,omitempty"`
	Forbid     []AlertMatch    `json:"forbid,omitempty"`
	Rails      []Rail          `json:"guardRails,omitempty"`
	Instrument []Bounded       `json:"instrument,omitempty"` // what the runner itself may suffer
	Radius     *RadiusLimit    `json:"radiusLimit,omitempty"`
	// RadiusRequired is true on a target that refuses an experiment without limit.
	RadiusRequired bool `json:"radiusRequired,omitempty"`
	// IgnoreBudget is true where the run had to go on however little was left of an error
	// budget: --ignore-budget.
	IgnoreBudget bool `json:"ignoreBudget,omitempty"`
}

// Timing is how long the phases last and how fine the target measures.
type Timing struct {
	Baseline Seconds `json:"baseline"`
	// Observe is a minimum: the fault is held until every expected alert has fired,
	// or its time is over.
	Observe Seconds `json:"observe"`
	Recover Seconds `json:"recover"`
	// AskedBaseline and AskedRecover are what the author wrote; the phases are
	// longer where the scrape interval needs it.
	AskedBaseline Seconds `json:"askedBaseline"`
	AskedRecover  Seconds `json:"askedRecover"`

	Scrape     Seconds `json:"scrape"`
	Evaluation Seconds `json:"evaluation"`
	Window     Seconds `json:"window"`  // what $window stands for
	Confirm    Seconds `json:"confirm"` // how long an effect may take to show

	// FaultsEnd is when the last fault has ended by itself, from t0, where the author
	// gave every one of them a duration; 0: some fault is held as long as is needed.
	FaultsEnd Seconds `json:"faultsEnd,omitempty"`
}

// SLO is one objective that is watched.
type SLO struct {
	Name      string  `json:"name"`
	Objective float64 `json:"objective"`
	Window    Seconds `json:"window"` // the rolling period of the error budget
	Good      string  `json:"good"`
	Total     string  `json:"total"`
	// MaxBudgetSpend is the share of the whole error budget that the run may
	// spend; absent when only a guard rail names the SLO.
	MaxBudgetSpend *float64 `json:"maxBudgetSpend,omitempty"`
}

// Bounded is a PromQL expression with a bound. $window is expanded.
type Bounded struct {
	Name   string   `json:"name"`
	PromQL string   `json:"promql"`
	Max    *float64 `json:"max,omitempty"`
	Min    *float64 `json:"min,omitempty"`
	Reach  Seconds  `json:"reach"` // how far the expression looks back
}

// AlertMatch selects alerts by their labels, alertname among them. All must be equal.
type AlertMatch map[string]string

// ExpectedAlert must fire in time, and resolve in time unless ResolvesWithin is 0.
type ExpectedAlert struct {
	Name           string     `json:"name"`
	Match          AlertMatch `json:"match"`
	Within         Seconds    `json:"within"` // 0: nobody can say, see Unpredictable
	ResolvesWithin Seconds    `json:"resolvesWithin,omitempty"`
	// Forecast is what the rules promise at a full outage; absent where they cannot
	// be predicted.
	Forecast *Forecast `json:"forecast,omitempty"`
	// WithinPredicted and ResolvesPredicted are true where the author left the bound
	// to the forecast.
	WithinPredicted   bool `json:"withinPredicted,omitempty"`
	ResolvesPredicted bool `json:"resolvesPredicted,omitempty"`
	// Rules are those that can raise the alert, by which it is predicted from the errors
	// that were measured; empty where one of them cannot be predicted.
	Rules []AlertRule `json:"rules,omitempty"`
	// Unpredictable is why there is neither a bound of the author's nor a forecast.
	Unpredictable string `json:"unpredictable,omitempty"`
}

// Forecast is when an alert fires, from t0, and is over, from the platform's return.
// A bound that the author left out is the forecast and a slack.
type Forecast struct {
	Earliest Seconds `json:"earliest"`
	Latest   Seconds `json:"latest"`
	Resolved Seconds `json:"resolved"`
}

// Rail stops the run when an SLO's burn rate over For reaches BurnRate.
type Rail struct {
	SLO      string  `json:"slo"`
	BurnRate float64 `json:"burnRate"`
	For      Seconds `json:"for"`
}

// RadiusLimit bounds how much a run may touch; a zero bound does not apply.
type RadiusLimit struct {
	MaxTargets int     `json:"maxTargets,omitempty"`
	MaxPercent float64 `json:"maxPercent,omitempty"`
}
