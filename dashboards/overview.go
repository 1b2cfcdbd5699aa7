package main

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// Identifiers of the dashboards, by which they link to each other.
const (
	uidOverview = "ballast-slo-overview"
	uidDetail   = "ballast-slo-detail"
	uidMonitor  = "ballast-monitor"
	uidChaos    = "ballast-chaos"
	uidPlatform = "ballast-platform"
)

// overview is what is opened in the morning: which SLO is worst off, and what fires.
func (o objectives) overview() board {
	s := o.within(`service=~"$service"`)
	return board{
		uid: uidOverview, title: "SLO overview", from: "now-24h",
		about: "Every SLO with its state, what is left of its error budget and how fast it is spent; the worst first.",
		variables: append([]variable{{
			name: "service", label: "Service", about: "Whose SLOs are shown.", of: "service", selector: "ballast_slo:info",
		}}, o.variables("ballast_slo:window_coverage:ratio")...),
		logs:  true,
		marks: []mark{chaosMark(), runMark(), deployMark()},
		rows: []row{
			{"Now", o.tiles(s)},
			{"SLOs, worst budget first", []panel{o.sloTable(s)}},
			{"Alerts", []panel{o.alertsFiring("Alerts that fire", s)}},
			{"Over time", o.history(s)},
		},
	}
}

// tiles count SLOs by what is to be done. None is a number where nothing is evaluated.
func (o objectives) tiles(s scope) []panel {
	tile := func(title, about, condition string, steps []step) panel {
		return panel{
			kind: kindStat, title: title, about: about, unit: units.Number, w: 4, h: tileHeight, none: "No data", steps: steps,
			queries: []query{{expr: fmt.Sprintf("sum((\n%s\n) %s)", o.state(s), condition)}},
		}
	}
	none := func(color string) []step { return []step{{color: "green"}, {1, color}} }
	return []panel{
		tile("SLOs that page", "SLOs of which a page fires. Somebody acts now.", fmt.Sprintf("== bool %d", statePage), none("red")),
		{
			kind: kindStat, title: "SLOs with a ticket", unit: units.Number, w: 4, h: tileHeight, none: "No data", steps: none("orange"),
			about:   "SLOs of which a ticket fires, those that page among them: the budget will not last, or is spent.",
			queries: []query{{expr: fmt.Sprintf("count(%s)\nor 0 * count(%s)", o.firing("ticket", s), o.seen(s))}},
		},
		tile("SLOs without data", "SLOs whose events are not counted. Nothing is known of them, and no burn-rate alert of theirs can begin to fire.", fmt.Sprintf("== bool %d", stateNoData), none("purple")),
		tile("SLOs not evaluated", "SLOs whose rules recorded something within the range, and no longer do: Prometheus does not evaluate them.", fmt.Sprintf("== bool %d", stateBlind), none("#808080")),
		tile("Idle SLOs", "SLOs without events now. Nothing is wrong with them.", fmt.Sprintf("== bool %d", stateIdle), []step{{color: "green"}, {1, "blue"}}),
		{
			kind: kindStat, title: "Least budget left", unit: units.PercentUnit, w: 4, h: tileHeight, none: "No data", steps: lowerIsWorse(0, 0.25),
			about:   "What is left of the error budget that is worst off, as far as it is known. Below 0, more than all is spent.",
			queries: []query{{expr: "min(" + o.left(s) + ")"}},
		},
	}
}

// sloTable has one row for each SLO and group.
func (o objectives) sloTable(s scope) panel {
	p := panel{
		kind: kindTable, title: "SLOs", unit: units.Short, w: gridWidth, h: 12, none: "No SLO is evaluated",
		about: "One row for each SLO and group. Budget left is of the whole period: in full where Prometheus has all of it, and else what is known so far (the column says how much of the period is known). Events and minutes are what may still go bad. Idle: no events now. No data: events are not counted. Not evaluated: the rules no longer run.",
		queries: []query{
			{expr: o.owned(s)},
			{expr: o.left(s)},
			{expr: o.coverage(s)},
			{expr: o.leftEvents(s)},
			{expr: o.leftMinutes(s)},
			{expr: o.burn(s)},
			{expr: fmt.Sprintf(`count by (%s) (ALERTS{alertstate="firing",slo!="",%s})`, o.by(), s.all)},
			{expr: fmt.Sprintf("%s * %s %s", o.seen(s), ofItsSLO, constant("ballast_slo:objective:ratio", s))},
		},
		sort: sorting{"Budget left", false},
	}
	p.columns = []column{
		{field: "A", name: "State", states: sloStates(), width: 120},
		{field: "slo", name: "SLO", links: []link{{"SLO detail", detailLink("${__value.raw}")}}},
		{field: "service", name: "Service", links: []link{{"Logs", logsLink("${__value.raw}")}}},
	}
	for _, g := range o.groups {
		p.columns = append(p.columns, column{field: g, name: g})
	}
	for _, l := range o.owners {
		p.columns = append(p.columns, column{field: l, name: l})
	}
	p.columns = append(p.columns,
		column{field: "B", name: "Budget left", unit: units.PercentUnit, steps: lowerIsWorse(0, 0.25), bar: between(0, 1)},
		column{field: "C", name: "Of the period known", unit: units.PercentUnit, steps: []step{{color: "yellow"}, {0.99, "transparent"}}},
		column{field: "D", name: "Events left", unit: units.Short},
		column{field: "E", name: "Minutes left", unit: units.Minutes},
		column{field: "F", name: "Burn rate now", unit: times, steps: higherIsWorse(1, 6)},
		column{field: "G", name: "Alerts firing", unit: units.Number, steps: []step{{color: "transparent"}, {1, "red"}}},
		column{field: "H", name: "Objective", unit: units.PercentUnit, decimals: &o.decimals},
	)
	return p
}

// history is how all that came to be.
func (o objectives) history(s scope) []panel {
	return []panel{
		{
			kind: kindTimeline, title: "State", unit: units.Number, w: 12, h: chartHeight, states: sloStates(),
			about:   "The state of each SLO over time. A gap: nothing was recorded.",
			queries: []query{{o.state(s), o.legend("{{slo}}")}},
		},
		{
			kind: kindSeries, title: "Budget left", unit: units.PercentUnit, w: 12, h: chartHeight, steps: []step{{color: "transparent"}, {0, "red"}},
			about:   "What is left of each error budget, as far as it is known. It rises as old errors leave the period.",
			queries: []query{{o.left(s), o.legend("{{slo}}")}},
		},
	}
}
