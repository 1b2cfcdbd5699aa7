package result

import "time"

// Evidence is what was measured in one run, in the order in which it is measured.
// Together with the [Spec] it is all that the verdict is computed from.
type Evidence struct {
	Before   Before  `json:"before"`
	Plan     *Plan   `json:"plan,omitempty"`
	Baseline *Steady `json:"baseline,omitempty"`
	Moments  Moments `json:"moments"`
	Series   Series  `json:"series"`
	Watch    Watch   `json:"watch"`
	Effects  []Shown `json:"effects,omitempty"`
	// Delivery is absent on a target without Alertmanager of its own.
	Delivery *Delivery `json:"delivery,omitempty"`
	Ending   Ending    `json:"ending"`
	Cleanup  *Cleanup  `json:"cleanup,omitempty"` // absent when no fault was owed a removal
	// Logs decide nothing; absent where no fault was injected, and on a target that has none.
	Logs *Logs `json:"logs,omitempty"`
}

// TroubleKind is the sort of an answer that is not one.
type TroubleKind string

// The kinds. The first six are outcomes of a query, the others of a target.
const (
	TroubleNoData      TroubleKind = "no-data"
	TroubleStale       TroubleKind = "stale"
	TroubleNotFinite   TroubleKind = "not-finite"
	TroubleManySeries  TroubleKind = "many-series"
	TroubleBadQuery    TroubleKind = "bad-query"
	TroubleUnreachable TroubleKind = "prometheus-unreachable"

	TroubleNoTarget      TroubleKind = "no-target"
	TroubleBusy          TroubleKind = "busy"
	TroubleTarget        TroubleKind = "target-unreachable"
	TroublePartial       TroubleKind = "partial-injection"
	TroubleNotInjectable TroubleKind = "not-injectable"
	TroubleKillSwitch    TroubleKind = "kill-switch"
	TroubleOther         TroubleKind = "other"
)

// Trouble says why there is no number, or why a call failed.
type Trouble struct {
	Kind   TroubleKind `json:"kind"`
	Detail string      `json:"detail"`
}

// Before is what was learned before anything was planned or touched.
type Before struct {
	Refused *Refusal `json:"refused,omitempty"` // the run was not begun at all
	Residue []string `json:"residue,omitempty"` // of earlier runs
	Clock   *Clock   `json:"clock,omitempty"`
	// Failed are the calls without which the run could not go on, in order.
	Failed []Failed `json:"failed,omitempty"`
	Rules  *Rules   `json:"rules,omitempty"` // absent when no alert is asked about
	// Budgets are the remaining error budgets of the SLOs that the runs of the command may
	// spend from, where something records them.
	Budgets []Budget `json:"budgets,omitempty"`
	// Histories are how far back the samples go of each rule that looks back and of
	// which the experiment expects or forbids alerts.
	Histories []History `json:"histories,omitempty"`
	// Settled is how earlier errors were waited for; absent when there were none.
	Settled *Settled `json:"settled,omitempty"`
}

// Rules are the alerting rules that the experiment expects or forbids alerts of.
type Rules struct {
	// Unknown is true where Prometheus cannot say which rules it evaluates. Heartbeats
	// are then the groups that show that they are evaluated.
	Unknown    bool     `json:"unknown,omitempty"`
	Heartbeats []string `json:"heartbeats,omitempty"`
	// Wanted are those of the rule files, Loaded those of Prometheus.
	Wanted []RuleID `json:"wanted,omitempty"`
	Loaded []RuleID `json:"loaded,omitempty"`
}

// RuleID names an alerting rule.
type RuleID struct {
	Alert  string            `json:"alert"`
	Group  string            `json:"group,omitempty"` // where it is known
	Labels map[string]string `json:"labels,omitempty"`
}

// RuleReading is the worst that the looks saw of the evaluation of one rule.
type RuleReading struct {
	Group    string    `json:"group"`
	Alert    string    `json:"alert"`
	At       time.Time `json:"at"`
	Interval Seconds   `json:"interval"` // of the group
	Age      Seconds   `json:"age"`      // of the last evaluation
	Error    string    `json:"error,omitempty"`
}

// Refusal is why a run was not begun.
type Refusal struct {
	Reason Reason `json:"reason"`
	Detail string `json:"detail"`
}

// Clock compares the clock of Prometheus with the runner's.
type Clock struct {
	// Ahead is how far the clock of Prometheus is ahead; all its times are
	// corrected by it. Uncertainty is half of the time that the question took.
	Ahead       Seconds `json:"ahead"`
	Uncertainty Seconds `json:"uncertainty"`
	// Drift is by how much Ahead had changed at the end.
	Drift *Seconds `json:"drift,omitempty"`
}

// Failed is a call that failed.
type Failed struct {
	Phase   Phase   `json:"phase"`
	Doing   string  `json:"doing"`
	Trouble Trouble `json:"trouble"`
}

// Budget is the share of an SLO's error budget that is left, and that is planned to be spent.
type Budget struct {
	SLO  string     `json:"slo"`
	At   *time.Time `json:"at,omitempty"` // when it was read; absent in older reports
	Left Number     `json:"left"`
	// Unknown is true where no series says what is left: nothing records it, or the
	// samples of Prometheus do not go back far enough. Left is 0 then.
	Unknown bool `json:"unknown,omitempty"`
	// Covered is, where Left is unknown, the share of the budget's period of which there are
	// samples; absent where nothing records it.
	Covered *Number `json:"covered,omitempty"`
	// Planned is the most that all runs of the command that are not over, this one among
	// them, may spend together; absent where the command had no plan: it is what this run may
	// spend then.
	Planned *float64 `json:"planned,omitempty"`
}

// Plan is what the target resolved the faults to.
type Plan struct {
	Asked  int       `json:"asked"` // faults
	Faults []Planned `json:"faults,omitempty"`
	Radius Radius    `json:"radius"`
	Ready  []Ready   `json:"ready,omitempty"`
}

// Planned is one fault with its targets.
type Planned struct {
	Fault    string   `json:"fault"`
	OneShot  bool     `json:"oneShot,omitempty"`
	Duration Seconds  `json:"duration,omitempty"`
	Targets  []string `json:"targets,omitempty"`
}

// Ready counts the ready pods of one workload when it was planned.
type Ready struct {
	Workload string `json:"workload"`
	Pods     int    `json:"pods"`
}

// Steady is what the last look of the baseline read.
type Steady struct {
	At         time.Time     `json:"at"`
	SLOs       []Counted     `json:"slos,omitempty"`
	Values     []Reading     `json:"values,omitempty"`
	Instrument []Reading     `json:"instrument,omitempty"`
	Alerts     []ActiveAlert `json:"alerts,omitempty"`
	// AlertsTrouble and HealthTrouble say why alerts and pods could not be read.
	AlertsTrouble *Trouble `json:"alertsTrouble,omitempty"`
	Health        []Pods   `json:"health,omitempty"`
	HealthTrouble *Trouble `json:"healthTrouble,omitempty"`
}

// Counted are the events of one SLO over a stretch of time.
type Counted struct {
	SLO     string   `json:"slo"`
	Bad     float64  `json:"bad"`
	Total   float64  `json:"total"`
	Over    Seconds  `json:"over"` // between the two samples that were subtracted
	Trouble *Trouble `json:"trouble,omitempty"`
}

// Reading is one value at one time, or why there is none.
type Reading struct {
	Name    string   `json:"name"`
	Value   Number   `json:"value"`
	Trouble *Trouble `json:"trouble,omitempty"`
}

// ActiveAlert is one alert series that is pending or firing.
type ActiveAlert struct {
	Name   string            `json:"name"`
	State  string            `json:"state"`
	Labels map[string]string `json:"labels,omitempty"`
}

// Pods are the pods of one workload at one time.
type Pods struct {
	Workload string `json:"workload"`
	Wanted   int    `json:"wanted"` // by the workload's own spec
	Ready    int    `json:"ready"`
	// Autoscaled is true when something else may change Wanted.
	Autoscaled bool `json:"autoscaled,omitempty"`
	// Waiting is why a pod that is not ready waits to be started, as its node says.
	Waiting string `json:"waiting,omitempty"`
}

// Moments are the times that divide the run; absent ones were not reached.
type Moments struct {
	Began   *time.Time `json:"began,omitempty"`   // of the baseline
	T0      *time.Time `json:"t0,omitempty"`      // just before the first create of a fault
	T1      *time.Time `json:"t1,omitempty"`      // every effect shown
	Removed *time.Time `json:"removed,omitempty"` // removal was asked for
	// Watched is when the recovery had been watched to its end; absent when
	// something ended the run before.
	Watched *time.Time `json:"watched,omitempty"`
	End     *time.Time `json:"end,omitempty"` // of what was read
}

// Watch is what the looks saw from the fault on.
type Watch struct {
	Last       *time.Time    `json:"last,omitempty"` // look
	Gaps       []Gap         `json:"gaps,omitempty"`
	Instrument []Extreme     `json:"instrument,omitempty"`
	Rails      []RailReading `json:"guardRails,omitempty"`
	// Rules are read from the baseline on.
	Rules []RuleReading `json:"rules,omitempty"`
}

// Gap is a stretch without an answer to one question.
type Gap struct {
	Name    string    `json:"name"`
	Since   time.Time `json:"since"` // the last answer
	Until   time.Time `json:"until"` // the last look without one
	Trouble Trouble   `json:"trouble"`
}

// Extreme is the worst value of one bound of the instrument.
type Extreme struct {
	Name  string    `json:"name"`
	Value Number    `json:"value"`
	At    time.Time `json:"at"`
}

// RailReading is the highest burn rate that a guard rail saw.
type RailReading struct {
	Rail  int       `json:"rail"` // index in the spec
	At    time.Time `json:"at"`
	Bad   float64   `json:"bad"`
	Total float64   `json:"total"`
	Over  Seconds   `json:"over"` // between the two samples that were subtracted
}

// Stage says when effects were measured.
type Stage string

// The stages.
const (
	StageConfirm Stage = "confirm" // after the injection
	StageHold    Stage = "hold"    // once more, before the end of the fault
)

// Shown is one measurement of faults on all of their targets.
type Shown struct {
	Stage   Stage    `json:"stage"`
	Faults  []string `json:"faults,omitempty"`
	Effects []Effect `json:"effects,omitempty"`
	// Expired is true when the time for it was over.
	Expired bool     `json:"expired,omitempty"`
	Trouble *Trouble `json:"trouble,omitempty"` // of the last question
}

// Ending is what ended the run other than its plan.
type Ending struct {
	// NotInjected are errors of the injection.
	NotInjected []Trouble  `json:"notInjected,omitempty"`
	Interrupt   *Interrupt `json:"interrupt,omitempty"`
	// Failures are errors of the runner itself.
	Failures []string `json:"failures,omitempty"`
}

// Interrupt is a signal, or the loss of the target.
type Interrupt struct {
	Phase Phase `json:"phase"`
	Lost  bool  `json:"lost,omitempty"` // the target is gone
	// KillSwitch is true when the target's kill switch ended the run.
	KillSwitch bool   `json:"killSwitch,omitempty"`
	Detail     string `json:"detail"`
}

// Cleanup is how the faults were removed and what was found afterwards.
type Cleanup struct {
	Removal *Trouble `json:"removal,omitempty"` // it failed
	// Audited is true when the target said what is left, Residue is that.
	Audited bool     `json:"audited"`
	Residue []string `json:"residue,omitempty"`
	Audit   *Trouble `json:"audit,omitempty"` // it could not say
}
