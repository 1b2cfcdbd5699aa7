// Package experiment reads experiment documents strictly and reports every
// problem of every file in one go.
package experiment

import (
	"maps"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/internal/slo"
)

// Experiment is one validated experiment with its faults.
type Experiment struct {
	Name       string
	Labels     map[string]string
	File       string
	Line       int
	Hypothesis string

	Baseline time.Duration // SLOs must hold this long before any fault
	Observe  time.Duration // how long the fault is held and watched at least
	Recover  time.Duration // by then targets are healthy and SLOs hold again

	SLOs   []Assertion
	Abort  []GuardRail
	Expect []ExpectedAlert
	Forbid []ForbiddenAlert
	Radius *BlastRadius // nil: none was given

	Faults []fault.Fault
	// YAML is the experiment document as it stands in the file, for the evidence.
	YAML string
}

// Assertion is one thing that must hold: an SLO by reference, or a bounded
// PromQL expression. Exactly one of SLO and PromQL is set.
type Assertion struct {
	Name string // the ref, or the given name
	SLO  *slo.SLO
	// MaxBudgetSpend is the share of the SLO's whole error budget that the run
	// may spend; 0.001 is 0.1%.
	MaxBudgetSpend float64

	PromQL   string   // may hold $window
	Max, Min *float64 // at least one is set with PromQL
}

// GuardRail stops the run when the SLO's burn rate over For reaches BurnRate.
type GuardRail struct {
	SLO      *slo.SLO
	BurnRate float64
	For      time.Duration
}

// ExpectedAlert must fire within Within of the fault and resolve within
// ResolvesWithin of its removal. 0 leaves either to what the rules predict on the
// target; where they predict nothing, that it resolves is not asked.
type ExpectedAlert struct {
	Name           string            // empty when the author gave none
	Labels         map[string]string // match exactly; without the name
	Within         time.Duration
	ResolvesWithin time.Duration
}

// Match are the labels of an alert that fulfils the expectation, alertname
// included when the author gave a name.
func (a ExpectedAlert) Match() map[string]string {
	match := maps.Clone(a.Labels)
	if match == nil {
		match = map[string]string{}
	}
	if a.Name != "" {
		match[slo.LabelAlertname] = a.Name
	}
	return match
}

// String is the name, with the labels in braces when there are any.
func (a ExpectedAlert) String() string {
	if len(a.Labels) == 0 {
		return a.Name
	}
	return a.Name + "{" + pairs(a.Labels) + "}"
}

// ForbiddenAlert must not fire. Labels match exactly and include alertname when
// the author gave a name.
type ForbiddenAlert struct {
	Labels map[string]string
}

// BlastRadius bounds how much a run may touch; a zero bound does not apply.
type BlastRadius struct {
	MaxTargets int
	MaxPercent float64 // of the workload's ready pods, 0 to 100
}
