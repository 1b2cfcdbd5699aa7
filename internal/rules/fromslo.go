package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/ballast-sre/ballast/internal/slo"
)

const (
	// minBadEvents is how many events must have gone bad within the long window
	// before a burn-rate alert may fire. Without it a single failure among the
	// few requests of a quiet hour pages somebody. It counts failures and not
	// traffic, so that a quiet service that only fails is still found.
	minBadEvents = 3
	// blindFor is how long an SLO may be without a ratio before that is a fault
	// of the measurement.
	blindFor = 10 * time.Minute
	// budgetInterval is how often the period's budget is computed. It reads the
	// whole period each time and moves slowly.
	budgetInterval = 5 * time.Minute

	runbookBase = "https://github.com/ballast-sre/ballast/blob/main/docs/runbooks/"
)

// FromSLO makes the rules of one SLO in two groups.
//
// The first holds the error ratio over each burn-rate window, the objective and
// the alerts: one group, so that an alert sees a scrape after one evaluation.
// The second holds the budget of the whole period, at an interval of its own.
// There are at most 20 rules in a group, the most that Azure Monitor takes.
//
// An error ratio counts events, so that a busy minute weighs more than a quiet
// one. It is absent while there is no traffic: neither NaN, which would poison
// later sums, nor a zero that says all is well. A second alert says that the
// SLO is blind.
func FromSLO(s slo.SLO) []rulefmt.RuleGroup {
	g := generator{s}
	return []rulefmt.RuleGroup{
		{Name: "slo-" + s.Name, Rules: slices.Concat(g.ratios(), g.events(), g.metadata(), g.burnAlerts(), g.blindAlert())},
		{Name: "slo-" + s.Name + "-budget", Interval: model.Duration(budgetInterval), Rules: g.budget()},
	}
}

// BurnAlertName is the alertname of an SLO's burn-rate alerts; their labels
// tell the tiers apart.
func BurnAlertName(slo string) string { return camelCase(slo) + "BudgetBurn" }

// BlindAlertName is the alertname of the alert that the SLO has no ratio.
func BlindAlertName(slo string) string { return camelCase(slo) + "NoData" }

type generator struct{ slo slo.SLO }

func (g generator) tiers() []slo.BurnWindow { return g.slo.Tiers() }

func (g generator) labels() map[string]string {
	return map[string]string{LabelSLO: g.slo.Name, LabelService: g.slo.Service}
}

func (g generator) record(name, expr string) rulefmt.Rule {
	return rulefmt.Rule{Record: name, Expr: expr, Labels: g.labels()}
}

// of is the selector of a recorded series of this SLO.
func (g generator) of(name string) string {
	return fmt.Sprintf("%s{slo=%q}", name, g.slo.Name)
}

func ratioName(w time.Duration) string  { return "slo:error:ratio_rate" + window(w) }
func eventsName(w time.Duration) string { return "slo:events:increase" + window(w) }

// ratio is the expression of the error ratio over one window. Both sides are
// rates over the same samples, so that resets and extrapolation cancel out.
// Without good events at all everything is bad; good events beyond the total
// (which scrapes in between can show) are not better than none bad.
func (g generator) ratio(w time.Duration) string {
	return fmt.Sprintf(`clamp_min(
  1 - (sum(rate(%[1]s[%[3]s])) or vector(0))
    / (sum(rate(%[2]s[%[3]s])) > 0),
  0
)
`, g.slo.Good, g.slo.Total, window(w))
}

func (g generator) ratios() []rulefmt.Rule {
	var windows []time.Duration
	for _, t := range g.tiers() {
		windows = append(windows, t.Short, t.Long)
	}
	slices.Sort(windows)
	var rules []rulefmt.Rule
	for _, w := range slices.Compact(windows) {
		rules = append(rules, g.record(ratioName(w), g.ratio(w)))
	}
	return rules
}

func (g generator) events() []rulefmt.Rule {
	var rules []rulefmt.Rule
	for _, t := range g.tiers() {
		rules = append(rules, g.record(eventsName(t.Long), fmt.Sprintf("sum(increase(%s[%s]))", g.slo.Total, window(t.Long))))
	}
	return rules
}

func (g generator) metadata() []rulefmt.Rule {
	return []rulefmt.Rule{
		g.record("slo:objective:ratio", fmt.Sprintf("vector(%s)", number(g.slo.Objective))),
		g.record("slo:error_budget:ratio", fmt.Sprintf("vector(%s)", number(g.slo.Budget()))),
		g.record("slo:burn_rate:ratio", fmt.Sprintf("%s / %s", g.of(ratioName(shortest(g.slo))), number(g.slo.Budget()))),
	}
}

func shortest(s slo.SLO) time.Duration {
	w := s.Window
	for _, t := range s.Tiers() {
		w = min(w, t.Short)
	}
	return w
}

func (g generator) burnAlerts() []rulefmt.Rule {
	var rules []rulefmt.Rule
	for _, t := range g.tiers() {
		threshold := fmt.Sprintf("%s * %s", number(t.Rate), number(g.slo.Budget()))
		labels := g.labels()
		labels[LabelSeverity] = t.Severity
		labels[LabelLongWindow] = window(t.Long)
		labels[LabelShortWindow] = window(t.Short)
		name := BurnAlertName(g.slo.Name)
		rules = append(rules, rulefmt.Rule{
			Alert: name,
			Expr: fmt.Sprintf("%s > %s\nand %s > %s\nand %s * %s >= %d\n",
				g.of(ratioName(t.Long)), threshold,
				g.of(ratioName(t.Short)), threshold,
				g.of(ratioName(t.Long)), g.of(eventsName(t.Long)), minBadEvents),
			Labels: labels,
			Annotations: map[string]string{
				"summary": fmt.Sprintf("%s burns its error budget at %s times the sustainable rate or faster.", g.title(), number(t.Rate)),
				"description": fmt.Sprintf("{{ $value | humanizePercentage }} of the events of the last %s went bad, against %s allowed, and it goes on. At this pace %s of the %s budget are gone within %s.",
					window(t.Long), percent(g.slo.Budget()), percent(t.Share), window(g.slo.Window), window(t.Long)),
				"runbook_url": runbook(name),
			},
		})
	}
	return rules
}

func (g generator) blindAlert() []rulefmt.Rule {
	labels := g.labels()
	labels[LabelSeverity] = slo.Ticket
	name := BlindAlertName(g.slo.Name)
	return []rulefmt.Rule{{
		Alert:  name,
		Expr:   fmt.Sprintf("absent(%s)", g.of(ratioName(shortest(g.slo)))),
		For:    model.Duration(blindFor),
		Labels: labels,
		Annotations: map[string]string{
			"summary":     g.title() + " cannot be judged: there are no events.",
			"description": fmt.Sprintf("For %s nothing was counted: no traffic, or its counter is not scraped. None of the burn-rate alerts of this SLO can fire.", window(blindFor)),
			"runbook_url": runbook(name),
		},
	}}
}

func (g generator) budget() []rulefmt.Rule {
	name := ratioName(g.slo.Window)
	return []rulefmt.Rule{
		g.record(name, g.ratio(g.slo.Window)),
		g.record("slo:error_budget_remaining:ratio", fmt.Sprintf("1 - %s / %s", g.of(name), number(g.slo.Budget()))),
	}
}

func (g generator) title() string {
	if g.slo.DisplayName != "" {
		return g.slo.DisplayName
	}
	return g.slo.Name
}

func runbook(alert string) string { return runbookBase + alert + ".md" }

// window prints a duration as PromQL does: 5m, 1h, 3d; 30d and not 1mo.
func window(d time.Duration) string { return model.Duration(d).String() }

// number prints f without the noise of its binary form: 1 − 0.999 is 0.001. The
// noise of a difference from 1 is below the twelfth decimal, however small the
// difference.
func number(f float64) string {
	const decimals = 12
	return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(f, 'f', decimals, 64), "0"), ".")
}

func percent(f float64) string { return number(100*f) + "%" }

// camelCase turns monitor-availability into MonitorAvailability.
func camelCase(name string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(name, "-") {
		if part != "" {
			b.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return b.String()
}
