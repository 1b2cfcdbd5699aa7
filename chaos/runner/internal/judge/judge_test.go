package judge

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

type rule struct {
	name    string
	edit    func(r *record)
	verdict result.Verdict
	reason  result.Reason
	wrong   bool // the record shows neither a pass nor why not
}

func rules() []rule {
	gap := func(seconds float64, k result.TroubleKind) func(*record) {
		return func(r *record) {
			r.ev.Watch.Gaps = []result.Gap{{Name: "availability", Since: after(15), Until: after(15 + seconds), Trouble: result.Trouble{Kind: k}}}
			r.stop()
		}
	}
	const inc, fail = result.Inconclusive, result.Fail
	return []rule{
		{name: "what held passes", verdict: result.Pass},

		// Before the fault.
		{name: "a run that was refused", edit: func(r *record) {
			r.ev = result.Evidence{Before: result.Before{Refused: &result.Refusal{Reason: result.Busy}}}
		}, verdict: inc, reason: result.Busy},
		{name: "residue before", edit: func(r *record) { r.ev.Before.Residue = []string{"process 1"} }, verdict: inc, reason: result.ResidueBefore},
		{name: "a call that failed", edit: func(r *record) {
			r.ev.Before.Failed = []result.Failed{{Trouble: result.Trouble{Kind: result.TroubleOther}}}
		}, verdict: inc, reason: result.TargetUnreachable},
		{name: "clocks that cannot be compared", edit: func(r *record) { r.ev.Before.Clock.Uncertainty = 1.1 }, verdict: inc, reason: result.PrometheusUnreachable},
		{name: "clocks that are known to a second", edit: func(r *record) { r.ev.Before.Clock.Uncertainty = 1 }, verdict: result.Pass},
		{name: "clocks that moved apart", edit: func(r *record) { r.ev.Before.Clock.Drift = ptr(result.Seconds(1.1)) }, verdict: inc, reason: result.PrometheusUnreachable},
		{name: "clocks that moved back", edit: func(r *record) { r.ev.Before.Clock.Drift = ptr(result.Seconds(-1.1)) }, verdict: inc, reason: result.PrometheusUnreachable},
		{name: "clocks that moved a little", edit: func(r *record) { r.ev.Before.Clock.Drift = ptr(result.Seconds(0.9)) }, verdict: result.Pass},
		{name: "a clock that was set long ago", edit: func(r *record) { r.ev.Before.Clock.Ahead = 90 }, verdict: result.Pass},
		{name: "a fault without a target", edit: func(r *record) { r.ev.Plan.Faults[0].Targets = nil }, verdict: inc, reason: result.NoTarget},
		{name: "a fault that was not planned", edit: func(r *record) { r.ev.Plan.Asked = 2 }, verdict: inc, reason: result.NotInjected},
		{name: "too many targets", edit: func(r *record) { r.ev.Plan.Radius.Targets = 2 }, verdict: inc, reason: result.BlastRadius},
		{name: "too large a share", edit: func(r *record) { r.ev.Plan.Radius.Percent = 34.1 }, verdict: inc, reason: result.BlastRadius},
		{name: "no blast radius where one is needed", edit: func(r *record) { r.x.Radius, r.x.RadiusRequired = nil, true }, verdict: inc, reason: result.BlastRadius},
		{name: "no blast radius where none is needed", edit: func(r *record) { r.x.Radius = nil }, verdict: result.Pass},
		{name: "a budget that is unknown", edit: func(r *record) { r.ev.Before.Budgets[0] = result.Budget{SLO: "availability", Unknown: true} }, verdict: result.Pass},
		{name: "less budget left than may be spent", edit: func(r *record) { r.ev.Before.Budgets[0].Left = 0.0009 }, verdict: inc, reason: result.BudgetExhausted},
		{name: "less budget left than all runs of the command may spend", edit: func(r *record) { r.ev.Before.Budgets[0].Planned = ptr(0.6) }, verdict: inc, reason: result.BudgetExhausted},
		{name: "as much budget left as all runs of the command may spend", edit: func(r *record) { r.ev.Before.Budgets[0].Planned = ptr(0.5) }, verdict: result.Pass},
		{name: "less budget left of an SLO that only other runs of the command name", edit: func(r *record) {
			r.ev.Before.Budgets = append(r.ev.Before.Budgets, result.Budget{SLO: "latency", Left: 0.1, Planned: ptr(0.2)})
		}, verdict: inc, reason: result.BudgetExhausted},
		{name: "a budget from which nobody plans to spend", edit: func(r *record) {
			r.ev.Before.Budgets = append(r.ev.Before.Budgets, result.Budget{SLO: "latency", Left: -1})
		}, verdict: result.Pass},
		{name: "an unknown budget and a plan", edit: func(r *record) {
			r.ev.Before.Budgets[0] = result.Budget{SLO: "availability", Unknown: true, Planned: ptr(0.6)}
		}, verdict: result.Pass},
		{name: "an observation of one scrape", edit: func(r *record) { r.x.Timing.Observe = 1.5 }, verdict: inc, reason: result.PhasesTooShort},
		{name: "an alert without the time to fire", edit: func(r *record) { r.x.Expect[0].Within = 2.9 }, verdict: inc, reason: result.PhasesTooShort},

		{name: "an alert that its rule cannot fire in its time", edit: func(r *record) { r.x.Expect[0].Forecast.Earliest = 6.1 }, verdict: inc, reason: result.PhasesTooShort},
		{name: "an alert that its rule can just fire in its time", edit: func(r *record) { r.x.Expect[0].Forecast.Earliest = 6 }, verdict: result.Pass},
		{name: "an alert that cannot fire before the faults end by themselves", edit: func(r *record) {
			r.x.Expect[0].Within, r.x.Timing.FaultsEnd, r.x.Expect[0].Forecast.Earliest = 20, 5, 5.1
		}, verdict: inc, reason: result.PhasesTooShort},
		{name: "an alert that can fire before the faults end by themselves", edit: func(r *record) { r.x.Timing.FaultsEnd = 5 }, verdict: result.Pass},
		{name: "an alert that nobody can predict", edit: func(r *record) { r.x.Expect[0].Within, r.x.Expect[0].Forecast = 0, nil }, verdict: inc, reason: result.PhasesTooShort},
		{name: "a control run does not wait for alerts", edit: func(r *record) {
			r.control()
			r.x.Expect[0].Within, r.x.Expect[0].Forecast = 0, nil
		}, verdict: result.Pass},

		// Errors and history before the run.
		{name: "earlier errors that left the windows", edit: func(r *record) { r.ev.Before.Settled = &result.Settled{Allowed: 60, Waited: 20} }, verdict: result.Pass},
		{name: "earlier errors that are still in a window", edit: func(r *record) { r.lasting("", 0.0145) }, verdict: inc, reason: result.BaselineUnhealthy},
		{name: "an alert that earlier errors fired", edit: func(r *record) { r.lasting(StateFiring, 0) }, verdict: inc, reason: result.BaselineUnhealthy},
		{name: "an alert that earlier errors cannot fire", edit: func(r *record) { r.lasting("", 0.0144) }, verdict: result.Pass},
		{name: "an expected alert that fires in a young history", edit: func(r *record) { r.youngDown() }, verdict: result.Pass},
		{name: "an expected alert that is late in a young history", edit: func(r *record) {
			r.youngDown()
			r.ev.Series.Alerts[0].Firing[0].Start = after(16.1)
		}, verdict: fail, reason: result.AlertLate},
		{name: "an expected alert that does not fire in a young history", edit: func(r *record) {
			r.youngDown()
			r.ev.Series.Alerts = nil
		}, verdict: inc, reason: result.YoungHistory},
		{name: "an expected alert that does not fire, and another rule is young", edit: func(r *record) {
			r.youngDown()
			r.ev.Before.Histories[0].Rule.Labels = map[string]string{"severity": "page"}
			r.ev.Series.Alerts = nil
		}, verdict: fail, reason: result.AlertMissing},
		{name: "an expected alert that does not fire when the history has grown old enough", edit: func(r *record) {
			r.youngDown()
			// 16 s are from the preflight to its bound.
			r.ev.Before.Histories[0].Window = 100 + 1 + 16
			r.ev.Series.Alerts = nil
		}, verdict: fail, reason: result.AlertMissing},
		{name: "a forbidden alert that only a young history fired", edit: func(r *record) { r.youngBurn(0, 57) }, verdict: inc, reason: result.YoungHistory},
		{name: "a forbidden alert that a full history had fired too", edit: func(r *record) { r.youngBurn(0, 58) }, verdict: fail, reason: result.AlertForbidden},
		{name: "a forbidden alert that earlier errors help to fire", edit: func(r *record) { r.youngBurn(0.0002, 57) }, verdict: fail, reason: result.AlertForbidden},
		{name: "a forbidden alert of which nobody counts the events", edit: func(r *record) {
			r.youngBurn(0, 58)
			r.ev.Before.Histories[0].SLO = "other"
		}, verdict: inc, reason: result.YoungHistory},
		{name: "a forbidden alert of which nobody knows the errors before", edit: func(r *record) {
			r.youngBurn(0, 57)
			r.ev.Before.Histories[0].Ratio = nil
		}, verdict: inc, reason: result.YoungHistory},
		{name: "a forbidden alert of a rule without a burn rate", edit: func(r *record) {
			r.youngBurn(0, 57)
			r.ev.Before.Histories[0].SLO = ""
		}, verdict: fail, reason: result.AlertForbidden},
		{name: "a forbidden alert with a full history", edit: func(r *record) {
			r.youngBurn(0, 57)
			r.ev.Before.Histories[0].Reaches = 400
		}, verdict: fail, reason: result.AlertForbidden},
		{name: "a forbidden alert that fires again when there is enough", edit: func(r *record) {
			r.youngBurn(0, 57)
			r.bad(30, 31, 5)
			r.ev.Series.Alerts[1].Firing = append(r.ev.Series.Alerts[1].Firing, result.Span{Start: after(31), End: after(33)})
		}, verdict: fail, reason: result.AlertForbidden},
		{name: "another forbidden alert beside one that only a young history fired", edit: func(r *record) {
			r.youngBurn(0, 57)
			r.ev.Series.Alerts = append(r.ev.Series.Alerts, firing("Down", map[string]string{"severity": "page"}, 14, 16))
		}, verdict: fail, reason: result.AlertForbidden},

		// Rules.
		{name: "a rule that is loaded", edit: func(r *record) { r.ruled("ticket") }, verdict: result.Pass},
		{name: "a rule that is loaded with other labels", edit: func(r *record) { r.ruled("page") }, verdict: inc, reason: result.RulesMissing},
		{name: "rules that nobody can vouch for", edit: func(r *record) { r.ev.Before.Rules = &result.Rules{Unknown: true} }, verdict: inc, reason: result.RulesNotEvaluated},
		{name: "a group without a heartbeat", edit: func(r *record) {
			r.ev.Before.Rules = &result.Rules{Unknown: true, Heartbeats: []string{"other"}, Wanted: []result.RuleID{{Alert: "Burn", Group: "g"}}}
		}, verdict: inc, reason: result.RulesNotEvaluated},
		{name: "a group that nobody knows", edit: func(r *record) {
			r.ev.Before.Rules = &result.Rules{Unknown: true, Heartbeats: []string{""}, Wanted: []result.RuleID{{Alert: "Burn"}}}
		}, verdict: inc, reason: result.RulesNotEvaluated},
		{name: "a group with a heartbeat", edit: func(r *record) {
			r.ev.Before.Rules = &result.Rules{Unknown: true, Heartbeats: []string{"g"}, Wanted: []result.RuleID{{Alert: "Burn", Group: "g"}}}
		}, verdict: result.Pass},
		{name: "a rule that was not evaluated for four intervals", edit: func(r *record) { r.ev.Watch.Rules = []result.RuleReading{{Interval: 5, Age: 15.1}} }, verdict: inc, reason: result.RulesNotEvaluated},
		{name: "a rule that was not evaluated for three intervals", edit: func(r *record) { r.ev.Watch.Rules = []result.RuleReading{{Interval: 5, Age: 15}} }, verdict: result.Pass},
		{name: "a rule with an error", edit: func(r *record) { r.ev.Watch.Rules = []result.RuleReading{{Interval: 5, Error: "e"}} }, verdict: inc, reason: result.RulesNotEvaluated},

		// The baseline.
		{name: "an instrument that is unfit before", edit: func(r *record) { r.ev.Baseline.Instrument[0].Value = 0.2 }, verdict: inc, reason: result.InstrumentUnfit},
		{name: "an instrument that was not read", edit: func(r *record) { r.ev.Baseline.Instrument = nil }, verdict: inc, reason: result.NoData},
		{name: "pods that cannot be counted", edit: func(r *record) { r.ev.Baseline.HealthTrouble = &result.Trouble{Kind: result.TroubleTarget} }, verdict: inc, reason: result.TargetUnreachable},
		{name: "a pod that is missing before", edit: func(r *record) { r.ev.Baseline.Health[0].Ready = 2 }, verdict: inc, reason: result.BaselineUnhealthy},
		{name: "a workload scaled to nothing", edit: func(r *record) { r.ev.Baseline.Health[0].Ready, r.ev.Baseline.Health[0].Wanted = 0, 0 }, verdict: inc, reason: result.BaselineUnhealthy},
		{name: "99 events before", edit: func(r *record) { r.ev.Baseline.SLOs[0].Total = 99 }, verdict: inc, reason: result.LowTraffic},
		{name: "100 events before", edit: func(r *record) { r.ev.Baseline.SLOs[0].Total = 100 }, verdict: result.Pass},
		{name: "two bad events before", edit: func(r *record) { r.ev.Baseline.SLOs[0].Bad = 2 }, verdict: inc, reason: result.BaselineUnhealthy},
		{name: "one bad event before", edit: func(r *record) { r.ev.Baseline.SLOs[0].Bad = 1 }, verdict: result.Pass},
		{name: "an SLO that was not counted", edit: func(r *record) { r.ev.Baseline.SLOs = nil }, verdict: inc, reason: result.NoData},
		{name: "an SLO without data before", edit: func(r *record) { r.ev.Baseline.SLOs[0].Trouble = &result.Trouble{Kind: result.TroubleUnreachable} }, verdict: inc, reason: result.PrometheusUnreachable},
		{name: "an expression out of bounds before", edit: func(r *record) { r.ev.Baseline.Values[0].Value = 0.6 }, verdict: inc, reason: result.BaselineUnhealthy},
		{name: "an expression that was not read", edit: func(r *record) { r.ev.Baseline.Values = nil }, verdict: inc, reason: result.NoData},
		{name: "alerts that cannot be read before", edit: func(r *record) { r.ev.Baseline.AlertsTrouble = &result.Trouble{Kind: result.TroubleBadQuery} }, verdict: inc, reason: result.NoData},
		{name: "a forbidden alert before", edit: func(r *record) {
			r.ev.Baseline.Alerts = []result.ActiveAlert{{Name: "Burn", State: StatePending, Labels: map[string]string{"severity": "page"}}}
		}, verdict: inc, reason: result.BaselineUnhealthy},
		{name: "an expected alert before", edit: func(r *record) {
			r.ev.Baseline.Alerts = []result.ActiveAlert{{Name: "ReplicaDown", State: StatePending, Labels: map[string]string{"severity": "ticket"}}}
		}, verdict: inc, reason: result.BaselineUnhealthy},
		{name: "an alert before that nobody asked about", edit: func(r *record) {
			r.ev.Baseline.Alerts = []result.ActiveAlert{{Name: "ReplicaDown", State: StatePending, Labels: map[string]string{"severity": "info"}}}
		}, verdict: result.Pass},
		{name: "an expected alert that came up with the fault", edit: func(r *record) { r.ev.Series.Alerts[0].Firing[0].Start = after(9.9) }, verdict: inc, reason: result.BaselineUnhealthy},

		// The fault.
		{name: "an injection that failed", edit: func(r *record) {
			r.ev.Ending.NotInjected = []result.Trouble{{Kind: result.TroubleOther}}
		}, verdict: inc, reason: result.NotInjected},
		{name: "a fault that does not show", edit: func(r *record) { r.ev.Effects[0] = shown(result.StageConfirm, false) }, verdict: inc, reason: result.NotConfirmed},
		{name: "a fault that did not show in time", edit: func(r *record) {
			r.ev.Effects = []result.Shown{shown(result.StageConfirm, false)}
			r.ev.Effects[0].Expired = true
			r.ev.Moments.T1 = nil
			r.stop()
		}, verdict: inc, reason: result.NotConfirmed},
		{name: "a fault that was not injected", edit: func(r *record) { r.ev.Effects[0].Effects[0] = result.Effect{Fault: "PodChaos/f", Target: "monitor/a"} }, verdict: inc, reason: result.NotInjected},
		{name: "a second target that was not measured", edit: func(r *record) {
			r.ev.Plan.Faults[0].Targets = append(r.ev.Plan.Faults[0].Targets, "monitor/b")
		}, verdict: inc, reason: result.PartialInjection},
		{name: "a fault that was not held", edit: func(r *record) { r.ev.Effects[1] = shown(result.StageHold, false) }, verdict: inc, reason: result.NotHeld},
		{name: "a fault that was not measured again", edit: func(r *record) { r.ev.Effects = r.ev.Effects[:1] }, verdict: inc, reason: result.Interrupted, wrong: true},
		{name: "a fault that was not measured at all", edit: func(r *record) { r.ev.Effects = nil }, verdict: inc, reason: result.Interrupted, wrong: true},
		{name: "a fault that happens once and was not measured", edit: func(r *record) {
			r.oneShot()
			r.ev.Effects = nil
		}, verdict: inc, reason: result.Interrupted, wrong: true},
		{name: "a fault that happens once is not measured again", edit: func(r *record) { r.oneShot() }, verdict: result.Pass},
		{name: "a fault without its confirmation", edit: func(r *record) { r.ev.Moments.T1 = nil }, verdict: inc, reason: result.Interrupted, wrong: true},

		// What was seen under fault.
		{name: "four seconds without data", edit: gap(4.9, result.TroubleNoData), verdict: inc, reason: result.Interrupted, wrong: true},
		{name: "five seconds without data", edit: gap(5, result.TroubleNoData), verdict: inc, reason: result.NoData},
		{name: "five seconds without Prometheus", edit: gap(5, result.TroubleUnreachable), verdict: inc, reason: result.PrometheusUnreachable},
		{name: "an instrument that is unfit", edit: func(r *record) { r.ev.Watch.Instrument[0].Value = 0.2 }, verdict: inc, reason: result.InstrumentUnfit},
		{name: "a guard rail at its limit", edit: func(r *record) {
			r.ev.Watch.Rails = []result.RailReading{{At: after(14), Bad: 151, Total: 300, Over: 3}}
		}, verdict: result.Aborted, reason: result.GuardRail},
		{name: "a guard rail just under its limit", edit: func(r *record) {
			r.ev.Watch.Rails = []result.RailReading{{At: after(14), Bad: 149, Total: 300, Over: 3}}
		}, verdict: result.Pass},
		{name: "a guard rail over half of its stretch", edit: func(r *record) {
			r.ev.Watch.Rails = []result.RailReading{{At: after(14), Bad: 150, Total: 200, Over: 1.5}}
		}, verdict: result.Pass},
		{name: "an interrupt", edit: func(r *record) { r.ev.Ending.Interrupt = &result.Interrupt{} }, verdict: inc, reason: result.Interrupted},
		{name: "a target that is lost", edit: func(r *record) { r.ev.Ending.Interrupt = &result.Interrupt{Lost: true} }, verdict: inc, reason: result.TargetUnreachable},
		{name: "a kill switch under fault", edit: func(r *record) { r.ev.Ending.Interrupt = &result.Interrupt{KillSwitch: true} }, verdict: result.Aborted, reason: result.KillSwitch},
		{name: "a kill switch before the fault", edit: func(r *record) {
			r.ev.Ending.Interrupt = &result.Interrupt{KillSwitch: true}
			r.ev.Moments = result.Moments{Began: r.ev.Moments.Began, End: r.ev.Moments.End}
			r.ev.Effects, r.ev.Cleanup, r.ev.Series.Alerts = nil, nil, nil
		}, verdict: inc, reason: result.KillSwitch},
		{name: "a kill switch that the target finds set", edit: func(r *record) {
			r.ev = result.Evidence{Before: result.Before{Failed: []result.Failed{{Trouble: result.Trouble{Kind: result.TroubleKillSwitch}}}}}
		}, verdict: inc, reason: result.KillSwitch},
		{name: "a kill switch that refuses the injection", edit: func(r *record) {
			r.ev.Ending.NotInjected = []result.Trouble{{Kind: result.TroubleKillSwitch}}
		}, verdict: inc, reason: result.KillSwitch},
		{name: "a kill switch that leaves something", edit: func(r *record) {
			r.ev.Ending.Interrupt = &result.Interrupt{KillSwitch: true}
			r.ev.Cleanup.Residue = []string{"toxic"}
		}, verdict: result.Residual, reason: result.LeftBehind},
		{name: "an error of the runner", edit: func(r *record) { r.ev.Ending.Failures = []string{"nil map"} }, verdict: inc, reason: result.Interrupted},

		// SLOs.
		{name: "a spend at the limit", edit: func(r *record) { r.bad(12, 13, 259) }, verdict: result.Pass},
		{name: "a spend over the limit", edit: func(r *record) { r.bad(12, 15, 87) }, verdict: fail, reason: result.SLOBroken},
		{name: "a spend in the last second of the watch", edit: func(r *record) { r.bad(34, 37, 87) }, verdict: fail, reason: result.SLOBroken},
		{name: "bad events before the fault are not spent", edit: func(r *record) { r.bad(5, 9, 90) }, verdict: result.Pass},
		{name: "two steps without a count", edit: func(r *record) { r.miss(14, 15) }, verdict: inc, reason: result.NoData},
		{name: "one step without a count", edit: func(r *record) { r.miss(14, 14) }, verdict: result.Pass},
		{name: "no count at the end", edit: func(r *record) { r.miss(37, 37) }, verdict: inc, reason: result.NoData},
		{name: "counts that end long before the watch", edit: func(r *record) {
			r.ev.Series.Counts[0].Steps = r.steps()[:33]
		}, verdict: inc, reason: result.NoData},
		{name: "counts that could not be read again", edit: func(r *record) { r.ev.Series.Counts[0].Unread = &result.Trouble{Kind: result.TroubleUnreachable} }, verdict: inc, reason: result.PrometheusUnreachable},
		{name: "no count since the fault", edit: func(r *record) { r.ev.Series.Counts[0].Steps = r.steps()[:10] }, verdict: inc, reason: result.NoData},
		{name: "under half of the traffic for a window", edit: func(r *record) { r.quiet(11, 21, 49) }, verdict: inc, reason: result.LowTraffic},
		{name: "half of the traffic for a window", edit: func(r *record) { r.quiet(11, 21, 51) }, verdict: result.Pass},
		{name: "no traffic for a few seconds", edit: func(r *record) { r.quiet(11, 15, 0) }, verdict: result.Pass},
		{name: "no count at the end of an SLO of a guard rail alone", edit: func(r *record) {
			r.miss(37, 37)
			r.x.SLOs[0].MaxBudgetSpend = nil
		}, verdict: inc, reason: result.NoData},
		{name: "an SLO of a guard rail alone spends freely", edit: func(r *record) {
			r.bad(12, 15, 87)
			r.x.SLOs[0].MaxBudgetSpend = nil
		}, verdict: result.Pass},

		// Expressions.
		{name: "an expression out of bounds", edit: func(r *record) { r.value(15, 15, 0.6, "") }, verdict: fail, reason: result.SLOBroken},
		{name: "an expression out of bounds just before the fault", edit: func(r *record) { r.value(9, 9, 0.6, "") }, verdict: result.Pass},
		{name: "an expression out of bounds as the last scrape under fault arrives", edit: func(r *record) { r.value(23, 23, 0.6, "") }, verdict: fail, reason: result.SLOBroken},
		{name: "an expression that still looks back at the fault", edit: func(r *record) { r.value(24, 25, 0.6, "") }, verdict: result.Pass},
		{name: "NaN", edit: func(r *record) { r.value(15, 15, nan(), result.TroubleNotFinite) }, verdict: inc, reason: result.NoData},
		{name: "several series", edit: func(r *record) { r.value(15, 15, 0.1, result.TroubleManySeries) }, verdict: inc, reason: result.NoData},
		{name: "one step without a value", edit: func(r *record) { r.value(15, 15, 0, result.TroubleNoData) }, verdict: result.Pass},
		{name: "two steps without a value", edit: func(r *record) { r.value(15, 16, 0, result.TroubleNoData) }, verdict: inc, reason: result.NoData},
		{name: "a step without a value beside one near the bound", edit: func(r *record) {
			r.value(14, 14, 0.46, "")
			r.value(15, 15, 0, result.TroubleNoData)
		}, verdict: inc, reason: result.NoData},
		{name: "values that could not be read again", edit: func(r *record) { r.ev.Series.Values[0].Unread = &result.Trouble{Kind: result.TroubleUnreachable} }, verdict: inc, reason: result.PrometheusUnreachable},

		// Alerts.
		{name: "an expected alert that never fires", edit: func(r *record) { r.ev.Series.Alerts = nil }, verdict: fail, reason: result.AlertMissing},
		{name: "an expected alert of another severity", edit: func(r *record) { r.ev.Series.Alerts[0].Labels = map[string]string{"severity": "info"} }, verdict: fail, reason: result.AlertMissing},
		{name: "an expected alert that is late", edit: func(r *record) { r.ev.Series.Alerts[0].Firing[0].Start = after(16.1) }, verdict: fail, reason: result.AlertLate},
		{name: "an expected alert in its last moment", edit: func(r *record) { r.ev.Series.Alerts[0].Firing[0].Start = after(16) }, verdict: result.Pass},

		// What is measured predicts when an expected alert fires.
		{name: "a predicted alert at the beginning of its band", edit: func(r *record) { r.burns(100, 12) }, verdict: result.Pass},
		{name: "a predicted alert at the end of its band", edit: func(r *record) { r.burns(100, 15.1) }, verdict: result.Pass},
		{name: "a predicted alert after its band", edit: func(r *record) { r.burns(100, 15.2) }, verdict: fail, reason: result.AlertLate},
		{name: "a predicted alert before its band", edit: func(r *record) { r.burns(100, 11.9) }, verdict: fail, reason: result.FiredEarly},
		{name: "an alert after its band, within the author's own bound", edit: func(r *record) {
			r.burns(100, 15.2)
			r.x.Expect[0].WithinPredicted = false
		}, verdict: result.Pass},
		{name: "an alert before its band, within the author's own bound", edit: func(r *record) {
			r.burns(100, 11.9)
			r.x.Expect[0].WithinPredicted = false
		}, verdict: fail, reason: result.FiredEarly},
		{name: "an alert after the author's own bound", edit: func(r *record) {
			r.burns(100, 14)
			r.x.Expect[0].Within, r.x.Expect[0].WithinPredicted = 3.9, false
		}, verdict: fail, reason: result.AlertLate},
		{name: "an alert at half of the errors, at its time", edit: func(r *record) {
			r.burns(50, 16)
			r.x.Expect[0].Within = 5
		}, verdict: result.Pass},
		{name: "an alert at half of the errors, at the time of an outage", edit: func(r *record) { r.burns(50, 12.9) }, verdict: fail, reason: result.FiredEarly},
		{name: "an alert that fires without its errors", edit: func(r *record) { r.burns(0, 13) }, verdict: fail, reason: result.FiredEarly},
		{name: "an alert at its errors, before its guard", edit: func(r *record) {
			r.burns(100, 12.9)
			r.x.Expect[0].Rules[0].Burn.LeastBad = 150
		}, verdict: fail, reason: result.FiredEarly},
		{name: "an alert after its guard", edit: func(r *record) {
			r.burns(100, 13)
			r.x.Expect[0].Rules[0].Burn.LeastBad = 150
		}, verdict: result.Pass},
		{name: "an alert after the group that records for it", edit: func(r *record) {
			r.burns(100, 17)
			r.x.Expect[0].Rules[0].Hop = 2
		}, verdict: result.Pass},
		{name: "an alert before its pending time", edit: func(r *record) {
			r.burns(100, 13.5)
			r.x.Expect[0].Rules[0].For = 1.5
		}, verdict: fail, reason: result.FiredEarly},
		{name: "an alert after its pending time", edit: func(r *record) {
			r.burns(100, 14)
			r.x.Expect[0].Rules[0].For = 1.5
		}, verdict: result.Pass},
		{name: "an alert of which the errors could not be read", edit: func(r *record) {
			r.burns(100, 13)
			r.ev.Series.Errors[0] = result.Errors{SLO: "availability", Unread: &result.Trouble{Kind: result.TroubleUnreachable}}
		}, verdict: inc, reason: result.PrometheusUnreachable},
		{name: "an alert of which the errors are not there", edit: func(r *record) {
			r.burns(100, 13)
			r.ev.Series.Errors = nil
		}, verdict: inc, reason: result.NoData},
		{name: "a predicted alert that never fires", edit: func(r *record) {
			r.burns(100, 13)
			r.ev.Series.Alerts = nil
		}, verdict: fail, reason: result.AlertMissing},
		{name: "a rule that nothing predicts has the bound that it had", edit: func(r *record) {
			r.burns(100, 15.9)
			r.x.Expect[0].Rules[0].Burn = nil
		}, verdict: result.Pass},
		{name: "a rule that nothing predicts, after the bound that it had", edit: func(r *record) {
			r.burns(100, 16.1)
			r.x.Expect[0].Rules[0].Burn = nil
		}, verdict: fail, reason: result.AlertLate},
		{name: "an alert of one of two rules, nobody knows which", edit: func(r *record) {
			r.burns(100, 15.9)
			other := r.x.Expect[0].Rules[0]
			other.Rule.Group = "other"
			r.x.Expect[0].Rules = append(r.x.Expect[0].Rules, other)
		}, verdict: result.Pass},
		{name: "an alert of the rule with its labels", edit: func(r *record) {
			r.burns(100, 15.2)
			r.x.Expect[0].Rules[0].Rule.Labels = map[string]string{"severity": "page"}
		}, verdict: result.Pass},
		{name: "a second series before its band", edit: func(r *record) {
			r.burns(100, 12)
			r.another(11.5, 23)
		}, verdict: fail, reason: result.FiredEarly},
		{name: "a second series after the band of the first", edit: func(r *record) {
			r.burns(100, 12)
			r.another(19, 23)
		}, verdict: result.Pass},
		{name: "a control run is not predicted", edit: func(r *record) {
			r.burns(100, 13)
			r.control()
		}, verdict: result.Pass},

		{name: "an alert on a condition at the beginning of its band", edit: func(r *record) { r.downs("", 12, 13.9) }, verdict: result.Pass},
		{name: "an alert on a condition before its band", edit: func(r *record) { r.downs("", 12, 13.8) }, verdict: fail, reason: result.FiredEarly},
		{name: "an alert on a condition at the end of its band", edit: func(r *record) { r.downs("", 12, 17.2) }, verdict: result.Pass},
		{name: "an alert on a condition after its band", edit: func(r *record) { r.downs("", 12, 17.3) }, verdict: fail, reason: result.AlertLate},
		{name: "an alert on a condition that was met before the fault", edit: func(r *record) { r.downs("", 8.5, 10.5) }, verdict: result.Pass},
		{name: "an alert on a condition that was over before the fault", edit: func(r *record) {
			r.downs("", 3, 14)
			r.ev.Series.Conditions[0].Met[0].Spans[0].End = after(9)
		}, verdict: fail, reason: result.FiredEarly},
		{name: "a second series before its own band", edit: func(r *record) {
			r.downs("a", 12, 14)
			r.ev.Series.Conditions[0].Met = append(r.ev.Series.Conditions[0].Met, result.Met{
				Labels: map[string]string{"pod": "b"}, Spans: []result.Span{{Start: after(18), End: after(22)}},
			})
			r.ev.Series.Alerts[0].Labels, r.ev.Delivery = map[string]string{"severity": "ticket", "pod": "a"}, nil
			r.another(16, 23)
		}, verdict: fail, reason: result.FiredEarly},
		{name: "errors that began before the fault count", edit: func(r *record) {
			r.burns(100, 10.5)
			r.errsBefore(3 * time.Second)
		}, verdict: result.Pass},
		{name: "an alert that has been pending since before the fault, at its time", edit: func(r *record) {
			r.burns(100, 12.3)
			r.x.Expect[0].Rules[0].For = 3
			r.errsBefore(3 * time.Second)
		}, verdict: result.Pass},
		{name: "an alert that has been pending since before the fault, after its band", edit: func(r *record) {
			r.burns(100, 15.25)
			r.x.Expect[0].Rules[0].For = 3
			r.errsBefore(3 * time.Second)
		}, verdict: fail, reason: result.AlertLate},
		{name: "an alert on a condition that another series met", edit: func(r *record) { r.downs("b", 12, 14) }, verdict: fail, reason: result.FiredEarly},
		{name: "an alert on a condition that could not be read", edit: func(r *record) {
			r.downs("", 12, 14)
			r.ev.Series.Conditions[0].Unread = &result.Trouble{Kind: result.TroubleUnreachable}
		}, verdict: inc, reason: result.PrometheusUnreachable},
		{name: "an alert on a condition that was not read", edit: func(r *record) {
			r.downs("", 12, 14)
			r.ev.Series.Conditions = nil
		}, verdict: inc, reason: result.NoData},

		// Delivery.
		{name: "an expected alert that nobody was asked about", edit: func(r *record) { r.ev.Delivery = nil }, verdict: result.Pass},
		{name: "an expected alert where there is no Alertmanager", edit: func(r *record) { r.ev.Delivery = &result.Delivery{None: "there is none"} }, verdict: result.Pass},
		{name: "an expected alert that arrives late", edit: func(r *record) { r.ev.Delivery.Alerts[0].Seen, r.ev.Delivery.Alerts[0].Lacking = at(33), at(32) }, verdict: result.Pass},
		{name: "an expected alert that Alertmanager lacks for 10 s", edit: func(r *record) { r.lacking(23) }, verdict: fail, reason: result.AlertNotDelivered},
		{name: "an expected alert that Alertmanager lacks for less", edit: func(r *record) { r.lacking(22.9) }, verdict: inc, reason: result.DeliveryUnknown},
		{name: "an expected alert that Alertmanager does not answer about", edit: func(r *record) {
			r.ev.Delivery.Alerts[0].Seen, r.ev.Delivery.Alerts[0].Trouble = nil, &result.Trouble{Kind: result.TroubleUnreachable}
		}, verdict: inc, reason: result.DeliveryUnknown},
		{name: "an expected alert that nobody asked about", edit: func(r *record) { r.ev.Delivery.Alerts = nil }, verdict: inc, reason: result.DeliveryUnknown},
		{name: "an Alertmanager that cannot be asked", edit: func(r *record) { r.ev.Delivery = &result.Delivery{Trouble: &result.Trouble{Kind: result.TroubleOther}} }, verdict: inc, reason: result.DeliveryUnknown},
		{name: "another alert that arrived", edit: func(r *record) { r.ev.Delivery.Alerts[0].Name = "Other" }, verdict: inc, reason: result.DeliveryUnknown},
		{name: "the alert of another pod that arrived", edit: func(r *record) {
			r.ev.Delivery.Alerts[0].Labels = map[string]string{"severity": "ticket", "pod": "b"}
		}, verdict: inc, reason: result.DeliveryUnknown},
		{name: "one of two series that arrived, the other too short to say", edit: func(r *record) {
			r.another(20, 22)
			r.ev.Delivery.Alerts = append(r.ev.Delivery.Alerts, result.Delivered{Name: "ReplicaDown", Labels: map[string]string{"severity": "ticket", "pod": "b"}, Lacking: at(21)})
		}, verdict: result.Pass},
		{name: "one of two series that arrived, the other lost", edit: func(r *record) {
			r.another(13, 23)
			r.ev.Delivery.Alerts = append(r.ev.Delivery.Alerts, result.Delivered{Name: "ReplicaDown", Labels: map[string]string{"severity": "ticket", "pod": "b"}, Lacking: at(23)})
		}, verdict: fail, reason: result.AlertNotDelivered},
		{name: "a control run expects nothing to arrive", edit: func(r *record) {
			r.control()
			r.ev.Delivery.Alerts = nil
		}, verdict: result.Pass},

		{name: "an expected alert that resolves late", edit: func(r *record) { r.ev.Series.Alerts[0].Firing[0].End = after(27.1) }, verdict: fail, reason: result.AlertNotResolved},
		{name: "an expected alert that does not resolve", edit: func(r *record) { r.ev.Series.Alerts[0].Firing[0].End = after(end) }, verdict: fail, reason: result.AlertNotResolved},
		{name: "an expected alert that has time to resolve and does not", edit: func(r *record) {
			r.x.Expect[0].ResolvesWithin = 20
			r.ev.Series.Alerts[0].Firing[0].End = after(end)
		}, verdict: fail, reason: result.AlertNotResolved},
		{name: "another alert does not keep the expected one unresolved", edit: func(r *record) {
			r.ev.Series.Alerts = append(r.ev.Series.Alerts, firing("ReplicaDown", map[string]string{"severity": "info"}, 13, end))
		}, verdict: result.Pass},
		{name: "a forbidden alert", edit: func(r *record) {
			r.ev.Series.Alerts = append(r.ev.Series.Alerts, firing("Burn", map[string]string{"severity": "page"}, 30, 31))
		}, verdict: fail, reason: result.AlertForbidden},
		{name: "alerts that could not be read", edit: func(r *record) { r.ev.Series.AlertsTrouble = &result.Trouble{Kind: result.TroubleUnreachable} }, verdict: inc, reason: result.PrometheusUnreachable},

		// Recovery.
		{name: "a pod that stays away", edit: func(r *record) { r.ev.Series.Health[2].Ready = 2 }, verdict: fail, reason: result.NotRecovered},
		{name: "a workload that stays smaller", edit: func(r *record) { r.ev.Series.Health[2].Ready, r.ev.Series.Health[2].Wanted = 2, 2 }, verdict: fail, reason: result.NotRecovered},
		{name: "a workload that an autoscaler made smaller", edit: func(r *record) {
			r.ev.Series.Health[2].Ready, r.ev.Series.Health[2].Wanted, r.ev.Series.Health[2].Autoscaled = 2, 2, true
		}, verdict: result.Pass},
		{name: "pods that nobody counts any more", edit: func(r *record) { r.ev.Series.Health[2].To = after(26) }, verdict: inc, reason: result.NoData},
		{name: "a pod that is back without a window left", edit: func(r *record) {
			r.ev.Series.Health[1].To, r.ev.Series.Health[2].From = after(33), after(33.5)
		}, verdict: fail, reason: result.NotRecovered},
		{name: "a pod that goes again after the probation", edit: func(r *record) {
			away := r.ev.Series.Health[1].Pods
			r.ev.Series.Health = append(r.ev.Series.Health, result.HealthSpan{Pods: away, From: after(35), To: after(watched)})
		}, verdict: fail, reason: result.NotRecovered},
		{name: "bad events early in the probation begin it again", edit: func(r *record) { r.bad(23, 25, 2) }, verdict: result.Pass},
		{name: "bad events until no window is left", edit: func(r *record) { r.bad(22, 31, 2) }, verdict: fail, reason: result.NotRecovered},
		{name: "two bad events after the probation", edit: func(r *record) { r.bad(34, 35, 2) }, verdict: fail, reason: result.NotRecovered},
		{name: "one bad event after the removal", edit: func(r *record) { r.bad(24, 25, 1) }, verdict: result.Pass},
		{name: "a window that misses its deadline", edit: func(r *record) { r.x.Timing.Recover = 9 }, verdict: fail, reason: result.NotRecovered},
		{name: "a recovery that nobody watched to its end", edit: func(r *record) { r.stop() }, verdict: inc, reason: result.Interrupted, wrong: true},
		{name: "a fault that was never removed", edit: func(r *record) { r.ev.Moments.Removed = nil }, verdict: inc, reason: result.Interrupted, wrong: true},

		// What is left.
		{name: "something left", edit: func(r *record) { r.ev.Cleanup.Residue = []string{"toxic"} }, verdict: result.Residual, reason: result.LeftBehind},
		{name: "a removal that failed", edit: func(r *record) { r.ev.Cleanup.Removal = &result.Trouble{} }, verdict: result.Residual, reason: result.LeftBehind},
		{name: "an audit without an answer", edit: func(r *record) { r.ev.Cleanup.Audited = false }, verdict: result.Residual, reason: result.LeftBehind},
		{name: "an audit of a target that is lost", edit: func(r *record) {
			r.ev.Cleanup = &result.Cleanup{Audit: &result.Trouble{Kind: result.TroubleTarget}}
		}, verdict: inc, reason: result.TargetUnreachable},
		{name: "no audit at all", edit: func(r *record) { r.ev.Cleanup = nil }, verdict: inc, reason: result.Interrupted, wrong: true},

		// Without a fault.
		{name: "a control run without the alert", edit: func(r *record) { r.control() }, verdict: result.Pass},
		{name: "a control run in which the expected alert fires", edit: func(r *record) {
			alerts := r.ev.Series.Alerts
			r.control()
			r.ev.Series.Alerts = alerts
		}, verdict: fail, reason: result.AlertForbidden},

		// Nothing was asked.
		{name: "a run that asserts nothing but silence", edit: func(r *record) {
			r.x.SLOs, r.x.Values, r.x.Expect, r.x.Rails = nil, nil, nil, nil
		}, verdict: inc, reason: result.Interrupted, wrong: true},
		{name: "no evidence at all", edit: func(r *record) { r.ev = result.Evidence{} }, verdict: inc, reason: result.Interrupted, wrong: true},
	}
}

// burns makes the expected alert one on an error ratio of 5% over 20 s, which has n of 100
// bad events a second from one second after the fault on, and lets it fire at a time. Of an
// outage 100 events are bad at 12 s, of which 95 are 5%.
func (r *record) burns(n, fires float64) {
	r.x.Expect[0].WithinPredicted = true
	r.x.Expect[0].Rules = []result.AlertRule{{
		Rule:       result.RuleID{Alert: "ReplicaDown", Labels: map[string]string{"severity": "ticket"}},
		Evaluation: 1, Burn: &result.BurnRule{SLO: "availability", Good: "good", Total: "all", Long: 20, Short: 4, Threshold: 0.05},
	}}
	series := result.Errors{SLO: "availability"}
	bad, total := 0.0, 0.0
	for i := began - 20; i <= end; i++ {
		if total += perSecond; i > t0+1 && i <= removed {
			bad += n
		}
		series.Steps = append(series.Steps, result.Count{T: after(float64(i)), Good: total - bad, Total: total})
	}
	r.ev.Series.Errors = []result.Errors{series}
	r.fires(fires)
}

// errsBefore moves what was counted of errors back in time.
func (r *record) errsBefore(by time.Duration) {
	for i := range r.ev.Series.Errors[0].Steps {
		r.ev.Series.Errors[0].Steps[i].T = r.ev.Series.Errors[0].Steps[i].T.Add(-by)
	}
}

// downs makes the expected alert one on a condition that a pod, or a series without that
// label, meets from a time on, with a pending time of 1.6 s, and lets it fire at a time.
func (r *record) downs(pod string, from, fires float64) {
	rule := result.RuleID{Alert: "ReplicaDown", Labels: map[string]string{"severity": "ticket"}}
	r.x.Expect[0].Within, r.x.Expect[0].WithinPredicted = 9, true
	r.x.Expect[0].Rules = []result.AlertRule{{Rule: rule, Evaluation: 1, For: 1.6, Condition: "up == 0"}}
	var labels map[string]string
	if pod != "" {
		labels = map[string]string{"pod": pod}
	}
	r.ev.Series.Conditions = []result.Condition{{Rule: rule, Step: 0.1, Met: []result.Met{
		{Labels: labels, Spans: []result.Span{{Start: after(from), End: after(22)}}},
	}}}
	r.fires(fires)
}

// fires lets the expected alert fire from a time on.
func (r *record) fires(at float64) { r.ev.Series.Alerts[0].Firing[0].Start = after(at) }

// lasting leaves a burn alert of earlier errors when the time to wait was over.
func (r *record) lasting(state string, ratio float64) {
	r.ev.Before.Settled = &result.Settled{Allowed: 60, Waited: 60, Left: []result.Lasting{
		{Rule: result.RuleID{Alert: "Burn"}, State: state, Ratio: result.Number(ratio), Threshold: 0.0144},
	}}
}

// lacking lets Alertmanager lack the alert until the time given.
func (r *record) lacking(until float64) {
	r.ev.Delivery.Alerts[0].Seen, r.ev.Delivery.Alerts[0].StartsAt, r.ev.Delivery.Alerts[0].Lacking = nil, nil, at(until)
}

// another lets the expected alert fire for another pod, too.
func (r *record) another(from, to float64) {
	r.ev.Series.Alerts = append(r.ev.Series.Alerts, firing("ReplicaDown", map[string]string{"severity": "ticket", "pod": "b"}, from, to))
}

// youngDown makes the expected alert one whose window is longer than its history.
func (r *record) youngDown() {
	r.ev.Before.Histories = []result.History{{
		Rule: result.RuleID{Alert: "ReplicaDown", Labels: map[string]string{"severity": "ticket"}},
		SLO:  "availability", Window: 200, Threshold: 0.5, At: after(began), Reaches: 100, Step: 1,
	}}
}

// youngBurn fires a forbidden burn alert in a history of 100 s for its window of 400,
// at an error ratio before the run, and with n bad events in it. 40,000 events are in a
// full window, of which it wants 0.14375%: 57.5.
func (r *record) youngBurn(before, n float64) {
	r.bad(13, 14, n)
	r.ev.Before.Histories = []result.History{{
		Rule: result.RuleID{Alert: "Burn", Labels: map[string]string{"severity": "page"}},
		SLO:  "availability", Window: 400, Threshold: 57.5 / 40_000, At: after(began), Reaches: 100, Step: 1, Ratio: ptr(result.Number(before)),
	}}
	r.ev.Series.Alerts = append(r.ev.Series.Alerts, firing("Burn", map[string]string{"severity": "page"}, 14, 20))
}

// ruled wants the rule of the expected alert, and loads it with a severity.
func (r *record) ruled(severity string) {
	id := func(severity string) []result.RuleID {
		return []result.RuleID{{Alert: "ReplicaDown", Labels: map[string]string{"severity": severity}}}
	}
	r.ev.Before.Rules = &result.Rules{Wanted: id("ticket"), Loaded: id(severity)}
}

// control makes the record one of a run without a fault.
func (r *record) control() {
	r.x.Control = true
	r.ev.Effects, r.ev.Cleanup, r.ev.Series.Alerts = nil, nil, nil
	for i := range r.ev.Series.Health {
		r.ev.Series.Health[i].Ready = 3
	}
}

func TestEveryRuleOfTheJudge(t *testing.T) {
	for _, tc := range rules() {
		t.Run(tc.name, func(t *testing.T) {
			r := passing()
			if tc.edit != nil {
				tc.edit(&r)
			}
			j, err := Judge(r.x, r.ev)
			if j.Verdict != tc.verdict || j.Reason != tc.reason {
				t.Errorf("%s %q, want %s %q\n%+v\n%+v", j.Verdict, j.Reason, tc.verdict, tc.reason, j.Findings, j.Asserts)
			}
			if errors.Is(err, ErrRecord) != tc.wrong {
				t.Errorf("the record is wrong: %v, want %v", err, tc.wrong)
			}
			for _, a := range j.Asserts {
				if j.Verdict == result.Pass && a.Outcome != result.Held {
					t.Errorf("a pass with %+v", a)
				}
			}
			if (j.Verdict == result.Pass) != (len(j.Findings) == 0) {
				t.Errorf("%s with %d findings", j.Verdict, len(j.Findings))
			}
		})
	}
}

func TestALoadThatIsNotFeltIsNamedBesideTheVerdict(t *testing.T) {
	const words = " Load applied, not felt: PodChaos/f on monitor/a."
	for name, tt := range map[string]struct {
		confirmed, held bool
		want            bool
	}{
		"not felt at the last measurement": {false, true, true},
		"felt at the last measurement":     {true, false, false},
		"felt all the time":                {false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := passing()
			r.ev.Effects[0].Effects[0].Unfelt, r.ev.Effects[1].Effects[0].Unfelt = tt.confirmed, tt.held
			j, err := Judge(r.x, r.ev)
			if err != nil || j.Verdict != result.Pass {
				t.Fatalf("%s, %v", j.Verdict, err)
			}
			if got := strings.HasSuffix(j.Summary, words); got != tt.want {
				t.Errorf("the summary is %q", j.Summary)
			}
		})
	}
}

func TestAPodThatWaitsToBeStartedIsNamed(t *testing.T) {
	r := passing()
	r.ev.Series.Health[2].Ready, r.ev.Series.Health[2].Waiting = 2, "monitor-b waits: CrashLoopBackOff, back-off 1m20s"
	j, err := Judge(r.x, r.ev)
	if err != nil || j.Reason != result.NotRecovered {
		t.Fatalf("%s (%s), %v", j.Verdict, j.Reason, err)
	}
	if !strings.HasSuffix(j.Findings[0].Detail, "are ready; monitor-b waits: CrashLoopBackOff, back-off 1m20s") {
		t.Errorf("the detail is %q", j.Findings[0].Detail)
	}
}
