package main

// chaosMark is the time in which an experiment runs on the cluster, as its guard sees it.
func chaosMark() mark {
	return mark{
		name: "Chaos runs", color: "purple", title: "Chaos", text: "an experiment runs",
		expr: `sum(ballast_guard_runs{state="live"}) > 0`,
	}
}

// runMark is the end of each experiment's run, with its verdict.
func runMark() mark {
	return mark{
		name: "Chaos verdicts", color: "orange", title: "{{experiment}}: {{verdict}}", text: "a run on {{target}} ended", at: true,
		expr: `1000 * max by (experiment, target) (ballast_experiment_end_timestamp_seconds) * on (experiment, target) group_right () max by (experiment, target, verdict) (ballast_experiment_verdict)`,
	}
}

// deployMark is each sync of an application.
func deployMark() mark {
	return mark{
		name: "Deploys", color: "blue", title: "Deploy: {{name}}", text: "Argo CD applied {{name}}",
		expr: `sum by (name) (increase(argocd_app_sync_total{dry_run="false",phase="Succeeded"}[$__rate_interval])) > 0`,
	}
}
