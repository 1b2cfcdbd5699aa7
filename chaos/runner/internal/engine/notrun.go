package engine

import (
	"context"
	"errors"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// NotRun is the evidence of an experiment that was not run: inconclusive, for
// the reason given. Nothing was touched.
func NotRun(x experiment.Experiment, attempt int, control bool, reason result.Reason, detail string) result.Run {
	r := newRun(&Engine{cfg: Config{Control: control, Attempt: attempt}}, x)
	r.findings = []finding{{rank: rankGate, reason: reason, detail: detail}}
	r.evidence()
	r.verdict()
	r.res.Ended = time.Now()
	return r.res
}

// interruption names why ctx has ended: the target was lost, or somebody wants
// the run to end.
func interruption(ctx context.Context) (result.Reason, string) {
	if cause := context.Cause(ctx); errors.Is(cause, fault.ErrUnreachable) {
		return result.TargetUnreachable, cause.Error()
	}
	return result.Interrupted, "interrupted"
}
