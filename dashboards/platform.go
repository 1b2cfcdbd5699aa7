package main

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// platformBoard is what delivers the services, and what watches them.
func platformBoard() board {
	return board{
		uid: uidPlatform, title: "Platform", from: "now-6h",
		about: "What delivers and watches the services: Argo CD's applications, scrapes, rules, alerts on their way to people, and logs.",
		variables: []variable{
			{name: "namespace", label: "Namespace", about: "Whose targets are shown.", of: "namespace", selector: "up"},
		},
		marks: []mark{chaosMark(), deployMark()},
		rows: []row{
			{"Now", platformTiles()},
			{"Alerts", []panel{platformAlerts()}},
			{"From push to serving", pushPanels()},
			{"Applications", applicationPanels()},
			{"Scrapes", scrapePanels()},
			{"Rules", rulePanels()},
			{"Alerts on their way", deliveryPanels()},
			{"Logs", logPanels()},
			{"Programs", programPanels()},
		},
	}
}

func platformTiles() []panel {
	watchdog := tile("Watchdog", "The alert that always fires. Without it nothing is evaluated, and no other alert can be trusted to be silent.", units.Number, `max(ALERTS{alertname="Watchdog",alertstate="firing"})`, nil)
	watchdog.states, watchdog.none = []state{{value: 1, text: "fires", color: "green"}}, "Silent"
	config := tile("Configurations refused", "Prometheus and Alertmanager, where the newest configuration was refused and an older one runs.", units.Number,
		"sum(1 - prometheus_config_last_reload_successful) + sum(1 - alertmanager_config_last_reload_successful)", bad("red"))
	return []panel{
		watchdog,
		tile("Applications out of sync", "Applications of Argo CD whose objects in the cluster are not those of git.", units.Number, `count(argocd_app_info{sync_status!="Synced"}) or 0 * count(argocd_app_info)`, bad("orange")),
		tile("Applications unhealthy", "Applications of which Argo CD says anything but healthy.", units.Number, `count(argocd_app_info{health_status!="Healthy"}) or 0 * count(argocd_app_info)`, bad("red")),
		tile("Targets down", "Targets of any job whose last scrape failed.", units.Number, `sum(1 - up{namespace=~"$namespace"})`, bad("red")),
		tile("Failed evaluations", "Evaluations of rules that failed within the range.", units.Number, `sum(increase(prometheus_rule_evaluation_failures_total[$__range]))`, bad("red")),
		config,
	}
}

func platformAlerts() panel {
	const by = "alertname, severity, service, namespace, pod"
	return panel{
		kind: kindTable, title: "Alerts that fire", unit: units.Seconds, w: gridWidth, h: chartHeight, none: "No alert fires",
		about: "All alerts that fire, of SLOs and of causes, without the watchdog, and since when their condition has held. Empty and the watchdog silent: nothing is evaluated.",
		queries: []query{{expr: fmt.Sprintf(`time() - max by (%[1]s) (ALERTS_FOR_STATE{alertname!="Watchdog"})
and on (%[1]s) max by (%[1]s) (ALERTS{alertstate="firing",alertname!="Watchdog"})`, by)}},
		sort: sorting{"Severity", false},
		columns: []column{
			{field: "alertname", name: "Alert", links: []link{{"Runbook", runbooks + "${__value.raw}.md"}}},
			{field: "severity", name: "Severity", states: severities()},
			{field: "service", name: "Service"},
			{field: "namespace", name: "Namespace"},
			{field: "pod", name: "Pod"},
			{field: "A", name: "Active for", unit: units.DurationSeconds},
		},
	}
}

func applicationPanels() []panel {
	list := panel{
		kind: kindTable, title: "Applications", unit: units.Number, w: 12, h: chartHeight, none: "Argo CD is not scraped",
		about:   "Argo CD's applications, with whether the cluster is as git says and whether the objects are healthy.",
		queries: []query{{expr: "max by (name, project, sync_status, health_status, autosync_enabled) (argocd_app_info)"}},
		columns: []column{
			{field: "name", name: "Application"},
			{field: "project", name: "Project"},
			{field: "sync_status", name: "Sync", states: []state{{of: "Synced", text: "Synced", color: "green"}, {of: "OutOfSync", text: "OutOfSync", color: "orange"}, {of: "Unknown", text: "Unknown", color: "purple"}}},
			{field: "health_status", name: "Health", states: []state{
				{of: "Healthy", text: "Healthy", color: "green"},
				{of: "Progressing", text: "Progressing", color: "blue"},
				{of: "Suspended", text: "Suspended", color: "yellow"},
				{of: "Degraded", text: "Degraded", color: "red"},
				{of: "Missing", text: "Missing", color: "red"},
				{of: "Unknown", text: "Unknown", color: "purple"},
			}},
			{field: "autosync_enabled", name: "Syncs itself"},
			{field: "A", name: "Value", hidden: true},
		},
		sort: sorting{"Sync", false},
	}
	timeline := panel{
		kind: kindTimeline, title: "In sync", unit: units.Number, w: 12, h: chartHeight,
		about:   "When each application was as git says. Out of sync for long: syncs fail, or are not automatic.",
		states:  []state{{value: 0, text: "out of sync", color: "orange"}, {value: 1, text: "synced", color: "green"}},
		queries: []query{{`max by (name) (argocd_app_info{sync_status="Synced"}) or 0 * max by (name) (argocd_app_info)`, "{{name}}"}},
	}
	syncs := panel{
		kind: kindSeries, title: "Syncs", unit: units.Number, w: 8, h: chartHeight, stacked: true,
		about:   "Syncs that ended, by how. Those of Succeeded are deploys.",
		queries: []query{{`sum by (name, phase) (increase(argocd_app_sync_total{dry_run="false"}[$__rate_interval]))`, "{{name}} {{phase}}"}},
	}
	took := third("How long syncs take", "How long a sync takes on average, from its start to its end, with the waits between waves. Argo CD counts whole seconds. Where there is no line, no sync ended.", units.Seconds,
		query{`sum by (name) (increase(argocd_app_sync_duration_seconds_total[$__rate_interval]))
/ (sum by (name) (increase(argocd_app_sync_total[$__rate_interval])) > 0)`, "{{name}}"})
	healed := third("Drift that was healed", "Syncs that Argo CD began by itself because the cluster was not as git says: somebody, or something, changed it. Measured where the repositories are a sandbox's.", units.Number,
		query{"sum by (application) (increase(ballast_drift_healed_total[$__rate_interval]))", "{{application}}"})
	return []panel{list, timeline, syncs, took, healed}
}

func scrapePanels() []panel {
	up := panel{
		kind: kindTimeline, title: "Targets", unit: units.PercentUnit, w: gridWidth, h: chartHeight, limits: between(0, 1),
		about:   "The share of each job's targets whose scrape succeeded. A job that is gone from service discovery has no line any more.",
		steps:   []step{{color: "red"}, {0.5, "orange"}, {1, "green"}},
		queries: []query{{`avg by (namespace, job) (up{namespace=~"$namespace"})`, "{{namespace}} {{job}}"}},
	}
	return []panel{up}
}

// group is the name of a rule group, without the file that it is in.
func group(expr string) string {
	return fmt.Sprintf(`max by (group) (label_replace(%s, "group", "$1", "rule_group", ".*;(.*)"))`, expr)
}

func rulePanels() []panel {
	return []panel{
		third("Failed evaluations", "Rules that could not be evaluated: their alerts do not fire.", units.CountsPerSecond,
			query{group("sum by (rule_group) (rate(prometheus_rule_evaluation_failures_total[$__rate_interval]))"), "{{group}}"}),
		third("Evaluations left out", "Evaluations of a group that were left out, as the one before took too long.", units.CountsPerSecond,
			query{group("sum by (rule_group) (rate(prometheus_rule_group_iterations_missed_total[$__rate_interval]))"), "{{group}}"}),
		third("Time to evaluate", "How much of its interval the last evaluation of a group took. At 100% evaluations are left out.", units.PercentUnit,
			query{group("max by (rule_group) (prometheus_rule_group_last_duration_seconds / prometheus_rule_group_interval_seconds)"), "{{group}}"}),
		chart("Series", "Series that Prometheus has in memory, which is what its memory goes to.", units.Short,
			query{"sum(prometheus_tsdb_head_series)", "series"}),
		chart("Age of the last evaluation", "How long ago each group of the repository's rules was evaluated.", units.Seconds,
			query{"time() - max by (rule_group) (ballast_slo:evaluated:timestamp)", "{{rule_group}}"}),
	}
}

func deliveryPanels() []panel {
	lost := third("Lost", "Alerts that Prometheus could not send to Alertmanager, or dropped. Nobody hears of them.", units.CountsPerSecond,
		query{"sum(rate(prometheus_notifications_errors_total[$__rate_interval]))", "not sent"},
		query{"sum(rate(prometheus_notifications_dropped_total[$__rate_interval]))", "dropped"})
	failed := third("Notifications that failed", "Messages to receivers that did not arrive, by why.", units.CountsPerSecond,
		query{"sum by (integration, reason) (rate(alertmanager_notifications_failed_total[$__rate_interval]))", "{{integration}} {{reason}}"})
	return []panel{
		third("Sent to Alertmanager", "Alerts that Prometheus sends.", units.CountsPerSecond, query{"sum(rate(prometheus_notifications_sent_total[$__rate_interval]))", "sent"}),
		lost,
		third("Alerts in Alertmanager", "Alerts that Alertmanager has, and those that it keeps silent.", units.Number, query{"max by (state) (alertmanager_alerts)", "{{state}}"}),
		third("Notifications", "Messages to receivers.", units.CountsPerSecond, query{"sum by (integration) (rate(alertmanager_notifications_total[$__rate_interval]))", "{{integration}}"}),
		failed,
		third("Alertmanagers", "Alertmanagers that Prometheus sends to, and alerts that wait to be sent.", units.Number,
			query{"min(prometheus_notifications_alertmanagers_discovered)", "found"}, query{"sum(prometheus_notifications_queue_length)", "alerts waiting"}),
	}
}

func logPanels() []panel {
	return []panel{
		third("Lines read and sent", "Lines of logs that the collectors read, and those that they sent to the store.", units.CountsPerSecond,
			query{"sum(rate(otelcol_receiver_accepted_log_records[$__rate_interval]))", "read"},
			query{"sum(rate(otelcol_exporter_sent_log_records[$__rate_interval]))", "sent"}),
		third("Lines refused and dropped", "Lines that a collector refused to take, or the store dropped. They are lost.", units.CountsPerSecond,
			query{"sum(rate(otelcol_receiver_refused_log_records[$__rate_interval]))", "refused by the collector"},
			query{"sum by (reason) (rate(vl_rows_dropped_total[$__rate_interval]))", "dropped: {{reason}}"}),
		third("Queue", "How full the queues of the collectors are. A full one stops reading.", units.PercentUnit,
			query{"max by (exporter) (otelcol_exporter_queue_size / otelcol_exporter_queue_capacity)", "{{exporter}}"}),
		third("Lines stored", "Lines that the store took.", units.CountsPerSecond, query{"sum by (type) (rate(vl_rows_ingested_total[$__rate_interval]))", "{{type}}"}),
		third("Free disk of the store", "What is left of its disk. At its end the store only reads.", units.BytesIEC, query{"min by (path) (vl_free_disk_space_bytes)", "{{path}}"}),
		third("Memory of the collectors", "What each collector has in memory.", units.BytesIEC, query{"max by (instance) (otelcol_process_memory_rss)", "{{instance}}"}),
	}
}

func programPanels() []panel {
	restarts := panel{
		kind: kindSeries, title: "Restarts", unit: units.Number, w: gridWidth, h: chartHeight, stacked: true,
		about: "Programs that ended and started again in their pod: out of memory, failed liveness checks, crashes, and faults of experiments. A new pod does not count.",
		queries: []query{{`sum by (namespace, job) (changes(process_start_time_seconds{namespace=~"$namespace"}[$__rate_interval])
or resets(otelcol_process_uptime{namespace=~"$namespace"}[$__rate_interval]))`, "{{namespace}} {{job}}"}},
	}
	return []panel{restarts}
}
