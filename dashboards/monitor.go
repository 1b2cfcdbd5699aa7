package main

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// replicas are the matchers of the monitor's replicas that the reader chose.
const replicas = `job="monitor",namespace=~"$namespace",pod=~"$replica"`

// chart is a time series of half the width.
func chart(title, about, unit string, queries ...query) panel {
	return panel{kind: kindSeries, title: title, about: about, unit: unit, w: 12, h: chartHeight, queries: queries}
}

// third is a time series of a third of the width.
func third(title, about, unit string, queries ...query) panel {
	p := chart(title, about, unit, queries...)
	p.w = 8
	return p
}

// tile is one number of now.
func tile(title, about, unit, expr string, steps []step) panel {
	return panel{
		kind: kindStat, title: title, about: about, unit: unit, w: 4, h: tileHeight, none: "No data", steps: steps,
		queries: []query{{expr: expr}},
	}
}

// bad colours any number but zero.
func bad(color string) []step { return []step{{color: "green"}, {1, color}} }

// rate is the rate of a counter of the replicas, summed by labels.
func rate(counter, by string) string {
	return fmt.Sprintf("sum by (%s) (rate(%s{%s}[$__rate_interval]))", by, counter, replicas)
}

// of is a gauge of the replicas, the greatest by labels.
func of(gauge, by string) string { return fmt.Sprintf("max by (%s) (%s{%s})", by, gauge, replicas) }

// monitorBoard is the monitoring service: itself and, per replica, the machine below it.
func monitorBoard() board {
	return board{
		uid: uidMonitor, title: "Monitor", from: "now-6h",
		about: "The monitoring service and the machines that its replicas see: what clients get, and for each resource how busy it is, what waits for it and what fails.",
		variables: []variable{
			{name: "namespace", label: "Namespace", about: "Where the monitor runs.", of: "namespace", selector: `up{job="monitor"}`},
			{name: "replica", label: "Replica", about: "The pods that are shown.", of: "pod", selector: `up{job="monitor",namespace=~"$namespace"}`},
		},
		logs:  true,
		marks: []mark{chaosMark(), runMark(), deployMark()},
		rows: []row{
			{"Now", monitorTiles()},
			{"What clients get (seen by the probe)", probePanels()},
			{"Requests", requestPanels()},
			{"Processors", processorPanels()},
			{"Memory", memoryPanels()},
			{"File systems", filesystemPanels()},
			{"Disks", diskPanels()},
			{"Network", networkPanels()},
			{"Collectors", collectorPanels()},
			{"Process", processPanels()},
		},
	}
}

func monitorTiles() []panel {
	up := tile("Replicas that answer", "Replicas whose last scrape succeeded, of those that were discovered.", units.Number, fmt.Sprintf("sum(up{%s})", replicas), []step{{color: "red"}, {1, "green"}})
	up.links = []link{{"Logs of the monitor", logsLink("monitor")}}
	return []panel{
		up,
		tile("Replicas that do not", "Replicas that were discovered and whose last scrape failed.", units.Number, fmt.Sprintf("sum(1 - up{%s})", replicas), bad("red")),
		tile("Restarts", "How often a replica's process started again within the range. New pods do not count.", units.Number, fmt.Sprintf("sum(changes(process_start_time_seconds{%s}[$__range]))", replicas), bad("orange")),
		tile("Failing collectors", "Collectors whose last attempt gave no reading.", units.Number, fmt.Sprintf("sum(1 - monitor_collector_success{%s})", replicas), bad("orange")),
		tile("Oldest reading", "Age of the oldest last good reading of any collector.", units.Seconds, fmt.Sprintf("max(monitor_collector_age_seconds{%s})", replicas), higherIsWorse(60, 300)),
		tile("Least memory available", "The share of a machine's memory that is available, of the replica that has least.", units.PercentUnit, fmt.Sprintf("min(monitor_memory_available_bytes{%[1]s} / monitor_memory_size_bytes{%[1]s})", replicas), lowerIsWorse(0.1, 0.2)),
	}
}

func probePanels() []panel {
	const probe = `job="probe",probe="monitor"`
	failed := chart("Failed requests by reason", "Requests of the probe that failed, by why. Reset, cut and connect point at pods that went away, timeout at slow ones.", units.RequestsPerSecond,
		query{fmt.Sprintf("sum by (reason) (rate(probe_request_failures_total{%s}[$__rate_interval])) > 0", probe), "{{reason}}"})
	failed.none, failed.stacked, failed.w = "No request failed", true, 8
	return []panel{
		third("Requests by outcome", "Requests that the probe sent, by how they ended. Each has exactly one outcome.", units.RequestsPerSecond,
			query{fmt.Sprintf("sum by (outcome) (rate(probe_requests_total{%s}[$__rate_interval]))", probe), "{{outcome}}"}),
		failed,
		third("Time to answer", "How long requests took at the probe, at most 1 s each.", units.Seconds,
			quantile("0.99", "probe_request_duration_seconds_bucket", probe, ""), quantile("0.5", "probe_request_duration_seconds_bucket", probe, "")),
	}
}

// quantile is one of a histogram, by labels.
func quantile(q, buckets, matchers, by string) query {
	legend := "p" + map[string]string{"0.99": "99", "0.5": "50"}[q]
	if by != "" {
		legend += " {{" + by + "}}"
		by = ", " + by
	}
	return query{fmt.Sprintf("histogram_quantile(%s, sum by (le%s) (rate(%s{%s}[$__rate_interval])))", q, by, buckets, matchers), legend}
}

func requestPanels() []panel {
	errs := third("Errors", "The share of requests that the service answered with a status of 500 or above.", units.PercentUnit,
		query{fmt.Sprintf(`sum(rate(monitor_http_requests_total{%[1]s,code=~"5.."}[$__rate_interval])) / sum(rate(monitor_http_requests_total{%[1]s}[$__rate_interval]))
or 0 * sum(rate(monitor_http_requests_total{%[1]s}[$__rate_interval]))`, replicas), "errors"})
	errs.steps = []step{{color: "transparent"}, {0.01, "red"}}
	return []panel{
		third("Requests by status", "Requests answered, by status code.", units.RequestsPerSecond, query{rate("monitor_http_requests_total", "code"), "{{code}}"}),
		errs,
		third("Time to answer by route", "How long the service took itself, without the network.", units.Seconds,
			quantile("0.99", "monitor_http_request_duration_seconds_bucket", replicas, "route"), quantile("0.5", "monitor_http_request_duration_seconds_bucket", replicas, "route")),
		chart("Requests by replica", "How the requests are spread over the replicas.", units.RequestsPerSecond, query{rate("monitor_http_requests_total", "pod"), "{{pod}}"}),
		chart("Requests in flight", "Requests that are being answered.", units.Number, query{of("monitor_http_requests_in_flight", "pod"), "{{pod}}"}),
	}
}

// waiting is the share of time in which tasks waited for something, as the kernel counts it.
func waiting(title, about, counter string) panel {
	return chart(title, about+" Some: at least one task did. Full: all that were not idle. Absent where the kernel has no pressure figures.", units.PercentUnit,
		query{fmt.Sprintf("max by (pod, stalled) (rate(%s{%s}[$__rate_interval]))", counter, replicas), "{{pod}} {{stalled}}"})
}

func processorPanels() []panel {
	heat := panel{
		kind: kindTimeline, title: "Each processor", unit: units.PercentUnit, w: 12, h: 10, limits: between(0, 1),
		about:   "The share of each interval in which a processor worked, as a colour. One red line among green ones is a program that uses a single processor.",
		steps:   []step{{color: "green"}, {0.5, "yellow"}, {0.75, "orange"}, {0.9, "red"}},
		queries: []query{{of("monitor_cpu_core_busy_ratio", "pod, cpu"), "{{pod}} {{cpu}}"}},
	}
	modes := chart("Time by mode", "What the processors spent their time on, over all of them. Steal: another guest of the same host had them. Iowait: nothing to do but to wait for a disk.", units.PercentUnit,
		query{fmt.Sprintf(`avg by (mode) (monitor_cpu_mode_ratio{%s,mode!="idle"})`, replicas), "{{mode}}"})
	modes.stacked, modes.h = true, 10
	return []panel{
		chart("Busy", "The share of the interval in which processors worked, over all of a machine's.", units.PercentUnit, query{of("monitor_cpu_busy_ratio", "pod"), "{{pod}}"}),
		chart("Tasks that want to run, per processor", "The load average over one minute ÷ processors. Above 1, tasks wait.", units.Short,
			query{fmt.Sprintf("max by (pod) (monitor_load1{%[1]s} / monitor_cpu_cores{%[1]s})", replicas), "{{pod}}"}),
		heat, modes,
		waiting("Waiting for a processor", "The share of time in which tasks that could run had no processor.", "monitor_cpu_pressure_seconds_total"),
		chart("Of its processor limit", "Used: how much of what a replica's own control group may use it used. Throttled: the share of the limit's periods in which it was kept from running. Absent without a limit.", units.PercentUnit,
			query{of("monitor_cgroup_cpu_limit_used_ratio", "pod"), "used {{pod}}"},
			query{fmt.Sprintf("%s / (%s > 0)", rate("monitor_cgroup_cpu_throttled_periods_total", "pod"), rate("monitor_cgroup_cpu_periods_total", "pod")), "throttled {{pod}}"}),
	}
}

func memoryPanels() []panel {
	return []panel{
		chart("Available", "The share of a machine's memory that a new process could have without swapping.", units.PercentUnit,
			query{fmt.Sprintf("min by (pod) (monitor_memory_available_bytes{%[1]s} / monitor_memory_size_bytes{%[1]s})", replicas), "{{pod}}"}),
		chart("Used for", "What a machine's memory is used for, over all chosen replicas.", units.BytesIEC,
			query{fmt.Sprintf("sum(monitor_memory_used_bytes{%s})", replicas), "used"},
			query{fmt.Sprintf("sum(monitor_memory_cached_bytes{%s})", replicas), "page cache"},
			query{fmt.Sprintf("sum(monitor_memory_buffers_bytes{%s})", replicas), "buffers"},
			query{fmt.Sprintf("sum(monitor_memory_free_bytes{%s})", replicas), "free"}),
		chart("Swapped", "Memory that is read back from swap and written to it. Steady traffic both ways: there is too little memory.", units.BytesPerSecondIEC,
			query{rate("monitor_swap_in_bytes_total", "pod"), "in {{pod}}"}, query{rate("monitor_swap_out_bytes_total", "pod"), "out {{pod}}"}),
		chart("Swap in use", "The share of the swap space that is in use. A machine without swap has no line.", units.PercentUnit,
			query{fmt.Sprintf("max by (pod) (monitor_swap_used_bytes{%[1]s} / (monitor_swap_size_bytes{%[1]s} > 0))", replicas), "{{pod}}"}),
		waiting("Waiting for memory", "The share of time in which tasks waited for memory that had to be freed or read back.", "monitor_memory_pressure_seconds_total"),
		chart("Of its memory limit", "How much of what a replica's own control group may have is its working set: near 100% it is killed. Absent without a limit.", units.PercentUnit,
			query{of("monitor_cgroup_memory_limit_working_set_ratio", "pod"), "{{pod}}"}),
	}
}
