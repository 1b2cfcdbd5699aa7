package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/internal/slo"
)

const (
	// dataPending is how long data may be missing, or contradict itself, before that is
	// a fault of the measurement.
	dataPending = 10 * time.Minute
	// longInterval is how often windows are computed that only tickets need. They read
	// up to three days and move slowly.
	longInterval = 2 * time.Minute
	// budgetInterval is how often the period's budget is computed. It reads the
	// whole period each time.
	budgetInterval = 5 * time.Minute
)

// FromSLO makes the rules of one SLO in three groups, each with at most 20 rules, the
// most that Azure Monitor takes, and the heartbeat last.
//
// The first has the windows of pages and the short ones of tickets, the pages, and the
// alerts about the data itself: one group, so that a page sees a scrape after one
// evaluation. The second has the long windows of tickets and the alerts of alert policies,
// the third the budget of the whole period, each at an interval of its own. Where time is
// judged and no events are counted, the first begins with the slice that ends now, and is
// evaluated once a slice.
//
// An error ratio counts events, so that a busy minute weighs more than a quiet one. It
// is absent without traffic and where good or total events are not there: neither NaN,
// which would poison later sums, nor a zero that says all is well, nor a one that pages
// for a misspelt selector. Other alerts say what is wrong with the data.
func FromSLO(s slo.SLO) []rulefmt.RuleGroup { return From(s, Options{}) }

// Options are what the makers of rules may choose.
type Options struct {
	// RunbookBase is what runbook_url begins with where a document gives none, up to
	// the name of the alert and ".md"; empty for RunbookBase.
	RunbookBase string
	// Note is called by Lint with what is not a fault and worth knowing; it may be nil.
	Note func(document.Problem)
}

// From is FromSLO with options.
func From(s slo.SLO, o Options) []rulefmt.RuleGroup {
	g := generator{s, o}
	quick, slow := g.windows()
	groups := []rulefmt.RuleGroup{
		{
			Name: "slo-" + s.Name, Interval: g.interval(),
			Rules: slices.Concat(g.slice(), g.ratios(quick), g.counts(slo.Page), g.burnRate(), g.burnAlerts(slo.Page), g.dataAlerts()),
		},
		{
			Name: "slo-" + s.Name + "-long", Interval: model.Duration(longInterval),
			Rules: slices.Concat(g.ratios(slow), g.ratios(g.policyWindows()), g.counts(slo.Ticket), g.policyCounts(), g.burnAlerts(slo.Ticket), g.policyAlerts()),
		},
		{
			Name: "slo-" + s.Name + "-budget", Interval: model.Duration(budgetInterval),
			Rules: slices.Concat(g.constants(), g.budget(), g.exhausted()),
		},
	}
	for i := range groups {
		groups[i].Rules = append(groups[i].Rules, heartbeat(groups[i].Name, g.labels()))
	}
	return groups
}

// BurnAlertName is the alertname of all tiers of an SLO's burn-rate alert, which labels
// tell apart.
func BurnAlertName(slo string) string { return camelCase(slo) + "BudgetBurn" }

// BlindAlertName is the alertname where nothing measures an SLO.
func BlindAlertName(slo string) string { return camelCase(slo) + "NoData" }

// IdleAlertName is the alertname where an SLO has had no events for a while.
func IdleAlertName(slo string) string { return camelCase(slo) + "Idle" }

// ExhaustedAlertName is the alertname where no error budget is left.
func ExhaustedAlertName(slo string) string { return camelCase(slo) + "BudgetExhausted" }

// ExceedsAlertName is the alertname where more events are good than there are.
func ExceedsAlertName(slo string) string { return camelCase(slo) + "GoodExceedsTotal" }

type generator struct {
	slo     slo.SLO
	options Options
}

// windows are those of the error ratios that the first and the second group record.
func (g generator) windows() (quick, slow []time.Duration) {
	for _, t := range g.slo.Tiers() {
		quick = append(quick, t.Short)
		if t.Severity == slo.Page {
			quick = append(quick, t.Long)
		}
	}
	slices.Sort(quick)
	quick = slices.Compact(quick)
	for _, t := range g.slo.Tiers() {
		if !slices.Contains(quick, t.Long) {
			slow = append(slow, t.Long)
		}
	}
	return quick, slow
}

// labels are those of every recorded series.
func (g generator) labels() map[string]string {
	return map[string]string{LabelSLO: g.slo.Name, LabelService: g.slo.Service}
}

// alertLabels are those of every alert, with what the document carries.
func (g generator) alertLabels(severity string) map[string]string {
	all := map[string]string{}
	for name, value := range g.slo.Labels {
		all[labelName(name)] = literal(value)
	}
	maps.Copy(all, g.labels())
	all[LabelSeverity] = severity
	return all
}

func (g generator) record(name, expr string) rulefmt.Rule {
	return rulefmt.Rule{Record: name, Expr: expr, Labels: g.labels()}
}

func (g generator) recordWindow(name string, w time.Duration, expr string) rulefmt.Rule {
	r := g.record(name, expr)
	r.Labels[LabelWindow] = window(w)
	return r
}

// by is the aggregation that keeps the labels by which the SLO is grouped.
func (g generator) by(op string) string {
	if len(g.slo.GroupBy) == 0 {
		return op
	}
	return op + " by (" + strings.Join(g.slo.GroupBy, ", ") + ") "
}

// of selects a recorded series of this SLO.
func (g generator) of(name string) string { return fmt.Sprintf("%s{slo=%q}", name, g.slo.Name) }

// at is a recorded series of this SLO over a window, without the label window.
func (g generator) at(name string, w time.Duration) string {
	return fmt.Sprintf("max without (window) (%s)", RecordedAt(name, g.slo.Name, w))
}

// RecordedAt selects the series of an SLO that is recorded for a window.
func RecordedAt(series, slo string, w time.Duration) string {
	return fmt.Sprintf("%s{slo=%q,window=%q}", series, slo, window(w))
}

// ratio is the expression of the error ratio over one window. Both sides are rates
// over the same samples, so that resets and extrapolation cancel out. Good events
// beyond the total, which scrapes in between can show, are not better than none bad.
// What is rounded away is the noise of binary fractions: a burn at exactly the rate
// that an objective allows must not cross it.
func (g generator) ratio(w time.Duration) string {
	if g.slo.Slices != nil {
		return g.meanOfSlices(w)
	}
	return fmt.Sprintf(`round(
  clamp_min(
    1 - %[1]s(rate(%[2]s[%[4]s]))
      / (%[1]s(rate(%[3]s[%[4]s])) > 0),
    0
  ),
  1e-12
)
`, g.by("sum"), g.slo.Good, g.slo.Total, window(w))
}

func (g generator) ratios(windows []time.Duration) []rulefmt.Rule {
	var rules []rulefmt.Rule
	for _, w := range windows {
		rules = append(rules, g.recordWindow(slo.SeriesErrorRatio, w, g.ratio(w)))
	}
	return rules
}

// counts are the events over the long windows of a severity's tiers.
func (g generator) counts(severity string) []rulefmt.Rule {
	var rules []rulefmt.Rule
	for _, t := range g.slo.Tiers() {
		if t.Severity == severity {
			rules = append(rules, g.count(t.Long)...)
		}
	}
	return rules
}

func (g generator) count(w time.Duration) []rulefmt.Rule {
	events := fmt.Sprintf("%s(increase(%s[%s]))", g.by("sum"), g.slo.Total, window(w))
	if g.slo.Slices != nil {
		events = fmt.Sprintf("count_over_time(%s[%s])", g.of(slo.SeriesSlice), window(w))
	}
	return []rulefmt.Rule{
		g.recordWindow(slo.SeriesEvents, w, events),
		g.recordWindow(slo.SeriesBadEvents, w, fmt.Sprintf("%s\n  * %s\n",
			RecordedAt(slo.SeriesErrorRatio, g.slo.Name, w), RecordedAt(slo.SeriesEvents, g.slo.Name, w))),
	}
}

func (g generator) burnRate() []rulefmt.Rule {
	return []rulefmt.Rule{g.record(slo.SeriesBurnRate,
		fmt.Sprintf("%s / %s", g.at(slo.SeriesErrorRatio, g.shortest()), number(g.slo.Budget())))}
}

func (g generator) shortest() time.Duration { return g.slo.Tiers()[0].Short }
