package result

import "time"

// History is how much of its longest window one rule can see.
type History struct {
	Rule   RuleID  `json:"rule"`
	Window Seconds `json:"window"` // as it is on this target
	// SLO is that of a burn alert, and Threshold the error ratio over the window above
	// which it may fire.
	SLO       string    `json:"slo,omitempty"`
	Threshold float64   `json:"threshold,omitempty"`
	At        time.Time `json:"at"`
	// Reaches is how far before At the samples go, to the precision of Step; of more
	// than Window, no more is known.
	Reaches Seconds `json:"reaches"`
	Step    Seconds `json:"step"`
	// Ratio is the error ratio over what there is of the window, at At; absent where
	// the history is not young, or nothing records it.
	Ratio *Number `json:"ratio,omitempty"`
}

// Settled is the time before the baseline in which errors of earlier experiments
// left the windows of the alerts, and pending alerts ended.
type Settled struct {
	Allowed Seconds   `json:"allowed"`
	Waited  Seconds   `json:"waited"`
	Left    []Lasting `json:"left,omitempty"` // when the time was over
}

// Lasting is an alert that could fire, or did, because of what came before. Ratio and
// Threshold are 0 but for burn alerts.
type Lasting struct {
	Rule      RuleID  `json:"rule"`
	State     string  `json:"state,omitempty"` // of the alert; empty when it is inactive
	Ratio     Number  `json:"ratio"`           // of errors over the long window
	Threshold float64 `json:"threshold"`
}
