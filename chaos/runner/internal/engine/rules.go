package engine

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/judge"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/slo"
)

// rules asks Prometheus for the rules of the alerts that are expected or
// forbidden, and compares them with those of the rule files.
func (r *run) rules(ctx context.Context) {
	if len(r.spec.Expect)+len(r.spec.Forbid) == 0 {
		return
	}
	groups, err := r.evaluatedRules(ctx)
	if ctx.Err() != nil {
		return
	}
	rules := &result.Rules{Unknown: errors.Is(err, prom.ErrNoRulesAPI)}
	if err != nil && !rules.Unknown {
		r.failed("asking Prometheus for its rules", queryTrouble(err))
		return
	}
	for _, m := range r.askedAbout() {
		rules.Wanted = append(rules.Wanted, ruleID(m))
	}
	if rules.Unknown {
		beating, err := r.heartbeats(ctx, rules.Wanted)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			r.failed("asking Prometheus for the heartbeats of its rules", queryTrouble(err))
			return
		}
		rules.Heartbeats = beating
	}
	for _, g := range groups {
		for _, rule := range g.Rules {
			if r.asked(rule) {
				rules.Loaded = append(rules.Loaded, result.RuleID{Alert: rule.Name, Labels: rule.Labels})
			}
		}
	}
	r.ev.Before.Rules = rules
}

// evaluatedRules returns the rules that Prometheus has loaded. It waits until each that
// is asked for was evaluated once: the first evaluation of a group comes up to an interval
// after Prometheus has loaded it. What is not by then is for the baseline to find.
func (r *run) evaluatedRules(ctx context.Context) ([]prom.RuleGroup, error) {
	began := time.Now()
	for {
		groups, err := r.querier.Rules(ctx)
		if err != nil {
			return nil, err
		}
		slowest, waits := time.Duration(0), false
		for _, g := range groups {
			if slices.ContainsFunc(g.Rules, func(rule prom.Rule) bool { return r.asked(rule) && rule.LastEvaluation.IsZero() }) {
				slowest, waits = max(slowest, g.Interval), true
			}
		}
		if !waits || time.Since(began) > slowest+r.warmUpTimeout() || !pause(ctx, r.tick()) {
			return groups, nil
		}
	}
}

// askedAbout are the alerts that the experiment expects or forbids.
func (r *run) askedAbout() []slo.AlertModel {
	var out []slo.AlertModel
	for _, m := range r.cfg.Alerts {
		if judge.Asked(&r.spec, ruleID(m)) {
			out = append(out, m)
		}
	}
	return out
}

func ruleID(m slo.AlertModel) result.RuleID {
	return result.RuleID{Alert: m.Name, Group: m.Group, Labels: m.Labels}
}

// asked says whether the rule is that of an alert which is expected or forbidden.
func (r *run) asked(rule prom.Rule) bool {
	return rule.Alert && judge.Asked(&r.spec, result.RuleID{Alert: rule.Name, Labels: rule.Labels})
}

// heartbeats returns the groups that show that they are evaluated. It waits for those of
// the rules given, as a Prometheus that has just begun has evaluated none yet.
func (r *run) heartbeats(ctx context.Context, wanted []result.RuleID) ([]string, error) {
	deadline := time.Now().Add(r.warmUpTimeout())
	for {
		ages, err := r.querier.Heartbeats(ctx)
		if err != nil {
			return nil, err
		}
		silent := slices.ContainsFunc(wanted, func(w result.RuleID) bool {
			_, beats := ages[w.Group]
			return !beats
		})
		if !silent || time.Now().After(deadline) || !pause(ctx, r.tick()) {
			return slices.Sorted(maps.Keys(ages)), nil
		}
	}
}

// takeRules keeps the worst that was seen of each rule's evaluation.
func (r *run) takeRules(l look) {
	if l.heartbeats != nil {
		r.takeHeartbeats(l)
	}
	for _, g := range l.rules {
		for _, rule := range g.Rules {
			if !r.asked(rule) {
				continue
			}
			reading := result.RuleReading{Group: g.Name, Alert: rule.Name, At: l.t, Interval: result.InSeconds(g.Interval), Error: rule.Error}
			if rule.LastEvaluation.IsZero() {
				reading.Error = "it has not been evaluated yet"
			} else {
				reading.Age = result.InSeconds(l.t.Sub(rule.LastEvaluation))
			}
			r.ev.Watch.Rules = judge.Staler(r.ev.Watch.Rules, reading)
		}
	}
}

// takeHeartbeats does so where only the groups can be seen, and not their rules.
func (r *run) takeHeartbeats(l look) {
	for _, m := range r.askedAbout() {
		reading := result.RuleReading{Group: m.Group, Alert: m.Name, At: l.t, Interval: result.InSeconds(m.Every(r.cfg.sight()))}
		age, beats := l.heartbeats[m.Group]
		if reading.Age = result.InSeconds(age); !beats {
			reading.Error = "its group has no heartbeat any more"
		}
		r.ev.Watch.Rules = judge.Staler(r.ev.Watch.Rules, reading)
	}
}
