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

// steadyState settles and watches the baseline, and does both again when the baseline ends
// with an alert pending that is asked about, as the replicas that a rollout took away leave
// one: it would fire, or prove nothing, and ends or fires by itself.
func (r *run) steadyState(ctx context.Context) {
	deadline := time.Now().Add(r.cfg.SettleTimeout)
	for {
		r.settle(ctx, deadline)
		if ctx.Err() != nil || len(judge.Before(&r.spec, &r.ev)) > 0 {
			return
		}
		r.baseline(ctx)
		if ctx.Err() != nil || !time.Now().Before(deadline) || !judge.Pending(&r.spec, r.ev.Baseline.Alerts) {
			return
		}
		r.ev.Baseline = nil
	}
}

// settle waits until errors of earlier experiments have left the long windows of the
// burn alerts that are asked about, and until no alert that is asked about is pending: with
// them still there, this experiment's first errors would fire what they alone would not.
func (r *run) settle(ctx context.Context, deadline time.Time) {
	asked := r.askedAbout()
	if r.cfg.SettleTimeout <= 0 || len(asked) == 0 {
		return
	}
	began := time.Now()
	left, err := r.lasting(ctx, asked)
	if ctx.Err() != nil || err == nil && len(left) == 0 {
		return
	}
	r.journal.enter(result.Settle, deadline)
	for _, l := range left {
		r.cfg.Log.Info("waiting until what came before can no longer fire an alert", "run", r.id,
			"alert", l.Rule.Alert, "labels", l.Rule.Labels, "state", l.State, "ratio", float64(l.Ratio), "threshold", l.Threshold, "at_most", time.Until(deadline).String())
	}
	for err != nil || len(left) > 0 {
		rest := time.Until(deadline)
		if rest <= 0 || !pause(ctx, min(rest, max(r.tick(), r.cfg.Evaluation))) {
			break
		}
		left, err = r.lasting(ctx, asked)
	}
	if ctx.Err() != nil {
		return
	}
	settled := result.Settled{Allowed: result.InSeconds(r.cfg.SettleTimeout), Waited: result.InSeconds(time.Since(began)), Left: left}
	if before := r.ev.Before.Settled; before != nil {
		settled.Waited += before.Waited
	}
	r.ev.Before.Settled = &settled
	if err != nil {
		r.failed("asking Prometheus whether earlier errors may fire an alert", queryTrouble(err))
	}
}

// lasting returns the alerts that what came before fires or may fire now.
func (r *run) lasting(ctx context.Context, asked []slo.AlertModel) ([]result.Lasting, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	now := instant()
	series, err := r.querier.Range(ctx, alertsExpr, prom.Window{Start: now, End: now, Step: r.cfg.Scrape})
	if err != nil && !errors.Is(err, prom.ErrNoData) {
		return nil, err
	}
	active := activeAlerts(series)
	var out []result.Lasting
	for _, m := range asked {
		l := result.Lasting{Rule: ruleID(m), State: judge.StateOf(ruleID(m), active)}
		if m.Burn != nil && m.LongRatio != "" {
			if l.Ratio, err = r.longRatio(ctx, m, now); err != nil {
				return nil, err
			}
			l.Threshold = m.Burn.Threshold(m.Objective)
		} else if l.State == judge.StateFiring {
			continue // it would go on for as long as what it is about, and the baseline says so
		}
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
