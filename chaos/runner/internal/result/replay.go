package result

import (
	"fmt"
	"time"
)

// AlertRule is what says when one rule raises an expected alert, in the time of the target.
// One with neither Burn nor Condition is not predicted: its alert is bounded by Within.
type AlertRule struct {
	Rule RuleID `json:"rule"`
	// Evaluation is how often the rule is evaluated, Hop how late what other groups record
	// arrives at it, For its pending time.
	Evaluation Seconds `json:"evaluation"`
	Hop        Seconds `json:"hop,omitempty"`
	For        Seconds `json:"for,omitempty"`
	// Burn is the condition of a burn alert.
	Burn *BurnRule `json:"burn,omitempty"`
	// Condition is the PromQL of one that does not look back.
	Condition string `json:"condition,omitempty"`
}

// BurnRule is the condition of a burn alert: error ratios over both windows above the
// threshold, and that many bad events in the long one.
type BurnRule struct {
	SLO       string  `json:"slo"`
	Good      string  `json:"good"`
	Total     string  `json:"total"`
	Long      Seconds `json:"long"`
	Short     Seconds `json:"short"`
	Threshold float64 `json:"threshold"`
	LeastBad  int     `json:"leastBad,omitempty"`
}

// Errors is the error series of one SLO by which its burn alerts are predicted: each
// scrape of the run, and before it a hundred points of each window that they look back.
// A counter counts from its first sample on, as it does in rate.
type Errors struct {
	SLO   string  `json:"slo"`
	Steps []Count `json:"steps,omitempty"`
	// Unread says why it could not be read.
	Unread *Trouble `json:"unread,omitempty"`
}

// Condition is when the condition of a rule was met that does not look back.
type Condition struct {
	Rule RuleID `json:"rule"`
	// Step is the precision: a span may have begun that much earlier.
	Step   Seconds  `json:"step"`
	Met    []Met    `json:"met,omitempty"`
	Unread *Trouble `json:"unread,omitempty"`
}

// Met is when one series met a condition.
type Met struct {
	Labels map[string]string `json:"labels,omitempty"` // without the name
	Spans  []Span            `json:"spans"`
}

// checkReplay refuses what no run measures and no prediction could be computed from.
func (run Run) checkReplay() []error {
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...))
	}
	for i, e := range run.Spec.Expect {
		for j, r := range e.Rules {
			if why := r.wrong(); why != "" {
				wrong("spec.expect[%d].rules[%d], of %s: %s", i, j, r.Rule.Alert, why)
			}
		}
	}
	for i, e := range run.Evidence.Series.Errors {
		for j, c := range e.Steps {
			switch {
			case c.Missing:
				wrong("evidence.series.errors[%d].steps[%d] is missing; only what was counted is a step", i, j)
			case c.Total < 0 || c.Good < 0:
				wrong("evidence.series.errors[%d].steps[%d] counts less than no events", i, j)
			case j > 0 && !c.T.After(e.Steps[j-1].T):
				wrong("evidence.series.errors[%d].steps[%d] is not after the one before it", i, j)
			case j > 0 && (c.Total < e.Steps[j-1].Total || c.Good < e.Steps[j-1].Good):
				wrong("evidence.series.errors[%d].steps[%d] counts fewer events than the one before it", i, j)
			}
		}
	}
	for i, c := range run.Evidence.Series.Conditions {
		if !(c.Step > 0) && c.Unread == nil {
			wrong("evidence.series.conditions[%d].step is %v; it must be positive", i, c.Step)
		}
		for j, m := range c.Met {
			var before time.Time
			for k, s := range m.Spans {
				if s.Start.Before(before) || s.End.Before(s.Start) {
					wrong("evidence.series.conditions[%d].met[%d].spans[%d] is out of order", i, j, k)
				}
				before = s.End
			}
		}
	}
	return errs
}

// wrong says why nothing can be predicted by r; empty when it can.
func (r AlertRule) wrong() string {
	switch b := r.Burn; {
	case !(r.Evaluation > 0):
		return fmt.Sprintf("evaluation is %v; it must be positive", r.Evaluation)
	case r.Hop < 0:
		return fmt.Sprintf("hop is %v; it must not be negative", r.Hop)
	case r.For < 0:
		return fmt.Sprintf("for is %v; it must not be negative", r.For)
	case b == nil:
		return ""
	case r.Condition != "":
		return "it has both burn and condition; it must have one of them at most"
	case !(b.Short > 0) || !(b.Long > 0):
		return fmt.Sprintf("its windows are %v and %v; both must be positive", b.Long, b.Short)
	case !(b.Threshold > 0 && b.Threshold < 1):
		return fmt.Sprintf("threshold is %v; it must be between 0 and 1", b.Threshold)
	case b.LeastBad < 0:
		return fmt.Sprintf("leastBad is %d; it must not be negative", b.LeastBad)
	}
	return ""
}
