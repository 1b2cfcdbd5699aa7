package main

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// times is the unit of burn rates: 14.4x.
const times = "suffix:x"

// detail is all that is known of one SLO.
func (o objectives) detail() board {
	s := o.within(`slo="$slo"`)
	return board{
		uid: uidDetail, title: "SLO detail", from: "now-24h",
		about: "One SLO: what it promises, what clients had, what is left of its budget and why.",
		variables: append([]variable{
			{name: "service", label: "Service", about: "Whose SLOs can be chosen.", of: "service", selector: "ballast_slo:info"},
			{name: "slo", label: "SLO", about: "The SLO that is shown.", of: "slo", selector: `ballast_slo:info{service=~"$service"}`, single: true},
			{name: "tier", label: "Tier", about: "Whose windows are drawn: the page or ticket that fires by them.", of: "tier", selector: `ballast_slo:burn_rate_threshold:ratio{slo="$slo"}`},
		}, o.variables(`ballast_slo:window_coverage:ratio{slo="$slo"}`)...),
		logs:  true,
		marks: []mark{chaosMark(), runMark(), deployMark()},
		rows: []row{
			{"Now", o.detailTiles(s)},
			{"What clients had", []panel{o.indicator(s), o.events(s)}},
			{"Burn rate, each window against its own threshold", []panel{o.tier(s)}},
			{"Error budget", o.budget(s)},
			{"Alerts", []panel{o.alertTimeline(s), o.alertsFiring("Alerts that fire", s)}},
			{"Measurement", o.measurement(s)},
		},
	}
}

func (o objectives) detailTiles(s scope) []panel {
	tile := func(title, about, unit, expr string, steps []step) panel {
		return panel{
			kind: kindStat, title: title, about: about, unit: unit, w: 4, h: tileHeight, none: "No data", steps: steps,
			queries: []query{{expr, o.legend("")}},
		}
	}
	state := tile("State", "Page and Ticket: an alert fires. Burning: the budget is spent faster than it lasts, and no alert fires yet. Idle: no events now. No data: events are not counted. Not evaluated: the rules no longer run.", units.Number, o.state(s), nil)
	state.states = sloStates()
	state.links = []link{{"Logs of the service", logsLink("$service")}}
	known := tile("Of the period known", "The share of the period of which Prometheus has samples. Below 99% the budget is what is known so far, and may be less.", units.PercentUnit, o.coverage(s), []step{{color: "yellow"}, {0.99, "green"}})
	left := tile("Budget left", "The share of the period's error budget that is left, in full or as far as it is known (see the next tile). Below 0, more than all is spent.", units.PercentUnit, o.left(s), lowerIsWorse(0, 0.25))
	left.kind, left.limits = kindGauge, between(0, 1)
	objective := tile("Objective", "The share of events that must be good.", units.PercentUnit, constant("ballast_slo:objective:ratio", s), nil)
	objective.decimals = &o.decimals
	good := tile("Good events in the period", "The share of the events of the period, as far as it is known, that were good.", units.PercentUnit, "1 - "+o.ofPeriod("ballast_slo:error:ratio", s), nil)
	good.decimals = o.decimalsOfEvents()
	events := tile("Events in the period", "All events of the period that are known.", units.Short, o.ofPeriod("ballast_slo:events:increase", s), nil)
	broken := tile("Bad events in the period", "Bad events of the period that are known.", units.Short, o.ofPeriod("ballast_slo:bad_events:increase", s), nil)
	for _, p := range []*panel{&objective, &good, &events, &broken} {
		p.w = 6
	}
	return []panel{
		state, left, known,
		tile("Events left", "How many more events may go bad within the period, at the traffic that was measured.", units.Short, o.leftEvents(s), lowerIsWorse(0, 1)),
		tile("Outage left", "How long everything may still fail before the budget of the period is spent.", units.Minutes, o.leftMinutes(s), lowerIsWorse(0, 5)),
		tile("Burn rate now", "How many times faster than it lasts the budget is spent, over the shortest window. 1 spends it exactly within the period.", times, o.burn(s), higherIsWorse(1, 6)),
		objective,
		good, events, broken,
	}
}

// lasts is the value of a forecast that says: never.
const lasts = -1

// forecast is when the budget is spent at today's burn rates. At a rate of 1 or less it
// never is.
func (o objectives) forecast(s scope) panel {
	burn := fmt.Sprintf("max by (%s) (ballast_slo:error:ratio{%s} / on (service, slo) group_left () %s)", o.by("window"), s.all, allowed(s))
	left := fmt.Sprintf("(%s) * %s %s", o.left(s), ofItsSLO, constant("ballast_slo:period:seconds", s))
	matching := fmt.Sprintf("on (%s) group_left ()", o.by())
	return panel{
		kind: kindStat, title: "Spent in, at the pace of the last …", unit: units.DurationSeconds, w: gridWidth, h: tileHeight, none: "No data",
		about:   "When the rest of the budget is spent if errors go on as over each window. At a burn rate of up to 1 it lasts. Old errors that leave the period meanwhile are not counted.",
		steps:   []step{{color: "red"}, {24 * 3600, "orange"}, {7 * 24 * 3600, "green"}},
		states:  []state{{value: lasts, text: "lasts", color: "green"}},
		queries: []query{{fmt.Sprintf("clamp_min(1 / (%[1]s > 1) * %[2]s (%[3]s), 0)\nor 0 * (%[1]s <= 1) + %[4]d", burn, matching, left, lasts), o.legend("{{window}}")}},
	}
}

func (o objectives) indicator(s scope) panel {
	return panel{
		kind: kindSeries, title: "Good events", unit: units.PercentUnit, decimals: o.decimalsOfEvents(), w: 12, h: chartHeight, dashed: "objective",
		about: "The share of events that were good, over the shortest window, and the objective. A gap: no events, or none that are counted.",
		queries: []query{
			{fmt.Sprintf("1 - %s * %s %s", o.burn(s), ofItsSLO, allowed(s)), o.legend("good")},
			{constant("ballast_slo:objective:ratio", s), "objective"},
		},
	}
}

func (o objectives) events(s scope) panel {
	return panel{
		kind: kindSeries, title: "Events and bad events of each window", unit: units.Short, w: 12, h: chartHeight, log: true, dashed: "bad.*",
		about: "How much was counted over each window, and how much of it was bad. With few events one error weighs much. The scale is logarithmic, so zeros are not drawn.",
		queries: []query{
			{fmt.Sprintf("max by (%s) (ballast_slo:events:increase{%s})", o.by("window"), s.all), o.legend("{{window}}")},
			{fmt.Sprintf("max by (%s) (ballast_slo:bad_events:increase{%s})", o.by("window"), s.all), o.legend("bad {{window}}")},
		},
	}
}

// tier is drawn once for each: its two windows and what they must exceed together.
func (o objectives) tier(s scope) panel {
	threshold := fmt.Sprintf(`max by (service, slo, window) (label_replace(ballast_slo:burn_rate_threshold:ratio{%s,tier="$tier"}, "window", "$1", "%%s", "(.+)"))`, s.constants)
	window := func(label string) string {
		return fmt.Sprintf("max by (%s) (ballast_slo:error:ratio{%s} and on (service, slo, window) %s) / %s %s", o.by("window"), s.all, fmt.Sprintf(threshold, label), ofItsSLO, allowed(s))
	}
	return panel{
		kind: kindSeries, title: "$tier", unit: times, w: 6, h: chartHeight, repeat: "tier", dashed: "threshold",
		about: "Burn rates of the tier's two windows. It fires while both are above the threshold, if enough events went bad.",
		queries: []query{
			{window("long_window"), o.legend("long, {{window}}")},
			{window("short_window"), o.legend("short, {{window}}")},
			{fmt.Sprintf(`max by (service, slo) (ballast_slo:burn_rate_threshold:ratio{%s,tier="$tier"}) / %s`, s.constants, allowed(s)), "threshold"},
		},
	}
}

func (o objectives) budget(s scope) []panel {
	full := fmt.Sprintf("max by (%s) (ballast_slo:error_budget_remaining:ratio{%s})", o.by(), s.all)
	known := fmt.Sprintf("1 - max by (%s) (ballast_slo:budget_spent_known:ratio{%s})", o.by(), s.all)
	chaos := fmt.Sprintf("max by (slo) (ballast_budget_chaos_spent_ratio{%s})", s.constants)
	return []panel{
		o.forecast(s),
		{
			kind: kindSeries, title: "Budget left", unit: units.PercentUnit, w: 12, h: chartHeight, dashed: ".*known so far.*",
			about: "What is left of the budget of the period. Dashed, known so far: Prometheus does not have the whole period, and what is not known may have been spent.",
			steps: []step{{color: "transparent"}, {0, "red"}},
			queries: []query{
				{full, o.legend("left")},
				{fmt.Sprintf("%s unless %s", known, full), o.legend("left, known so far")},
			},
		},
		{
			kind: kindSeries, title: "Planned chaos and incidents", unit: units.PercentUnit, w: 12, h: chartHeight, none: "No ledger was written",
			about: "What is known to be spent of the budget of the period, apart by who spent it: all runs of experiments in the period, as the ledger of their reports has them, and everything else. The ledger has to be that of this Prometheus.",
			queries: []query{
				{chaos, "planned chaos"},
				{fmt.Sprintf("clamp_min(max by (%s) (ballast_slo:budget_spent_known:ratio{%s}) - on (slo) group_left () %s, 0)", o.by(), s.all, chaos), o.legend("incidents")},
			},
		},
		{
			kind: kindBars, title: "Spent by planned chaos", unit: units.PercentUnit, w: gridWidth, h: chartHeight, limits: between(0, 1), none: "No run on a cluster spent any", named: "experiment",
			about:   "The share of the whole budget that the last run of each experiment spent, on a cluster. The rest of what is spent was not planned. Empty: no experiment ran.",
			steps:   higherIsWorse(0.001, 0.1),
			queries: []query{{fmt.Sprintf(`max by (experiment) (ballast_budget_spent_ratio{%s})`, s.constants), "{{experiment}}"}},
		},
	}
}

func (o objectives) alertTimeline(s scope) panel {
	k := "alertname, severity, tier"
	return panel{
		kind: kindTimeline, title: "Alerts", unit: units.Number, w: gridWidth, h: chartHeight, none: "No alert was pending or fired",
		about:  "When alerts of the SLO were pending and when they fired. Empty: none was, if the rules are evaluated.",
		states: []state{{value: 1, text: "pending", color: "yellow"}, {value: 2, text: "firing", color: "red"}},
		queries: []query{{fmt.Sprintf(`2 * max by (%[1]s) (ALERTS{alertstate="firing",%[2]s})
or max by (%[1]s) (ALERTS{alertstate="pending",%[2]s})`, k, s.all), "{{alertname}} {{severity}} {{tier}}"}},
	}
}

func (o objectives) measurement(s scope) []panel {
	return []panel{
		{
			kind: kindSeries, title: "Age of the last evaluation", unit: units.Seconds, w: 12, h: chartHeight,
			about:   "How long ago each group of the SLO's rules was evaluated. It rises where Prometheus falls behind, and ends where it does not evaluate at all.",
			queries: []query{{fmt.Sprintf("time() - max by (rule_group) (ballast_slo:evaluated:timestamp{%s})", s.constants), "{{rule_group}}"}},
		},
		{
			kind: kindSeries, title: "Of the period known", unit: units.PercentUnit, w: 12, h: chartHeight, limits: between(0, 1),
			about:   "The share of the period of which there are samples. It grows with the age of Prometheus, up to what it keeps.",
			queries: []query{{o.coverage(s), o.legend("known")}},
		},
	}
}
