// Package result is the evidence of runs as data: what happened, what was
// measured, what was judged. report.json is this package in JSON; its schema is
// published as docs/report.schema.json.
package result

import "time"

// Version of the report document. It changes when a reader of the old one would
// misread the new one.
const Version = "ballast.dev/report/v2"

// Verdict is the outcome of one run, and of several together.
type Verdict string

// The verdicts; their meaning and their exit codes are the runner's contract.
const (
	Pass         Verdict = "pass"
	Fail         Verdict = "fail"
	Inconclusive Verdict = "inconclusive"
	Aborted      Verdict = "aborted"
	Residual     Verdict = "residue"
)

// Reason says why a run could not be judged, or what spoke against it.
type Reason string

// The reasons of an inconclusive verdict.
const (
	BaselineUnhealthy     Reason = "baseline-unhealthy"
	LowTraffic            Reason = "low-traffic"
	NoData                Reason = "no-data"
	PrometheusUnreachable Reason = "prometheus-unreachable"
	TargetUnreachable     Reason = "target-unreachable"
	Busy                  Reason = "busy"
	ResidueBefore         Reason = "residue-before"
	NoTarget              Reason = "no-target"
	BlastRadius           Reason = "blast-radius"
	NotInjected           Reason = "not-injected"
	PartialInjection      Reason = "partial-injection"
	NotConfirmed          Reason = "not-confirmed"
	NotHeld               Reason = "not-held"
	InstrumentUnfit       Reason = "instrument-unfit"
	BudgetExhausted       Reason = "budget-exhausted"
	Interrupted           Reason = "interrupted"
	Skipped               Reason = "skipped"
	PhasesTooShort        Reason = "phases-too-short"    // for the target's scrape interval, or for an alert to fire
	RulesMissing          Reason = "rules-missing"       // Prometheus lacks a rule of the files
	RulesNotEvaluated     Reason = "rules-not-evaluated" // a group of alerts was not evaluated
	YoungHistory          Reason = "young-history"       // a rule looks back further than there are samples
	KillSwitch            Reason = "kill-switch"         // also of aborted
	DeliveryUnknown       Reason = "delivery-unknown"    // an alert fired, and nobody knows whether it reached Alertmanager
)

// The reasons of the other verdicts that are not a pass.
const (
	SLOBroken         Reason = "slo-broken"
	AlertMissing      Reason = "alert-missing"       // an expected alert never fired
	AlertLate         Reason = "alert-late"          // it fired, but too late
	FiredEarly        Reason = "fired-early"         // it fired before its errors account for it
	AlertNotResolved  Reason = "alert-not-resolved"  // it fired and did not resolve in time
	AlertNotDelivered Reason = "alert-not-delivered" // it fired and did not reach Alertmanager
	AlertForbidden    Reason = "alert-forbidden"     // a forbidden alert fired
	NotRecovered      Reason = "not-recovered"       // targets or SLOs were not back in time
	GuardRail         Reason = "guard-rail"          // of aborted
	LeftBehind        Reason = "left-behind"         // of residue
)

// Phase of a run, in order.
type Phase string

// The phases.
const (
	Preflight Phase = "preflight"
	Planning  Phase = "plan"
	WarmUp    Phase = "warm-up"
	Settle    Phase = "settle" // only where earlier errors are waited for
	Baseline  Phase = "baseline"
	Inject    Phase = "inject"
	Confirm   Phase = "confirm"
	Observe   Phase = "observe"
	Recover   Phase = "recover"
	Audit     Phase = "audit"
	Judge     Phase = "verdict"
)

// Seconds is a duration in seconds, as JSON readers expect it.
type Seconds float64

// Report is report.json: everything that one invocation of the runner learned.
type Report struct {
	Version     string     `json:"version" jsonschema:"const=ballast.dev/report/v2"`
	Verdict     Verdict    `json:"verdict"`
	Started     time.Time  `json:"started"`
	Ended       time.Time  `json:"ended"`
	Command     []string   `json:"command"` // to run it again, from Directory
	Directory   string     `json:"directory"`
	Tool        Tool       `json:"tool"`
	Target      TargetInfo `json:"target"`
	Experiments []Run      `json:"experiments"`
}

// Run is one run of one experiment: who ran, what was decided, and the evidence
// that decided it.
type Run struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	File       string            `json:"file"`
	Labels     map[string]string `json:"labels,omitempty"`
	Hypothesis string            `json:"hypothesis"`
	Attempt    int               `json:"attempt"` // 1, 2, … under --repeat
	Control    bool              `json:"control"` // every phase without a fault

	Judgment

	Started time.Time   `json:"started"`
	Ended   time.Time   `json:"ended"`
	Phases  []PhaseSpan `json:"phases"`
	Faults  []Fault     `json:"faults"`
	// Overhead is the runner's own time beyond the phases that the experiment asks for.
	Overhead Seconds `json:"overhead"`
	YAML     string  `json:"yaml"` // the experiment document

	Spec     Spec     `json:"spec"`
	Evidence Evidence `json:"evidence"`
	// Digest of spec and evidence: sha256 in hexadecimal. It finds what was
	// edited by accident or without care; it is not a signature.
	Digest string `json:"digest"`
}

// Judgment is all that follows from spec and evidence. Nothing in it was
// measured, so that anyone can compute it again.
type Judgment struct {
	Verdict Verdict `json:"verdict"`
	// Reason is the first of Findings that decided, empty on a pass.
	Reason   Reason    `json:"reason,omitempty"`
	Summary  string    `json:"summary"` // one sentence for a person
	Findings []Finding `json:"findings,omitempty"`

	T0      *time.Time `json:"t0,omitempty"`        // first create of a fault
	T1      *time.Time `json:"t1,omitempty"`        // every effect shown
	Removed *time.Time `json:"removed,omitempty"`   // removal was asked for
	Back    *time.Time `json:"recovered,omitempty"` // last trace of the fault, when all held again

	Radius  Radius      `json:"blastRadius"`
	Effects []Effect    `json:"effects,omitempty"`
	Asserts []Assertion `json:"assertions"`
	SLIs    []SLI       `json:"slis,omitempty"`
	Alerts  []Alert     `json:"alerts,omitempty"`
	Residue []string    `json:"residue,omitempty"`

	TimeToDetect  *Seconds `json:"timeToDetect,omitempty"`  // t0 to the first expected (or else any) alert firing
	TimeToRecover *Seconds `json:"timeToRecover,omitempty"` // removal to the last trace of the fault
}

// Finding is one reason with what was seen.
type Finding struct {
	Verdict Verdict `json:"verdict"` // what it speaks for
	Reason  Reason  `json:"reason"`
	Detail  string  `json:"detail"` // numbers and names
}

// PhaseSpan is when a phase ran.
type PhaseSpan struct {
	Phase Phase     `json:"phase"`
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// Fault is one injected object with the targets it was resolved to.
type Fault struct {
	Kind     string   `json:"kind"`
	Action   string   `json:"action"`
	Name     string   `json:"name"`
	Mode     string   `json:"mode"`
	Duration Seconds  `json:"duration"` // 0 for one-shots
	Targets  []string `json:"targets"`
	Emulated string   `json:"emulated,omitempty"`
	YAML     string   `json:"yaml"`
}

// Radius is the share of the platform that the plan touched.
type Radius struct {
	Targets int     `json:"targets"`
	Percent float64 `json:"percent"`
}

// Effect is one observation of a fault on a target.
type Effect struct {
	Fault    string `json:"fault"`
	Target   string `json:"target"`
	Injected bool   `json:"injected"`
	Shown    bool   `json:"shown"`
	Observed string `json:"observed"`
	// Unfelt is true when a load was applied and the target lost nothing to it.
	Unfelt bool      `json:"unfelt,omitempty"`
	At     time.Time `json:"at"`
}

// AssertionKind is the sort of thing that was asserted.
type AssertionKind string

// The kinds; each assertion is one JUnit test case.
const (
	AssertSLO      AssertionKind = "slo"
	AssertPromQL   AssertionKind = "promql"
	AssertExpect   AssertionKind = "alert-expected"
	AssertForbid   AssertionKind = "alert-forbidden"
	AssertGuard    AssertionKind = "guard-rail"
	AssertRecovery AssertionKind = "recovery"
)

// Outcome of one assertion.
type Outcome string

// The outcomes. Unknown means that it could not be judged.
const (
	Held    Outcome = "held"
	Broken  Outcome = "broken"
	Unknown Outcome = "unknown"
)

// Assertion is one judged condition.
type Assertion struct {
	Name     string        `json:"name"`
	Kind     AssertionKind `json:"kind"`
	Outcome  Outcome       `json:"outcome"`
	Expected string        `json:"expected"` // "at most 0.1% of the error budget"
	Observed string        `json:"observed"` // "0.012% (31 of 4,120 requests failed)"
}

// SLI is one indicator over the run: an SLO's error ratio, or a PromQL value.
type SLI struct {
	Name  string `json:"name"`
	Unit  string `json:"unit"` // "error ratio", or empty when PromQL does not say
	Query string `json:"query"`

	// Bounds of a PromQL assertion; for an SLO, Max is 1 − objective.
	Max *float64 `json:"max,omitempty"`
	Min *float64 `json:"min,omitempty"`

	Objective *float64 `json:"objective,omitempty"`
	Points    []Point  `json:"points"`             // gaps are missing data
	BurnRate  []Point  `json:"burnRate,omitempty"` // of an SLO

	// Of an SLO, from t0 to the end of what was watched.
	BadEvents    *float64 `json:"badEvents,omitempty"`
	TotalEvents  *float64 `json:"totalEvents,omitempty"`
	BaselineRate *float64 `json:"baselineRate,omitempty"` // events per second
	BudgetSpent  *float64 `json:"budgetSpent,omitempty"`  // share of the whole budget, 0.001 is 0.1%
	BudgetLimit  *float64 `json:"budgetLimit,omitempty"`  // what the experiment allows
	BudgetEvents *float64 `json:"budgetEvents,omitempty"` // whole budget in events at the baseline rate
	WindowDays   *float64 `json:"windowDays,omitempty"`
}

// Point is one value at one time.
type Point struct {
	T time.Time `json:"t"`
	V float64   `json:"v"`
}

// Alert is what one alert did during the run.
type Alert struct {
	Name     string            `json:"name"`
	Labels   map[string]string `json:"labels,omitempty"`
	Severity string            `json:"severity,omitempty"`
	Pending  []Span            `json:"pending,omitempty"`
	Firing   []Span            `json:"firing,omitempty"`
	// Role in the experiment: expected, forbidden, or empty when it only happened.
	Role string `json:"role,omitempty"`
	// PredictedMin and PredictedMax are when it was due, from t0: an expected alert by what
	// was measured, another one by the error ratio under fault. Both are absent when it cannot
	// fire, PredictedMax where it may not.
	PredictedMin *Seconds `json:"predictedMin,omitempty"`
	PredictedMax *Seconds `json:"predictedMax,omitempty"`
	Measured     *Seconds `json:"measured,omitempty"`   // t0 to firing
	ResolvedIn   *Seconds `json:"resolvedIn,omitempty"` // removal to resolved
	// Delivery says whether Alertmanager had it, of an expected alert that fired where
	// there is one.
	Delivery string `json:"delivery,omitempty"`
}

// Span is a stretch of time; an End equal to the run's end may go on.
type Span struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}
