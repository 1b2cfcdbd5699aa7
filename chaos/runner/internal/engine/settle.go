package engine

import (
	"context"
	"errors"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/judge"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/slo"
)

// burns are the burn alerts that the experiment expects or forbids.
func (r *run) burns() []slo.AlertModel {
	var out []slo.AlertModel
	for _, m := range r.cfg.Alerts {
		if m.Burn != nil && m.LongRatio != "" && judge.Asked(&r.spec, ruleID(m)) {
			out = append(out, m)
		}
	}
	return out
}

func ruleID(m slo.AlertModel) result.RuleID {
	return result.RuleID{Alert: m.Name, Group: m.Group, Labels: m.Labels}
}

// settle waits until errors of earlier experiments have left the long windows of the
// burn alerts that are asked about: with them still there, this experiment's first
// errors would fire what they alone would not.
func (r *run) settle(ctx context.Context) {
	burns := r.burns()
	if r.cfg.SettleTimeout <= 0 || len(burns) == 0 {
		return
	}
	began := time.Now()
	deadline := began.Add(r.cfg.SettleTimeout)
	left, err := r.lasting(ctx, burns)
	if ctx.Err() != nil || err == nil && len(left) == 0 {
		return
	}
	r.journal.enter(result.Settle, deadline)
	for _, l := range left {
		r.cfg.Log.Info("waiting for earlier errors to leave the window of an alert", "run", r.id,
			"alert", l.Rule.Alert, "labels", l.Rule.Labels, "ratio", float64(l.Ratio), "threshold", l.Threshold, "at_most", r.cfg.SettleTimeout.String())
	}
	for err != nil || len(left) > 0 {
		rest := time.Until(deadline)
		if rest <= 0 || !pause(ctx, min(rest, max(r.tick(), r.cfg.Evaluation))) {
			break
		}
		left, err = r.lasting(ctx, burns)
	}
	if ctx.Err() != nil {
		return
	}
	r.ev.Before.Settled = &result.Settled{
		Allowed: result.InSeconds(r.cfg.SettleTimeout), Waited: result.InSeconds(time.Since(began)), Left: left,
	}
	if err != nil {
		r.failed("asking Prometheus whether earlier errors may fire an alert", queryTrouble(err))
	}
}

// lasting returns the burn alerts that earlier errors fire or may fire now.
func (r *run) lasting(ctx context.Context, burns []slo.AlertModel) ([]result.Lasting, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	now := instant()
	series, err := r.querier.Range(ctx, alertsExpr, prom.Window{Start: now, End: now, Step: r.cfg.Scrape})
	if err != nil && !errors.Is(err, prom.ErrNoData) {
		return nil, err
	}
	active := activeAlerts(series)
	var out []result.Lasting
	for _, m := range burns {
		ratio, err := r.longRatio(ctx, m, now)
		if err != nil {
			return nil, err
		}
		l := result.Lasting{Rule: ruleID(m), Ratio: ratio, Threshold: m.Burn.Threshold(m.Objective)}
		l.State = judge.StateOf(l.Rule, active)
		if judge.Unsettled(l) {
			out = append(out, l)
		}
	}
	return out, nil
}

// longRatio is the error ratio over the long window of a burn alert. It is 0 where
// there were no events.
func (r *run) longRatio(ctx context.Context, m slo.AlertModel, at time.Time) (result.Number, error) {
	got, err := r.querier.Instant(ctx, m.LongRatio, at)
	if errors.Is(err, prom.ErrNoData) {
		return 0, nil
	}
	return result.Number(got.V), err
}
