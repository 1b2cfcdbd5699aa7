package report

import "github.com/ballast-sre/ballast/chaos/runner/internal/result"

// advice is what to do first about a run, in one or two sentences. The reference has the
// same in more words, docs/reference/verdicts.md.
func advice(run result.Run, target string) string {
	switch run.Reason {
	case result.LeftBehind:
		return "Run ballast sweep --target " + target + ", then look at what it names."
	case result.GuardRail:
		return "The fault hurts more than the guard rail allows: make the service bear it, or narrow the fault."
	case result.KillSwitch:
		return "Ask who set the kill switch, and why; unset it, then run again."
	case result.SLOBroken:
		return "Find out why the service did not bear the fault: the chain and the chart say when, and what was logged then. Do not deploy this version."
	case result.NotRecovered:
		return "Find out what was still missing when the time was over: readiness, a queue, a cache that has to fill."
	case result.AlertMissing:
		return "Compare the rule's windows and threshold with what the chart shows: ballast slo predict says which errors it needs."
	case result.AlertLate:
		return "Look at the evaluations of the alert's group and at its for; ballast slo predict has the arithmetic."
	case result.FiredEarly:
		return "Compare threshold, windows and for of the rule that Prometheus has loaded with those of the rule files."
	case result.AlertNotResolved:
		return "Look whether the service or the alert's window was slow to come back."
	case result.AlertNotDelivered:
		return "Look at prometheus_notifications_dropped_total and at the alerting configuration of Prometheus."
	case result.AlertForbidden:
		return "Follow the runbook of the alert that fired, or expect the alert when it is right to fire."
	case result.BaselineUnhealthy:
		return "Repair the service first: it was not healthy before the fault. Look at the chart before 0 s."
	case result.LowTraffic:
		return "Raise the load or lengthen baseline; if the rate fell under the fault, find out what stopped the probe."
	case result.NoData:
		return "Run the query of the report in Prometheus and check that its target is scraped."
	case result.PrometheusUnreachable:
		return "Check the address and the load of Prometheus, and set both clocks by NTP."
	case result.TargetUnreachable:
		return "Read the detail: it has the last lines of the log, or what to free or raise."
	case result.Busy:
		return "Wait for the other run, or end it."
	case result.ResidueBefore:
		return "Run ballast sweep --target " + target + ", then run again."
	case result.NoTarget:
		return "Run ballast plan, and compare labels and namespace with the selector."
	case result.BlastRadius:
		return "Narrow the selector or the mode, or allow more in blastRadius on purpose."
	case result.NotInjected:
		return "Read the detail: this target cannot do the fault, or refused it. Run it where it can be done."
	case result.PartialInjection:
		return "Look at the targets that were not hit; the detail names them."
	case result.NotConfirmed:
		return "Compare what was measured at the target with what the fault asks for."
	case result.NotHeld:
		return "Find out what healed the fault, or give it a longer duration."
	case result.InstrumentUnfit:
		return "Run it on a less busy machine, or with a smaller --parallel."
	case result.BudgetExhausted:
		return "Wait until there is budget again, or lower maxBudgetSpend."
	case result.Interrupted:
		return "Run it again."
	case result.Skipped:
		return "Mend what came before it, or give --keep-going."
	case result.PhasesTooShort:
		return "Give the experiment the times that the detail names."
	case result.RulesMissing:
		return "Load the rule files into that Prometheus: ballast slo generate writes them."
	case result.RulesNotEvaluated:
		return "Look at the rules page of Prometheus, and read the error in the detail."
	case result.YoungHistory:
		return "Wait until Prometheus has as much history as the window in the detail."
	case result.DeliveryUnknown:
		return "Check that Alertmanager can be asked; the detail says why it could not."
	}
	return ""
}
