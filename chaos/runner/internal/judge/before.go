package judge

import (
	"fmt"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

const (
	// minEvents in a baseline below which an error ratio means nothing.
	minEvents = 100
	// maxSkew is how well the two clocks must be known to agree: with more, a
	// sample could be filed under the wrong phase.
	maxSkew = time.Second
)

// Before returns what keeps a fault from being injected, given the evidence so
// far: nothing means that the next step may be taken.
func Before(x *result.Spec, ev *result.Evidence) []Finding {
	var out []Finding
	gate := func(r result.Reason, format string, args ...any) {
		out = append(out, finding(rankGate, r, fmt.Sprintf(format, args...)))
	}
	b := ev.Before
	if b.Refused != nil {
		gate(b.Refused.Reason, "%s", b.Refused.Detail)
		return out
	}
	for _, why := range TooShort(x) {
		gate(result.PhasesTooShort, "%s", why)
	}
	for _, left := range b.Residue {
		gate(result.ResidueBefore, "%s; run `ballast sweep` first", left)
	}
	for _, f := range b.Failed {
		gate(reason(f.Trouble.Kind, result.TargetUnreachable), "%s: %s", f.Doing, f.Trouble.Detail)
	}
	out = append(out, beforeClock(b.Clock)...)
	out = append(out, beforeRules(b.Rules)...)
	if ev.Plan != nil {
		out = append(out, beforePlan(x, ev.Plan)...)
	}
	out = append(out, unsettled(b.Settled)...)
	if !x.IgnoreBudget {
		for _, why := range overdrawn(x, ev) {
			gate(result.BudgetExhausted, "%s", why)
		}
	}
	if ev.Baseline != nil {
		out = append(out, beforeFault(x, ev)...)
	}
	return out
}

// beforeClock bounds what is not known about the clocks. What is known is corrected.
func beforeClock(c *result.Clock) []Finding {
	if c == nil {
		return nil
	}
	if u := c.Uncertainty.Duration(); u > maxSkew {
		return []Finding{finding(rankGate, result.PrometheusUnreachable,
			fmt.Sprintf("Prometheus took %s to say its time, so that its clock and this machine's cannot be compared to %s", 2*u, maxSkew))}
	}
	if c.Drift != nil {
		if d := c.Drift.Duration(); d > maxSkew || d < -maxSkew {
			return []Finding{finding(rankGate, result.PrometheusUnreachable,
				fmt.Sprintf("the clocks of Prometheus and of this machine moved against each other by %s during the run; set both by NTP", d.Round(time.Millisecond)))}
		}
	}
	return nil
}

// beforePlan bounds the blast radius and finds faults without a target.
func beforePlan(x *result.Spec, p *result.Plan) []Finding {
	var out []Finding
	gate := func(r result.Reason, format string, args ...any) {
		out = append(out, finding(rankGate, r, fmt.Sprintf(format, args...)))
	}
	for _, f := range p.Faults {
		if len(f.Targets) == 0 {
			gate(result.NoTarget, "%s: the selector matches no target", f.Fault)
		}
	}
	if len(p.Faults) != p.Asked {
		gate(result.NotInjected, "the target planned %d of %d faults", len(p.Faults), p.Asked)
	}
	limit := x.Radius
	switch {
	case limit == nil && x.RadiusRequired:
		gate(result.BlastRadius, "the experiment has no blastRadius; on this target it must have one")
	case limit == nil:
	default:
		if limit.MaxTargets > 0 && p.Radius.Targets > limit.MaxTargets {
			gate(result.BlastRadius, "%d targets would be hit, maxTargets is %d", p.Radius.Targets, limit.MaxTargets)
		}
		if limit.MaxPercent > 0 && p.Radius.Percent > limit.MaxPercent {
			gate(result.BlastRadius, "%.3g%% of the workload's ready pods would be hit, maxPercent is %.3g%%", p.Radius.Percent, limit.MaxPercent)
		}
	}
	return out
}

// beforeFault judges the steady state: everything must hold before it is disturbed.
func beforeFault(x *result.Spec, ev *result.Evidence) []Finding {
	var out []Finding
	b := ev.Baseline
	if ev.Moments.T0 == nil {
		out = append(out, unevaluated(ev, rankGate)...)
	}
	gate := func(r result.Reason, format string, args ...any) {
		out = append(out, finding(rankGate, r, "in the baseline: "+fmt.Sprintf(format, args...)))
	}
	blind := func(what string, t *result.Trouble) {
		gate(reason(t.Kind, result.NoData), "%s: %s", what, t.Detail)
	}
	for _, bound := range x.Instrument {
		r, ok := readingOf(b.Instrument, bound.Name)
		switch bs := boundsOf(bound); {
		case !ok || r.Trouble != nil:
			blind(bound.Name+", which bounds the instrument", orUnread(r.Trouble))
		case !bs.hold(float64(r.Value)):
			gate(result.InstrumentUnfit, "%s is %.4g, %s", bound.Name, float64(r.Value), bs)
		}
	}
	if b.HealthTrouble != nil {
		blind("pods of the target", b.HealthTrouble)
	}
	ready := 0
	for _, p := range b.Health {
		ready += p.Ready
		if p.Ready < p.Wanted {
			gate(result.BaselineUnhealthy, "%s has %d of %d pods ready before the fault", p.Workload, p.Ready, p.Wanted)
		}
	}
	if b.HealthTrouble == nil && ready == 0 {
		gate(result.BaselineUnhealthy, "no target is ready before the fault")
	}
	for _, s := range x.SLOs {
		out = append(out, steadySLO(s, b)...)
	}
	for _, v := range x.Values {
		r, ok := readingOf(b.Values, v.Name)
		switch bs := boundsOf(v); {
		case !ok || r.Trouble != nil:
			blind(v.Name, orUnread(r.Trouble))
		case !bs.hold(float64(r.Value)):
			gate(result.BaselineUnhealthy, "%s does not hold before the fault: %.4g, %s", v.Name, float64(r.Value), bs)
		}
	}
	if b.AlertsTrouble != nil {
		blind("alerts", b.AlertsTrouble)
	}
	for _, f := range x.Forbid {
		for _, a := range matching(b.Alerts, f) {
			gate(result.BaselineUnhealthy, "forbidden alert %s is %s before the fault", a.Name, a.State)
		}
	}
	for _, e := range x.Expect {
		for _, a := range matching(b.Alerts, e.Match) {
			gate(result.BaselineUnhealthy, "expected alert %s is %s before the fault, so that its firing would prove nothing", a.Name, a.State)
		}
	}
	return out
}

func steadySLO(s result.SLO, b *result.Steady) []Finding {
	gate := func(r result.Reason, format string, args ...any) []Finding {
		return []Finding{finding(rankGate, r, "in the baseline: "+fmt.Sprintf(format, args...))}
	}
	for _, c := range b.SLOs {
		if c.SLO != s.Name {
			continue
		}
		e := events{bad: c.Bad, total: c.Total, span: c.Over.Duration()}
		switch {
		case c.Trouble != nil:
			return gate(reason(c.Trouble.Kind, result.NoData), "%s: %s", s.Name, c.Trouble.Detail)
		case e.total < minEvents:
			return gate(result.LowTraffic, "%s counted %.0f events, %d are needed; raise the load or lengthen the baseline", s.Name, e.total, minEvents)
		case !e.within(s.Objective):
			return gate(result.BaselineUnhealthy, "%s does not hold before the fault: %.0f of %.0f events are bad, %.3g%% allowed", s.Name, e.bad, e.total, 100*(1-s.Objective))
		}
		return nil
	}
	return gate(result.NoData, "%s was not counted", s.Name)
}

func readingOf(rs []result.Reading, name string) (result.Reading, bool) {
	for _, r := range rs {
		if r.Name == name {
			return r, true
		}
	}
	return result.Reading{}, false
}

func orUnread(t *result.Trouble) *result.Trouble {
	if t == nil {
		return &result.Trouble{Kind: result.TroubleNoData, Detail: "it was not read"}
	}
	return t
}
