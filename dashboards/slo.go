package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/ballast-sre/ballast/internal/slo"
)

// objectives are what the dashboards of SLOs take from their documents: by which labels
// some are grouped, and what they carry. The rules give all else.
type objectives struct {
	groups []string // labels of which each value is an SLO of its own
	owners []string // labels of the documents, such as their team's
	// decimals are those of the finest objective, in percent. Without any Grafana writes three
	// digits, and 99.95% as 100%.
	decimals int
	// runbooks is what the address of a runbook begins with.
	runbooks string
}

func objectivesOf(set slo.Set, runbooks string) objectives {
	groups, owners := map[string]bool{}, map[string]bool{}
	decimals := 0
	for _, s := range set.All() {
		_, fraction, _ := strings.Cut(strconv.FormatFloat(s.Objective*100, 'g', 12, 64), ".")
		decimals = max(decimals, len(fraction))
		for _, l := range s.GroupBy {
			groups[l] = true
		}
		for l := range s.Labels {
			owners[l] = true
		}
	}
	return objectives{slices.Sorted(maps.Keys(groups)), slices.Sorted(maps.Keys(owners)), decimals, runbooks}
}

// by are the labels that tell one SLO from another, and the given ones.
func (o objectives) by(more ...string) string {
	return strings.Join(slices.Concat([]string{"service", "slo"}, o.groups, more), ", ")
}

// scope are matchers that choose SLOs. Constants of an SLO have no labels of its groups.
type scope struct{ all, constants string }

// within are the SLOs that the first matcher chooses, and of these the chosen groups.
func (o objectives) within(first string) scope {
	all := []string{first}
	for _, g := range o.groups {
		all = append(all, fmt.Sprintf(`%s=~"$%s"`, g, g))
	}
	return scope{strings.Join(all, ","), first}
}

// legend is a text followed by the values of the groups.
func (o objectives) legend(text string) string {
	for _, g := range o.groups {
		text += " {{" + g + "}}"
	}
	return strings.TrimSpace(text)
}

// decimalsOfEvents are those of a share of good events: a hundredth of the budget shows.
func (o objectives) decimalsOfEvents() *int { return cog.ToPtr(o.decimals + 2) }

// variables are those of the groups.
func (o objectives) variables(selector string) []variable {
	var out []variable
	for _, g := range o.groups {
		out = append(out, variable{name: g, label: g, about: "SLOs that are grouped by " + g + " have one budget for each value.", of: g, selector: selector})
	}
	return out
}

// The states of an SLO. A higher one says more: it is shown where several hold.
const (
	stateHealthy = iota
	stateIdle
	stateBurning
	stateTicket
	stateNoData
	stateBlind
	statePage
)

// sloStates are how the states look: no data and idle like nothing else.
func sloStates() []state {
	return []state{
		{value: stateHealthy, text: "Healthy", color: "green"},
		{value: stateIdle, text: "Idle", color: "blue"},
		{value: stateBurning, text: "Burning", color: "yellow"},
		{value: stateTicket, text: "Ticket", color: "orange"},
		{value: stateNoData, text: "No data", color: "purple"},
		{value: stateBlind, text: "Not evaluated", color: "#808080"},
		{value: statePage, text: "Page", color: "red"},
	}
}

// state is the state of each SLO. That its rules are no longer evaluated is known by what
// they recorded within the range. Alerts about missing data are pending from the first
// evaluation without any, which tells no data from no events at once.
func (o objectives) state(s scope) string {
	k := o.by()
	seen := o.seen(s)
	parts := []string{
		fmt.Sprintf("%d * %s", statePage, o.firing("page", s)),
		fmt.Sprintf("%d * (%s unless on (service, slo) ballast_slo:info{%s})", stateBlind, seen, s.constants),
		fmt.Sprintf(`%d * max by (%s) (ALERTS{alertname=~".+NoData",slo!="",%s})`, stateNoData, k, s.all),
		fmt.Sprintf("%d * (%s unless max by (%s) (ballast_slo:events:increase{%s}))", stateNoData, seen, k, s.all),
		fmt.Sprintf("%d * %s", stateTicket, o.firing("ticket", s)),
		fmt.Sprintf("%d * ((%s > bool 1) > 0)", stateBurning, o.burn(s)),
		fmt.Sprintf("%d * (%s unless %s)", stateIdle, seen, o.burn(s)),
		fmt.Sprintf("%d * %s", stateHealthy, seen),
	}
	return strings.Join(parts, "\nor ")
}

// seen are the SLOs, and groups, of which something was recorded within the range.
func (o objectives) seen(s scope) string {
	return fmt.Sprintf(`(
    group by (%[1]s) (last_over_time(ballast_slo:window_coverage:ratio{%[2]s}[$__range]))
    or on (service, slo) group by (%[1]s) (last_over_time(ballast_slo:info{%[3]s}[$__range]))
  )`, o.by(), s.all, s.constants)
}

// firing are the SLOs of which an alert of the severity fires, but for those about data
// that is missing.
func (o objectives) firing(severity string, s scope) string {
	return fmt.Sprintf(`max by (%s) (ALERTS{alertstate="firing",severity="%s",slo!="",alertname!~".+(NoData|Idle)",%s})`, o.by(), severity, s.all)
}

// owned is the state with the labels of the SLO's document.
func (o objectives) owned(s scope) string {
	if len(o.owners) == 0 {
		return o.state(s)
	}
	owners := strings.Join(o.owners, ", ")
	return fmt.Sprintf("(\n%s\n) * on (service, slo) group_left (%[2]s) max by (service, slo, %[2]s) (last_over_time(ballast_slo:info{%[3]s}[$__range]))", o.state(s), owners, s.constants)
}

// left is which share of the budget is left: in full where the period is covered, or what
// is known so far.
func (o objectives) left(s scope) string {
	return fmt.Sprintf(`max by (%[1]s) (ballast_slo:error_budget_remaining:ratio{%[2]s})
or 1 - max by (%[1]s) (ballast_slo:budget_spent_known:ratio{%[2]s})`, o.by(), s.all)
}

// coverage is the share of the period of which the budget is known.
func (o objectives) coverage(s scope) string {
	return fmt.Sprintf(`max by (%s) (ballast_slo:window_coverage:ratio{%s})`, o.by(), s.all)
}

// constant is one of the constants of each SLO.
func constant(series string, s scope) string {
	return fmt.Sprintf(`max by (service, slo) (%s{%s})`, series, s.constants)
}

// allowed is the share of events that may be bad.
func allowed(s scope) string { return "(1 - " + constant("ballast_slo:objective:ratio", s) + ")" }

// ofItsSLO matches a constant to each group of its SLO.
const ofItsSLO = "on (service, slo) group_left ()"

// burn is how fast the budget is spent now.
func (o objectives) burn(s scope) string {
	return fmt.Sprintf(`max by (%s) (ballast_slo:burn_rate:ratio{%s})`, o.by(), s.all)
}

// ofPeriod is a series of windows at the one that is the whole period.
func (o objectives) ofPeriod(series string, s scope) string {
	return fmt.Sprintf(`max by (%s) (%s{%s} and on (service, slo, window) label_replace(ballast_slo:info{%s}, "window", "$1", "period", "(.+)"))`,
		o.by(), series, s.all, s.constants)
}

// leftEvents are how many events may still go bad: what is left of the share of the
// period's events, which are those known so far ÷ the share of it that is covered.
func (o objectives) leftEvents(s scope) string {
	return fmt.Sprintf("(%s) * %s %s\n* %s\n/ %s", o.left(s), ofItsSLO, allowed(s), o.ofPeriod("ballast_slo:events:increase", s), o.coverage(s))
}

// leftMinutes are how long everything may still fail.
func (o objectives) leftMinutes(s scope) string {
	return fmt.Sprintf("(%s) * %s %s\n* %s %s / 60", o.left(s), ofItsSLO, allowed(s), ofItsSLO, constant("ballast_slo:period:seconds", s))
}

// alertsFiring is a table of alerts and for how long they have been active.
func (o objectives) alertsFiring(title string, s scope) panel {
	k := o.by("alertname", "severity", "tier")
	columns := []column{
		{field: "alertname", name: "Alert", links: []link{{"Runbook", o.runbooks + "${__value.raw}.md"}}},
		{field: "severity", name: "Severity", states: severities()},
		{field: "slo", name: "SLO", links: []link{{"SLO detail", detailLink("${__value.raw}")}}},
		{field: "service", name: "Service"},
		{field: "tier", name: "Tier"},
	}
	for _, g := range o.groups {
		columns = append(columns, column{field: g, name: g})
	}
	return panel{
		kind: kindTable, title: title, unit: units.Seconds, w: gridWidth, h: chartHeight,
		about: "Alerts of SLOs that fire now, and since when their condition has held. The name leads to the runbook. Empty: none fires, if SLOs are evaluated.",
		none:  "No alert of an SLO fires",
		queries: []query{{expr: fmt.Sprintf(`time() - max by (%[1]s) (ALERTS_FOR_STATE{slo!="",%[2]s})
and on (%[1]s) max by (%[1]s) (ALERTS{alertstate="firing",slo!="",%[2]s})`, k, s.all)}},
		columns: append(columns, column{field: "A", name: "Active for", unit: units.DurationSeconds}),
		sort:    sorting{"Severity", false},
	}
}

// severities are the colours of alerts; their texts are labels.
func severities() []state {
	return []state{{of: "page", text: "page", color: "red"}, {of: "ticket", text: "ticket", color: "orange"}, {of: "none", text: "none", color: "blue"}}
}
