package rules

import (
	"fmt"
	"maps"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/slo"
)

// covered is the share of the period that has to be known for its budget to be.
const covered = "0.99"

// constants are what a dashboard has to know of the document.
func (g generator) constants() []rulefmt.Rule {
	info := g.record(slo.SeriesInfo, "vector(1)")
	for name, value := range g.slo.Labels {
		info.Labels[labelName(name)] = value
	}
	info.Labels["objective"] = number(g.slo.Objective)
	info.Labels["period"] = window(g.slo.Window)
	rules := []rulefmt.Rule{
		g.record(slo.SeriesObjective, fmt.Sprintf("vector(%s)", number(g.slo.Objective))),
		g.record(slo.SeriesPeriod, fmt.Sprintf("vector(%s)", number(g.slo.Window.Seconds()))),
		info,
	}
	for _, t := range g.slo.Burns() {
		r := g.record(slo.SeriesThreshold, fmt.Sprintf("vector(%s)", g.threshold(t)))
		r.Labels[LabelTier] = t.Tier
		r.Labels[LabelLongWindow] = window(t.Long)
		r.Labels[LabelShortWindow] = window(t.Short)
		rules = append(rules, r)
	}
	return rules
}

// budget is the budget of the whole period. What is left of it is only known where the
// counter was there for the whole period: a Prometheus that keeps a day would show a
// bad minute as a budget that is gone. What is known to be spent is always there.
func (g generator) budget() []rulefmt.Rule {
	period := g.slo.Window
	coverage := g.of(slo.SeriesCoverage)
	// Without any event the ratio is absent, and nothing is spent.
	ratio := fmt.Sprintf("(%s or 0 * %s)", g.at(slo.SeriesErrorRatio, period), coverage)
	rules := g.ratios([]time.Duration{period})
	rules = append(rules, g.count(period)...)
	return append(rules,
		g.record(slo.SeriesCoverage, fmt.Sprintf("clamp_max(count_over_time((%s)[%s:1h]) / %d, 1)",
			g.there(), window(period), int(period/time.Hour))),
		g.record(slo.SeriesBudgetRemaining, fmt.Sprintf("1 - %s / %s\nand %s >= %s\n", ratio, number(g.slo.Budget()), coverage, covered)),
		g.record(slo.SeriesBudgetSpent, fmt.Sprintf("%s * %s / %s", ratio, coverage, number(g.slo.Budget()))),
	)
}

// exhausted is the alert that the whole budget is spent, as far as it is known.
func (g generator) exhausted() []rulefmt.Rule {
	name := ExhaustedAlertName(g.slo.Name)
	return []rulefmt.Rule{{
		Alert: name,
		Expr: fmt.Sprintf("%s > 1\nand %s > %s\n", g.of(slo.SeriesBudgetSpent),
			g.at(slo.SeriesBadEvents, g.slo.Window), number(float64(g.slo.LeastBad())-0.5)),
		For:    model.Duration(dataPending),
		Labels: g.alertLabels(slo.Ticket),
		Annotations: g.annotations(name,
			g.title()+" has spent its whole error budget.",
			fmt.Sprintf("{{ $value | humanizePercentage }} of the budget of %s are spent. What may make it worse should wait.", window(g.slo.Window)),
		),
	}}
}

// heartbeat is the rule that shows that a group is evaluated. It is the last one: the
// rules before it have had their turn.
func heartbeat(group string, labels map[string]string) rulefmt.Rule {
	all := map[string]string{}
	maps.Copy(all, labels)
	all[prom.GroupLabel] = group
	return rulefmt.Rule{Record: prom.Heartbeat, Expr: "time()", Labels: all}
}
