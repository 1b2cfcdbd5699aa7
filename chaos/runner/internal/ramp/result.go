package ramp

import (
	"fmt"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// Result is what a test found.
type Result struct {
	Verdict result.Verdict `json:"verdict"`
	Reason  result.Reason  `json:"reason,omitempty"`
	// Sentence says it in words.
	Sentence string `json:"sentence"`
	// Sustained is the fastest step at which every SLO held; absent where there is none.
	Sustained *Step `json:"sustained,omitempty"`
	// Broken is the step at which one did not; absent where none broke.
	Broken  *Step   `json:"broken,omitempty"`
	AtLeast float64 `json:"atLeast,omitempty"`
	Steps   []Step  `json:"steps"`
}

// NotBegun is a test whose service or Prometheus could not be reached.
func NotBegun(reason result.Reason, why string) Result { return conclude(Test{}, nil, reason, why) }

// conclude judges all steps together. reason is what ended the test from outside.
func conclude(t Test, steps []Step, reason result.Reason, why string) Result {
	r := Result{AtLeast: t.AtLeast, Steps: steps}
	sustained := 0.0
	for i := range steps {
		if steps[i].Outcome == Held {
			r.Sustained, sustained = &steps[i], steps[i].Rate
		}
	}
	last := Step{Outcome: NotJudged, Reason: reason, Why: why}
	if reason == "" && len(steps) > 0 {
		last = steps[len(steps)-1]
	}
	switch {
	case last.Outcome == NotJudged:
		r.Verdict, r.Reason = result.Inconclusive, last.Reason
		where := ""
		if last.Rate > 0 {
			where = fmt.Sprintf(" at %s", perSecond(last.Rate))
		}
		r.Sentence = fmt.Sprintf("The limit was not found: the test could not be judged%s (%s): %s. %s", where, last.Reason, last.Why, upTo(sustained))
	case last.Outcome == Broken:
		r.Broken = &steps[len(steps)-1]
		r.Verdict = result.Pass
		r.Sentence = fmt.Sprintf("%s broke at %s: %s. %s", last.Broke, perSecond(last.Rate), last.Why, upTo(sustained))
		if sustained == 0 {
			r.Verdict, r.Reason = result.Fail, result.SLOBroken
			r.Sentence += " Start lower to find what does."
		}
	default:
		r.Verdict = result.Pass
		r.Sentence = fmt.Sprintf("Nothing broke up to %s: the limit lies above it.", perSecond(sustained))
	}
	if r.Verdict == result.Pass && sustained < t.AtLeast {
		r.Verdict, r.Reason = result.Fail, result.SLOBroken
		r.Sentence += fmt.Sprintf(" At least %s were asked for.", perSecond(t.AtLeast))
	}
	return r
}

func upTo(sustained float64) string {
	if sustained == 0 {
		return "No rate was seen to hold."
	}
	return fmt.Sprintf("Every SLO held up to %s.", perSecond(sustained))
}

func perSecond(rate float64) string { return fmt.Sprintf("%g requests per second", rate) }
