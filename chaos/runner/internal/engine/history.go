package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/common/model"

	"github.com/ballast-sre/ballast/chaos/runner/internal/judge"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/slo"
)

// historySteps is in how many steps the longest window is searched for its oldest sample.
const historySteps = 100

// histories asks how far back the samples go that the expected and forbidden alerts
// look back at, once for each selector. Where they fill the windows, nothing else is asked.
func (r *run) histories(ctx context.Context) {
	var asked []slo.AlertModel
	longest := map[string]time.Duration{} // by selector
	for _, m := range r.askedAbout() {
		if m.Total != "" && m.Window() > 0 {
			asked = append(asked, m)
			longest[m.Total] = max(longest[m.Total], r.scaled(m.Window()))
		}
	}
	known := map[string]result.History{}
	for _, m := range asked {
		h, ok := known[m.Total]
		if !ok {
			var err error
			h, err = r.history(ctx, m.Total, longest[m.Total])
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				r.failed("asking Prometheus how far its samples go back", queryTrouble(err))
				return
			}
			known[m.Total] = h
		}
		h.Rule, h.Window = ruleID(m), result.InSeconds(r.scaled(m.Window()))
		if m.Burn != nil {
			h.SLO, h.Threshold = m.SLO, m.Burn.Threshold(m.Objective)
			h.Ratio = r.ratioOfYoung(ctx, m, h)
		}
		if ctx.Err() != nil {
			return
		}
		r.ev.Before.Histories = append(r.ev.Before.Histories, h)
	}
}

// ratioOfYoung is the error ratio over what there is of a window. Without it, an
// alert that fires cannot be explained away.
func (r *run) ratioOfYoung(ctx context.Context, m slo.AlertModel, h result.History) *result.Number {
	if m.LongRatio == "" || !judge.Young(h, h.At) {
		return nil
	}
	ratio, err := r.longRatio(ctx, m, h.At)
	if err != nil {
		return nil
	}
	return &ratio
}

func (r *run) scaled(d time.Duration) time.Duration { return r.cfg.scaled(d) }

// scaled is a duration of the rule files in the time of the target.
func (cfg Config) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) / cfg.AlertScale).Round(time.Millisecond)
}

// history finds the oldest sample of the counters within a window; none is a history
// of no length.
func (r *run) history(ctx context.Context, selector string, window time.Duration) (result.History, error) {
	step := max(r.cfg.Scrape, (window / historySteps).Round(time.Millisecond))
	expr := fmt.Sprintf("time() - min(min_over_time(timestamp(%s)[%s:%s]))", selector, model.Duration(window), model.Duration(step))
	h := result.History{At: instant(), Step: result.InSeconds(step)}
	got, err := r.querier.Instant(ctx, expr, h.At)
	if err != nil && !errors.Is(err, prom.ErrNoData) && !errors.Is(err, prom.ErrStale) {
		return h, err
	}
	if err == nil {
		h.Reaches = result.Seconds(max(0, got.V))
	}
	return h, nil
}
