package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

// preflight asks whether a run makes sense at all.
func (r *run) preflight(ctx context.Context) bool {
	r.enter(result.Preflight, time.Time{})
	left, err := r.cfg.Target.Residue(ctx)
	if r.stopped(ctx) {
		return false
	}
	if err != nil {
		r.find(rankGate, targetReason(err, result.TargetUnreachable), fmt.Sprintf("asking the target for residue: %v", err))
		return false
	}
	for _, l := range left {
		r.find(rankGate, result.ResidueBefore, l.String()+"; run `ballast sweep` first")
	}
	if len(left) > 0 {
		return false
	}

	asked := time.Now()
	clock, err := r.cfg.Querier.Instant(ctx, "time()", time.Time{})
	answered := time.Now()
	if r.stopped(ctx) {
		return false
	}
	if err != nil {
		r.find(rankGate, dataReason(err), fmt.Sprintf("asking Prometheus for its time: %v", err))
		return false
	}
	// A skew of a scrape interval would file samples under the wrong phase.
	skew := clockSkew(asked, answered, time.UnixMilli(int64(clock.V*1000)))
	if skew > max(r.cfg.Scrape, time.Second) {
		r.find(rankGate, result.PrometheusUnreachable,
			fmt.Sprintf("the clocks of Prometheus and of this machine differ by %s; set both by NTP", skew.Round(time.Millisecond)))
		return false
	}
	return r.anyTarget(ctx)
}

// anyTarget waits for the first scrapes: a Prometheus that scrapes nothing would
// answer every question with silence.
func (r *run) anyTarget(ctx context.Context) bool {
	deadline := time.Now().Add(max(r.cfg.WarmUpTimeout, 2*r.cfg.Scrape))
	for {
		up, err := r.cfg.Querier.Instant(ctx, "count(up)", time.Time{})
		if r.stopped(ctx) {
			return false
		}
		if err == nil && up.V > 0 {
			return true
		}
		if err != nil && dataReason(err) == result.PrometheusUnreachable || time.Now().After(deadline) {
			if err == nil {
				err = prom.ErrNoData
			}
			r.find(rankGate, dataReason(err), fmt.Sprintf("Prometheus scrapes no target, count(up): %v", err))
			return false
		}
		pause(ctx, r.tick())
	}
}

// clockSkew is how far the other clock is outside of the time that the question took.
func clockSkew(asked, answered, theirs time.Time) time.Duration {
	switch {
	case theirs.Before(asked):
		return asked.Sub(theirs)
	case theirs.After(answered):
		return theirs.Sub(answered)
	}
	return 0
}

// resolve plans the faults and bounds the blast radius.
func (r *run) resolve(ctx context.Context) bool {
	r.enter(result.Planning, time.Time{})
	// The faults end by themselves a little after the run would have removed
	// them: a runner that is gone leaves nothing that lasts.
	outlive := r.cfg.ConfirmTimeout + r.x.Observe + r.x.Recover + r.cfg.CleanupTimeout
	faults := make([]fault.Fault, 0, len(r.x.Faults))
	for _, f := range r.x.Faults {
		faults = append(faults, fault.WithDuration(f, outlive))
	}
	plan, err := r.cfg.Target.Plan(ctx, r.id, faults)
	if r.stopped(ctx) {
		return false
	}
	if err != nil {
		r.find(rankGate, targetReason(err, result.TargetUnreachable), fmt.Sprintf("planning the faults: %v", err))
		return false
	}
	r.plan = plan
	radius := plan.Radius()
	r.res.Radius = result.Radius{Targets: radius.Targets, Percent: radius.Percent}
	for _, p := range plan.Faults {
		rf := faultRecord(p)
		r.res.Faults = append(r.res.Faults, rf)
		r.emit(result.Event{Type: result.EventPlan, Fault: &rf})
		if len(p.Targets) == 0 {
			r.find(rankGate, result.NoTarget, p.Fault.ID()+": the selector matches no target")
		}
	}
	if len(plan.Faults) != len(faults) {
		r.find(rankGate, result.NotInjected, fmt.Sprintf("the target planned %d of %d faults", len(plan.Faults), len(faults)))
	}
	for _, detail := range radiusExcess(r.x.Radius, radius, r.cfg.RequireBlastRadius) {
		r.find(rankGate, result.BlastRadius, detail)
	}
	return len(r.findings) == 0
}

// radiusExcess says in which ways a plan touches more than the experiment allows.
func radiusExcess(limit *experiment.BlastRadius, r fault.Radius, required bool) []string {
	if limit == nil {
		if required {
			return []string{"the experiment gives no blastRadius; on this target it must"}
		}
		return nil
	}
	var out []string
	if limit.MaxTargets > 0 && r.Targets > limit.MaxTargets {
		out = append(out, fmt.Sprintf("%d targets would be hit, maxTargets is %d", r.Targets, limit.MaxTargets))
	}
	if limit.MaxPercent > 0 && r.Percent > limit.MaxPercent {
		out = append(out, fmt.Sprintf("%.3g%% of the workload's ready pods would be hit, maxPercent is %.3g%%", r.Percent, limit.MaxPercent))
	}
	return out
}

func faultRecord(p fault.Planned) result.Fault {
	rf := result.Fault{
		Kind: p.Fault.Kind, Action: p.Fault.Action, Name: p.Fault.Name, Mode: string(p.Fault.Selector.Mode),
		Duration: result.Seconds(p.Fault.Duration.Seconds()), Emulated: p.Emulated, YAML: p.Fault.YAML, Targets: []string{},
	}
	for _, t := range p.Targets {
		rf.Targets = append(rf.Targets, t.ID())
	}
	return rf
}
