package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/slo"
)

// budgetAge is how old the newest record of a budget may be: its group is evaluated every
// five minutes, and one evaluation may be late.
const budgetAge = 15 * time.Minute

// budgets reads what is left of the error budgets that the command may spend from, so that
// nothing is spent from one that is gone. Of several groups of one SLO the least counts.
// Where nothing records it, or Prometheus does not keep the whole period, it is unknown.
func (r *run) budgets(ctx context.Context) {
	for _, name := range r.spent() {
		b := result.Budget{SLO: name}
		if planned, ok := r.cfg.Planned[name]; ok {
			b.Planned = &planned
		}
		at := instant()
		left, err := r.recorded(ctx, slo.SeriesBudgetRemaining, name)
		if err == nil && left == nil {
			b.Unknown = true
			b.Covered, err = r.recorded(ctx, slo.SeriesCoverage, name)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			r.failed("asking Prometheus what is left of the error budgets", queryTrouble(err))
			return
		}
		b.At = &at
		if left != nil {
			b.Left = *left
		}
		r.ev.Before.Budgets = append(r.ev.Before.Budgets, b)
	}
}

// spent are the SLOs that the command may spend from: those of this run, then those that
// only others name.
func (r *run) spent() []string {
	var names []string
	for _, s := range r.spec.SLOs {
		if s.MaxBudgetSpend != nil {
			names = append(names, s.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.cfg.Planned)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// recorded is the least of what the rules recorded last for an SLO; nil where that is not a
// number, or nothing.
func (r *run) recorded(ctx context.Context, series, name string) (*result.Number, error) {
	expr := fmt.Sprintf("min(last_over_time(%s{slo=%q}[%s]))", series, name, model.Duration(budgetAge))
	got, err := r.querier.Instant(ctx, expr, time.Time{})
	switch {
	case err == nil:
		n := result.Number(got.V)
		return &n, nil
	case errors.Is(err, prom.ErrNoData), errors.Is(err, prom.ErrStale), errors.Is(err, prom.ErrNotFinite):
		return nil, nil
	}
	return nil, err
}
