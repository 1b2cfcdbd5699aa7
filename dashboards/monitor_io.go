package main

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/units"
)

func filesystemPanels() []panel {
	const by = "pod, mountpoint, device, fstype"
	list := panel{
		kind: kindTable, title: "Mounts", unit: units.Short, w: 14, h: chartHeight, none: "No file system is mounted",
		about: "Every mount of each replica. A mount that does not answer says nothing of its size. Full within: at the pace of the slowest of the last six hours; empty where it does not fill up.",
		queries: []query{
			{expr: of("monitor_filesystem_up", by)},
			{expr: fmt.Sprintf("max by (%[2]s) (1 - monitor_filesystem_available_bytes{%[1]s} / monitor_filesystem_size_bytes{%[1]s})", replicas, by)},
			{expr: fmt.Sprintf("max by (%[2]s) (1 - monitor_filesystem_inodes_free{%[1]s} / (monitor_filesystem_inodes{%[1]s} > 0))", replicas, by)},
			{expr: of("monitor_filesystem_readonly", by)},
			{expr: fmt.Sprintf("max by (%s) (ballast_filesystem:hours_until_full:max{%s})", by, replicas)},
		},
		sort: sorting{"Used", true},
		columns: []column{
			{field: "pod", name: "Replica"},
			{field: "mountpoint", name: "Mount"},
			{field: "device", name: "Device"},
			{field: "fstype", name: "Type"},
			{field: "A", name: "Answers", states: []state{{value: 0, text: "no", color: "red"}, {value: 1, text: "yes", color: "green"}}},
			{field: "B", name: "Used", unit: units.PercentUnit, bar: between(0, 1), steps: higherIsWorse(0.8, 0.95)},
			{field: "C", name: "Inodes used", unit: units.PercentUnit, bar: between(0, 1), steps: higherIsWorse(0.8, 0.95)},
			{field: "D", name: "Read-only", states: []state{{value: 0, text: "no", color: "transparent"}, {value: 1, text: "yes", color: "yellow"}}},
			{field: "E", name: "Full within", unit: units.Hours},
		},
	}
	space := chart("Available", "The share of each file system that can still be written.", units.PercentUnit,
		query{fmt.Sprintf("min by (pod, mountpoint) (monitor_filesystem_available_bytes{%[1]s} / monitor_filesystem_size_bytes{%[1]s})", replicas), "{{pod}} {{mountpoint}}"})
	space.w = 10
	return []panel{list, space}
}

// each is the mean of a counter of time per one of another counter.
func each(time, count string) string {
	return fmt.Sprintf("sum by (pod, device) (rate(%[1]s{%[3]s}[$__rate_interval])) / (sum by (pod, device) (rate(%[2]s{%[3]s}[$__rate_interval])) > 0)", time, count, replicas)
}

func diskPanels() []panel {
	stalled := waiting("Waiting for reads and writes", "The share of time in which tasks waited for a disk or a file system.", "monitor_disk_pressure_seconds_total")
	stalled.w = 8
	return []panel{
		third("Busy", "The share of time in which a disk had a request in progress. A disk that works in parallel can do more at 100%.", units.PercentUnit,
			query{rate("monitor_disk_busy_seconds_total", "pod, device"), "{{pod}} {{device}}"}),
		third("Requests in progress", "What a disk works at, and what waits for it.", units.Number, query{of("monitor_disk_requests_in_progress", "pod, device"), "{{pod}} {{device}}"}),
		third("Time per request", "How long a read and a write took on average. Absent while there are none.", units.Seconds,
			query{each("monitor_disk_read_time_seconds_total", "monitor_disk_reads_completed_total"), "read {{pod}} {{device}}"},
			query{each("monitor_disk_write_time_seconds_total", "monitor_disk_writes_completed_total"), "write {{pod}} {{device}}"}),
		stalled,
		third("Bytes", "What is read from and written to each disk.", units.BytesPerSecondIEC,
			query{rate("monitor_disk_read_bytes_total", "pod, device"), "read {{pod}} {{device}}"}, query{rate("monitor_disk_written_bytes_total", "pod, device"), "write {{pod}} {{device}}"}),
		third("Requests", "Reads and writes that each disk completed.", units.IOOpsPerSecond,
			query{rate("monitor_disk_reads_completed_total", "pod, device"), "read {{pod}} {{device}}"}, query{rate("monitor_disk_writes_completed_total", "pod, device"), "write {{pod}} {{device}}"}),
	}
}

func networkPanels() []panel {
	both := func(title, about, unit, what string) panel {
		return third(title, about, unit,
			query{rate("monitor_network_receive_"+what+"_total", "pod, interface"), "in {{pod}} {{interface}}"},
			query{rate("monitor_network_transmit_"+what+"_total", "pod, interface"), "out {{pod}} {{interface}}"})
	}
	packets := both("Packets", "Packets that each interface received and sent.", units.PacketsPerSecond, "packets")
	packets.w = 12
	speed := func(direction string) string {
		return fmt.Sprintf("%s / max by (pod, interface) (monitor_network_speed_bytes{%s} > 0)", rate("monitor_network_"+direction+"_bytes_total", "pod, interface"), replicas)
	}
	return []panel{
		both("Bytes", "What each interface received and sent.", units.BytesPerSecondIEC, "bytes"),
		both("Errors", "Packets with errors: cables, drivers, hosts.", units.PacketsPerSecond, "errors"),
		both("Drops", "Packets that were dropped: a link or a queue that is full.", units.PacketsPerSecond, "dropped"),
		packets,
		chart("Of the link's speed", "What each interface received and sent, as a share of what its link can. Absent where the link does not say, as virtual ones.", units.PercentUnit,
			query{speed("receive"), "in {{pod}} {{interface}}"}, query{speed("transmit"), "out {{pod}} {{interface}}"}),
	}
}

func collectorPanels() []panel {
	ok := panel{
		kind: kindTimeline, title: "Last attempt", unit: units.Number, w: 12, h: chartHeight,
		about:   "Whether each collector's last attempt gave a reading.",
		states:  []state{{value: 0, text: "failed", color: "red"}, {value: 1, text: "read", color: "green"}},
		queries: []query{{fmt.Sprintf("min by (pod, collector) (monitor_collector_success{%s})", replicas), "{{pod}} {{collector}}"}},
	}
	age := chart("Age of the last good reading", "What the service serves is this old.", units.Seconds, query{of("monitor_collector_age_seconds", "pod, collector"), "{{pod}} {{collector}}"})
	return []panel{
		ok, age,
		third("Failures", "Attempts that gave no reading.", units.CountsPerSecond, query{rate("monitor_collector_failures_total", "pod, collector"), "{{pod}} {{collector}}"}),
		third("Attempts", "Attempts that were finished. None: the collector hangs.", units.CountsPerSecond, query{rate("monitor_collector_reads_total", "pod, collector"), "{{pod}} {{collector}}"}),
		third("Time to read", "How long each collector's last attempt took.", units.Seconds, query{of("monitor_collector_duration_seconds", "pod, collector"), "{{pod}} {{collector}}"}),
	}
}

func processPanels() []panel {
	return []panel{
		third("Processor time", "What the service itself uses, in processors.", units.Short, query{rate("process_cpu_seconds_total", "pod"), "{{pod}}"}),
		third("Memory", "What the service itself has in memory.", units.BytesIEC, query{of("process_resident_memory_bytes", "pod"), "{{pod}}"}),
		third("Open files", "The share of the file descriptors that the process may open.", units.PercentUnit,
			query{fmt.Sprintf("max by (pod) (process_open_fds{%[1]s} / process_max_fds{%[1]s})", replicas), "{{pod}}"}),
		chart("Goroutines", "A number that only rises is a leak.", units.Number, query{of("go_goroutines", "pod"), "{{pod}}"}),
		chart("Time since it began", "How long each process has run. It falls to 0 at a restart.", units.Seconds,
			query{fmt.Sprintf("time() - max by (pod) (process_start_time_seconds{%s})", replicas), "{{pod}}"}),
	}
}
