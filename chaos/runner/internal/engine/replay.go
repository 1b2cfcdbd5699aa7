package engine

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

// windowPoints is how many points of a window are read of what was before the run.
const windowPoints = 100

// collectReplay reads what expected alerts are predicted from: the errors of their SLOs,
// and when the conditions of others were met. w is the run in steps that are finer than a
// scrape and an evaluation, as alerts are read in it. It returns false when Prometheus
// did not answer.
func (r *run) collectReplay(ctx context.Context, w prom.Window) bool {
	if r.spec.Control || r.ev.Moments.T0 == nil {
		return true
	}
	all := true
	for _, rules := range r.burnRules() {
		errors := r.errorSeries(ctx, rules, w)
		r.ev.Series.Errors = append(r.ev.Series.Errors, errors)
		all = all && errors.Unread == nil
	}
	for _, e := range r.spec.Expect {
		for _, rule := range e.Rules {
			known := func(c result.Condition) bool { return reflect.DeepEqual(c.Rule, rule.Rule) }
			if rule.Condition == "" || slices.ContainsFunc(r.ev.Series.Conditions, known) {
				continue
			}
			c := r.condition(ctx, rule, w)
			r.ev.Series.Conditions = append(r.ev.Series.Conditions, c)
			all = all && c.Unread == nil
		}
	}
	return all
}

// burnRules are those of the expected alerts, by their SLO, in order.
func (r *run) burnRules() [][]result.BurnRule {
	var out [][]result.BurnRule
	for _, e := range r.spec.Expect {
		for _, rule := range e.Rules {
			if rule.Burn == nil {
				continue
			}
			i := slices.IndexFunc(out, func(of []result.BurnRule) bool { return of[0].SLO == rule.Burn.SLO })
			if i < 0 {
				i = len(out)
				out = append(out, nil)
			}
			out[i] = append(out[i], *rule.Burn)
		}
	}
	return out
}

// errorSeries reads the events of one SLO over the windows of its rules. The further
// back, the larger the steps: they grow with the shortest window that reaches so far. Prometheus' own rules
// count a series from its first sample on, and so does this.
func (r *run) errorSeries(ctx context.Context, rules []result.BurnRule, w prom.Window) result.Errors {
	out := result.Errors{SLO: rules[0].SLO}
	expr := eventsBy("max", rules[0].Good, rules[0].Total, r.spec.Timing.Scrape.Duration())
	tl := &tally{}
	for _, part := range append(r.past(rules, w.Start), w) {
		series, err := r.querier.RangeOfAnyAge(ctx, expr, part)
		if err != nil {
			return result.Errors{SLO: out.SLO, Unread: queryTrouble(err)}
		}
		tl.addRange(series, part, nil)
	}
	out.Steps = slices.DeleteFunc(tl.steps, func(c result.Count) bool { return c.Missing })
	return out
}

// past is what the rules look back at before a time, in order.
func (r *run) past(rules []result.BurnRule, began time.Time) []prom.Window {
	var longs []time.Duration
	for _, b := range rules {
		longs = append(longs, max(b.Long.Duration(), b.Short.Duration()))
	}
	slices.Sort(longs)
	var out []prom.Window
	until := began
	for _, long := range slices.Compact(longs) {
		step := max(r.cfg.Scrape, (long / windowPoints).Round(time.Millisecond))
		from := began.Add(-long - step)
		out = append(out, prom.Window{Start: from, End: until.Add(-time.Millisecond), Step: step})
		until = from
	}
	slices.Reverse(out)
	return out
}

// condition reads when the condition of a rule was met, and by which series.
func (r *run) condition(ctx context.Context, rule result.AlertRule, w prom.Window) result.Condition {
	c := result.Condition{Rule: rule.Rule, Step: result.InSeconds(w.Step)}
	series, err := r.querier.RangeOfAnyAge(ctx, rule.Condition, w)
	if err != nil {
		c.Unread = queryTrouble(err)
		return c
	}
	for _, s := range series {
		labels := map[string]string{}
		for k, v := range s.Labels {
			if k != "__name__" {
				labels[k] = v
			}
		}
		c.Met = append(c.Met, result.Met{Labels: labels, Spans: spansOf(s.Points, w)})
	}
	slices.SortFunc(c.Met, func(a, b result.Met) int {
		return cmp.Compare(seriesID(a.Labels), seriesID(b.Labels))
	})
	return c
}
