package main

import (
	"fmt"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// runs are the matchers of the runs that the reader chose.
const runs = `experiment=~"$experiment",target=~"$target"`

// verdict is one verdict of a run, as a number for colours: the higher, the worse.
type verdict struct {
	name, color string
}

// verdicts are all of them, the best first.
func verdicts() []verdict {
	return []verdict{{"pass", "green"}, {"inconclusive", "purple"}, {"fail", "red"}, {"aborted", "orange"}, {"residue", "dark-red"}}
}

func verdictStates() []state {
	var out []state
	for i, v := range verdicts() {
		out = append(out, state{value: float64(i), text: v.name, color: v.color})
	}
	return out
}

// verdictNumber is the verdict of each experiment's last run.
func verdictNumber() string {
	var parts []string
	for i, v := range verdicts() {
		parts = append(parts, fmt.Sprintf(`%d * max by (experiment, target) (ballast_experiment_verdict{verdict="%s",%s})`, i, v.name, runs))
	}
	return strings.Join(parts, "\nor ")
}

// seconds is one of the times of each experiment's last run.
func seconds(what string) string {
	return fmt.Sprintf("max by (experiment, target) (ballast_experiment_%s_seconds{%s})", what, runs)
}

// chaosBoard is what experiments showed and cost.
func chaosBoard() board {
	return board{
		uid: uidChaos, title: "Chaos", from: "now-30d",
		about: "The last run of each experiment, and how verdicts, detection, recovery and cost change from run to run.",
		variables: []variable{
			{name: "experiment", label: "Experiment", about: "The experiments that are shown.", of: "experiment", selector: "ballast_experiment_verdict"},
			{name: "target", label: "Target", about: "Where they ran.", of: "target", selector: `ballast_experiment_verdict{experiment=~"$experiment"}`},
		},
		marks: []mark{chaosMark(), runMark(), deployMark()},
		rows: []row{
			{"Now", chaosTiles()},
			{"Runs", []panel{runTable()}},
			{"Alerts", []panel{alertMatrix()}},
			{"Over time", chaosHistory()},
			{"Guard", guardPanels()},
		},
	}
}

func chaosTiles() []panel {
	count := func(title, about, color string, names ...string) panel {
		return tile(title, about, units.Number, fmt.Sprintf(`count(ballast_experiment_verdict{verdict=~"%[1]s",%[2]s}) or 0 * count(ballast_experiment_verdict{%[2]s})`, strings.Join(names, "|"), runs),
			[]step{{color: "text"}, {1, color}})
	}
	return []panel{
		count("Passed", "Experiments whose last run passed.", "green", "pass"),
		count("Failed or aborted", "Experiments whose last run showed that the service does not hold.", "red", "fail", "aborted"),
		count("Inconclusive", "Experiments whose last run could not be judged. Nothing is known of what they test.", "purple", "inconclusive"),
		count("Residue", "Experiments whose last run left something of its fault behind. Run ballast sweep.", "red", "residue"),
		tile("Oldest run", "How long ago the experiment that has not run for longest did. What is old shows nothing of what runs now.", units.DurationSeconds, fmt.Sprintf("max(time() - %s)", seconds("end_timestamp")), higherIsWorse(7*24*3600, 30*24*3600)),
		tile("Slowest recovery", "The longest time from the removal of a fault until everything held again.", units.Seconds, fmt.Sprintf("max(%s)", seconds("recovery")), nil),
	}
}

// runTable leads from each run to its window on the dashboards of SLOs.
func runTable() panel {
	spent := `max by (experiment) (ballast_budget_spent_ratio{experiment=~"$experiment"})`
	// What was spent is of the last run on any cluster.
	ended := fmt.Sprintf(`ballast_experiment_end_timestamp_seconds{target!="local",%s}`, runs)
	window := `&from=${__data.fields["From"].numeric}&to=${__data.fields["To"].numeric}&${` + datasourceVariable + `:queryparam}`
	return panel{
		kind: kindTable, title: "Last run of each experiment", unit: units.Short, w: gridWidth, h: 12, none: "No run was recorded",
		about: "The experiment's name leads to what its SLOs did during the run. Detected: from the fault to the first alert. Recovered: from the fault's removal until everything held. Budget spent: the most that an SLO lost, of its whole budget; runs on this machine cost none.",
		queries: []query{
			{expr: verdictNumber()},
			{expr: fmt.Sprintf("max by (experiment, target, reason) (ballast_experiment_reason{%s})\nor max by (experiment, target) (ballast_experiment_verdict{%s,verdict=\"pass\"})", runs, runs)},
			{expr: "1000 * " + seconds("end_timestamp")},
			{expr: seconds("detection")},
			{expr: seconds("recovery")},
			{expr: fmt.Sprintf("%s\n* on (experiment) group_right () (0 * (max by (experiment, target) (%[2]s) == on (experiment) group_left () max by (experiment) (%[2]s)) + 1)", spent, ended)},
			{expr: "1000 * " + seconds("start_timestamp")},
			{expr: "1000 * " + seconds("end_timestamp")},
		},
		sort: sorting{"Ended", true},
		columns: []column{
			{field: "experiment", name: "Experiment", links: []link{
				{"SLOs during the run", "/d/" + uidOverview + "?" + strings.TrimPrefix(window, "&")},
				{"Monitor during the run", "/d/" + uidMonitor + "?" + strings.TrimPrefix(window, "&")},
			}},
			{field: "target", name: "Target"},
			{field: "A", name: "Verdict", states: verdictStates()},
			{field: "reason", name: "Reason"},
			{field: "C", name: "Ended", unit: units.DateTimeFromNow},
			{field: "D", name: "Detected", unit: units.Seconds},
			{field: "E", name: "Recovered", unit: units.Seconds},
			{field: "F", name: "Budget spent", unit: units.PercentUnit, steps: higherIsWorse(0.001, 0.1)},
			{field: "B", name: "Has a reason", hidden: true},
			{field: "G", name: "From", hidden: true},
			{field: "H", name: "To", hidden: true},
		},
	}
}

// alertMatrix is which alerts fired when they had to, and which besides.
func alertMatrix() panel {
	of := func(what string) string {
		return fmt.Sprintf(`max by (alert, tier, target) (ballast_alert_%s{target=~"$target"})`, what)
	}
	share := func(part, whole string) string { return fmt.Sprintf("%s / (%s > 0)", of(part), of(whole)) }
	all := []step{{color: "red"}, {1, "green"}}
	return panel{
		kind: kindTable, title: "What experiments showed of each alert", unit: units.Short, w: gridWidth, h: 12, none: "No ledger was written",
		about: "Runs, from the fault to their end. Fired of expected: of the runs that had to fire the alert, the share that did. Expected of fired: of the runs in which it fired, the share that expected it. Each share stands beside the runs that it is of. A dash: there was no such run.",
		queries: []query{
			{expr: share("detected_runs", "expected_runs")},
			{expr: of("expected_runs")},
			{expr: share("detected_runs", "fired_runs")},
			{expr: of("fired_runs")},
			{expr: of("violated_runs")},
			{expr: of("forbidden_runs")},
			{expr: of("predicted_latest_seconds")},
			{expr: of("detection_seconds")},
			{expr: share("delivered_runs", "delivery_asked_runs")},
			{expr: of("delivery_asked_runs")},
		},
		sort: sorting{"Fired of expected", false},
		columns: []column{
			{field: "alert", name: "Alert"},
			{field: "tier", name: "Tier"},
			{field: "target", name: "Target"},
			{field: "A", name: "Fired of expected", unit: units.PercentUnit, steps: all},
			{field: "B", name: "Expected in"},
			{field: "C", name: "Expected of fired", unit: units.PercentUnit, steps: []step{{color: "orange"}, {1, "green"}}},
			{field: "D", name: "Fired in"},
			{field: "E", name: "Fired of forbidden", steps: []step{{color: "green"}, {1, "red"}}},
			{field: "F", name: "Forbidden in"},
			{field: "G", name: "Due by", unit: units.Seconds},
			{field: "H", name: "Fired after", unit: units.Seconds},
			{field: "I", name: "Delivered", unit: units.PercentUnit, steps: all},
			{field: "J", name: "Asked for in"},
		},
	}
}

func chaosHistory() []panel {
	timeline := panel{
		kind: kindTimeline, title: "Verdicts", unit: units.Number, w: gridWidth, h: 10, states: verdictStates(),
		about:   "The verdict of each experiment's last run, over time. A line that changes its colour from run to run is a flaky experiment, or a service that changed.",
		queries: []query{{verdictNumber(), "{{experiment}} {{target}}"}},
	}
	spent := third("Budget spent", "The share of an SLO's whole budget that the last run spent. Only runs on a cluster spend any.", units.PercentUnit,
		query{`max by (experiment, slo) (ballast_budget_spent_ratio{experiment=~"$experiment"})`, "{{experiment}} {{slo}}"})
	return []panel{
		timeline,
		third("Time to detect", "From the fault to the first alert, of the last run. A gap: no alert fired.", units.Seconds, query{seconds("detection"), "{{experiment}} {{target}}"}),
		third("Time to recover", "From the fault's removal until everything held again, of the last run. A gap: it did not.", units.Seconds, query{seconds("recovery"), "{{experiment}} {{target}}"}),
		spent,
	}
}

func guardPanels() []panel {
	return []panel{
		third("Runs on the cluster", "Live: the runner renews its lease. Dead: it does not, and something of the run is still there; the guard removes it.", units.Number, query{"sum by (state) (ballast_guard_runs)", "{{state}}"}),
		third("Faults that the guard removed", "Faults of runners that are gone, or that the kill switch ended.", units.CountsPerSecond, query{"sum(rate(ballast_guard_removed_objects_total[$__rate_interval]))", "removed"}),
		third("Requests that failed", "Requests of the guard to the API server that failed. A guard that sees nothing protects nobody.", units.CountsPerSecond, query{"sum(rate(ballast_guard_errors_total[$__rate_interval]))", "failed"}),
	}
}
