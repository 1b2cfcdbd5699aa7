package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/ballast-sre/ballast/internal/slo"
)

const (
	// exceeds is by how much good events may exceed all events: scrapes of a busy
	// counter that lie between two others show that much.
	exceeds = "1.01"
	// escalation is how long after a page trouble with the data is one, too: what is
	// not seen may be the outage that goes on.
	escalation = time.Hour
	// idleKeeps is how long an idle SLO is reported after a single event, so that a
	// request now and then does not end the alert and begin it again.
	idleKeeps = time.Hour
)

// dataAlerts say that the SLO cannot be judged: that a counter is not there (broken,
// or not scraped), that good events exceed all events, or that there are no events.
// Each has one set of labels for all its causes, so that an alert goes on when one
// cause turns into another; the value says which it is.
func (g generator) dataAlerts() []rulefmt.Rule {
	missing, contradicting := g.missingAlert, g.escalating(g.exceedsAlert)
	if g.goodAmongAll() {
		contradicting = nil // it could never fire
	}
	if s := g.slo.Slices; s != nil && s.Query != "" {
		missing, contradicting = g.unmeasuredAlert, nil
		if s.Op == "" {
			contradicting = g.escalating(g.noRatioAlert)
		}
	}
	if g.slo.NoData == slo.NoDataNone {
		return contradicting
	}
	if g.slo.NoData == slo.NoDataPage {
		return append([]rulefmt.Rule{missing(slo.Page), g.idleAlert(slo.Page)}, contradicting...)
	}
	rules := append(g.escalating(missing), contradicting...)
	if g.slo.NoData == slo.NoDataTicket {
		rules = append(rules, g.idleAlert(slo.Ticket))
	}
	return rules
}

// escalating is a ticket, and a page while a page of this SLO fired within the last hour.
func (g generator) escalating(alert func(severity string) rulefmt.Rule) []rulefmt.Rule {
	page := alert(slo.Page)
	on := "on ()"
	if len(g.slo.GroupBy) > 0 {
		on = "on (" + strings.Join(g.slo.GroupBy, ", ") + ")"
	}
	page.Expr = fmt.Sprintf("(\n%s)\nand %s max_over_time(ALERTS{alertname=%q,alertstate=\"firing\",severity=%q,slo=%q}[%s])\n",
		indent(page.Expr), on, BurnAlertName(g.slo.Name), slo.Page, g.slo.Name, window(escalation))
	return []rulefmt.Rule{alert(slo.Ticket), page}
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ") + "\n"
}

// The values of the alert that a counter is not there.
const (
	totalUnseen  = 1 // nothing that has it is scraped, or it has another name
	goodMissing  = 2 // events are counted, good ones are not
	totalMissing = 3 // its target is scraped and does not have it
)

func (g generator) missingAlert(severity string) rulefmt.Rule {
	name := BlindAlertName(g.slo.Name)
	return rulefmt.Rule{
		Alert: name, Expr: g.missing(), For: model.Duration(dataPending), Labels: g.alertLabels(severity),
		Annotations: g.annotations(name,
			g.title()+" cannot be judged: events are not counted.",
			fmt.Sprintf("{{ if eq $value %d.0 }}No series matches the good events, %s, while all events are counted: the selector is wrong, or no event was ever good."+
				"{{ else if eq $value %d.0 }}No series matches all events, %s, though the job is scraped: the selector is wrong, or the program no longer has the metric."+
				"{{ else }}Nothing that counts all events, %s, is scraped.{{ end }} It has been so for %s, and no burn-rate alert of this SLO can begin to fire.",
				goodMissing, literal(g.slo.Good), totalMissing, literal(g.slo.Total), literal(g.slo.Total), window(dataPending)),
		),
	}
}

func (g generator) missing() string {
	var b strings.Builder
	if up := upOf(g.slo.Total); up != "" {
		fmt.Fprintf(&b, "%d * (sum(absent(%s)) and sum(%s) > 0)\nor ", totalMissing, g.slo.Total, up)
	}
	fmt.Fprintf(&b, "sum(absent(%s))\n", g.slo.Total)
	if len(g.slo.GroupBy) > 0 {
		fmt.Fprintf(&b, "or (%[1]s(last_over_time(%[2]s[%[3]s])) unless %[1]s(%[2]s))\n", g.by("group"), g.slo.Total, window(escalation))
	}
	fmt.Fprintf(&b, "or %[1]d * (%[2]s(%[3]s) unless %[2]s(%[4]s))\n", goodMissing, g.by("group"), g.slo.Total, g.slo.Good)
	return b.String()
}

// upOf selects the scrapes of the job that a counter is of; empty when its selector
// names none.
func upOf(selector string) string {
	expr, err := newParser().ParseExpr(selector)
	if err != nil {
		return ""
	}
	vs, ok := expr.(*parser.VectorSelector)
	if !ok {
		return ""
	}
	for _, m := range vs.LabelMatchers {
		if m.Name == model.JobLabel && m.Type == labels.MatchEqual {
			return fmt.Sprintf("up{job=%q}", m.Value)
		}
	}
	return ""
}

// goodAmongAll reports whether every series of good events is one of all events, as it
// has to match all that those do.
func (g generator) goodAmongAll() bool {
	good, err := newParser().ParseMetricSelector(g.slo.Good)
	if err != nil {
		return false
	}
	total, err := newParser().ParseMetricSelector(g.slo.Total)
	return err == nil && !slices.ContainsFunc(total, func(m *labels.Matcher) bool {
		return !slices.ContainsFunc(good, func(other *labels.Matcher) bool { return other.String() == m.String() })
	})
}

func (g generator) exceedsAlert(severity string) rulefmt.Rule {
	name := ExceedsAlertName(g.slo.Name)
	w := window(g.shortest())
	return rulefmt.Rule{
		Alert: name,
		Expr: fmt.Sprintf("%[1]s(rate(%[2]s[%[4]s]))\n  > %[5]s * %[1]s(rate(%[3]s[%[4]s]))\n",
			g.by("sum"), g.slo.Good, g.slo.Total, w, exceeds),
		For: model.Duration(dataPending), Labels: g.alertLabels(severity),
		Annotations: g.annotations(name,
			g.title()+" counts more good events than events.",
			fmt.Sprintf("{{ $value | humanize }} good events a second are more than all events, for %s: the two are swapped, or select different things. Errors are hidden meanwhile.", window(dataPending)),
		),
	}
}

func (g generator) idleAlert(severity string) rulefmt.Rule {
	name := IdleAlertName(g.slo.Name)
	idle := fmt.Sprintf("%s(increase(%s[%s])) == 0", g.by("sum"), g.slo.Total, window(g.shortest()))
	if s := g.slo.Slices; s != nil && s.Query != "" {
		idle = g.idleQuery()
	}
	return rulefmt.Rule{
		Alert: name, Expr: idle,
		For: model.Duration(dataPending), KeepFiringFor: model.Duration(idleKeeps), Labels: g.alertLabels(severity),
		Annotations: g.annotations(name,
			g.title()+" has no events.",
			fmt.Sprintf("All is scraped and nothing was counted for %s. Nobody knows whether it would be served.", window(dataPending)),
		),
	}
}
