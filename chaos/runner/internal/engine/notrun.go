package engine

import (
	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// NotRun is the evidence of an experiment that was not run: inconclusive, for
// the reason given. Nothing was touched.
func NotRun(x experiment.Experiment, attempt int, control bool, reason result.Reason, detail string) result.Run {
	e := &Engine{cfg: Config{Control: control, Attempt: attempt}.withDefaults()}
	r := newRun(e, x)
	for i := range r.spec.Expect {
		r.spec.Expect[i].Unpredictable = "" // nobody looked
	}
	r.ev.Before.Refused = &result.Refusal{Reason: reason, Detail: result.Redact(detail)}
	out := r.verdict()
	out.Overhead = 0
	return out
}
