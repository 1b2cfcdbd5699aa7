package main

import (
	"strconv"
	"strings"
)

// course is how a series goes on: a counter by its rate in 1/s, a gauge by its value, or
// by what it loses in an hour.
type course struct {
	rate, value, slope float64
}

// change is what becomes of the series of a selector in the broken world. A counter has
// rates, a gauge has values.
type change struct {
	selector        string
	healthy, broken float64
	slope           float64 // in both worlds, until the trouble; 0 for none
}

// changes are what a fault, or a sandbox that is broken, does to what programs export.
// Series that are not listed are the same in both worlds, and their counters stand still.
func changes() []change {
	const gib = 1 << 30
	return []change{
		// The service and its clients.
		{`up{pod="monitor-b"}`, 1, 0, 0},
		{`process_start_time_seconds{pod="monitor-a"}`, 9e8, 9.4e8, 0},
		{`probe_requests_total{outcome="success"}`, 50, 15, 0},
		{`probe_requests_total{outcome="error"}`, 0, 30, 0},
		{`probe_request_failures_total{reason="reset"}`, 0, 30, 0},
		{`probe_request_duration_seconds_count`, 50, 45, 0},
		{`probe_request_duration_seconds_sum`, 0.5, 20, 0},
		{`monitor_http_requests_total{code="200"}`, 20, 5, 0},
		{`monitor_http_requests_total{code="503"}`, 0, 10, 0},
		{`monitor_http_request_duration_seconds_count`, 20, 15, 0},
		{`monitor_http_requests_in_flight`, 1, 40, 0},

		// Machines.
		{`monitor_cpu_busy_ratio`, 0.25, 0.95, 0},
		{`monitor_cpu_core_busy_ratio`, 0.25, 1, 0},
		{`monitor_cpu_cores`, 2, 2, 0},
		{`monitor_cpu_mode_ratio{mode="user"}`, 0.2, 0.6, 0},
		{`monitor_cpu_mode_ratio{mode="steal"}`, 0, 0.3, 0},
		{`monitor_load1`, 0.5, 9, 0},
		{`monitor_cpu_pressure_seconds_total`, 0.01, 0.8, 0},
		{`monitor_memory_pressure_seconds_total`, 0, 0.5, 0},
		{`monitor_disk_pressure_seconds_total`, 0.01, 0.6, 0},
		{`monitor_cgroup_cpu_limit_used_ratio`, 0.2, 1, 0},
		{`monitor_cgroup_cpu_periods_total`, 10, 10, 0},
		{`monitor_cgroup_cpu_throttled_periods_total`, 0, 9, 0},
		{`monitor_cgroup_memory_limit_working_set_ratio`, 0.4, 0.98, 0},
		{`monitor_memory_available_bytes`, 6 * gib, gib / 2, 0},
		{`monitor_memory_size_bytes`, 8 * gib, 8 * gib, 0},
		{`monitor_memory_used_bytes`, 2 * gib, 7 * gib, 0},
		{`monitor_memory_cached_bytes`, 3 * gib, gib / 4, 0},
		{`monitor_memory_buffers_bytes`, gib, gib / 8, 0},
		{`monitor_memory_free_bytes`, 2 * gib, gib / 8, 0},
		{`monitor_swap_in_bytes_total`, 0, 1e6, 0},
		{`monitor_swap_out_bytes_total`, 0, 2e6, 0},
		{`monitor_swap_used_bytes`, 0, gib, 0},
		{`monitor_filesystem_available_bytes`, 60 * gib, 2 * gib, gib},
		{`monitor_filesystem_size_bytes`, 100 * gib, 100 * gib, 0},
		{`monitor_filesystem_inodes_free`, 750, 1, 0},
		{`monitor_filesystem_up{fstype="ext4"}`, 1, 1, 0},
		{`monitor_filesystem_up{fstype="nfs4"}`, 1, 0, 0},
		{`monitor_filesystem_readonly`, 0, 0, 0},
		{`monitor_filesystem_readonly{fstype="ext4"}`, 0, 1, 0},
		{`monitor_disk_busy_seconds_total`, 0.1, 0.99, 0},
		{`monitor_disk_requests_in_progress`, 0, 64, 0},
		{`monitor_disk_read_time_seconds_total`, 0.01, 4, 0},
		{`monitor_disk_write_time_seconds_total`, 0.02, 8, 0},
		{`monitor_disk_reads_completed_total`, 10, 100, 0},
		{`monitor_disk_writes_completed_total`, 20, 100, 0},
		{`monitor_disk_read_bytes_total`, 1e5, 1e7, 0},
		{`monitor_disk_written_bytes_total`, 2e5, 2e7, 0},
		{`monitor_network_receive_bytes_total`, 1e5, 1e8, 0},
		{`monitor_network_transmit_bytes_total`, 2e5, 2e8, 0},
		{`monitor_network_receive_packets_total`, 100, 1e5, 0},
		{`monitor_network_transmit_packets_total`, 200, 2e5, 0},
		{`monitor_network_receive_errors_total`, 0, 50, 0},
		{`monitor_network_transmit_errors_total`, 0, 40, 0},
		{`monitor_network_receive_dropped_total`, 0, 300, 0},
		{`monitor_network_transmit_dropped_total`, 0, 500, 0},
		{`monitor_collector_success`, 1, 1, 0},
		{`monitor_collector_success{collector="disk"}`, 1, 0, 0},
		{`monitor_collector_age_seconds{collector="disk"}`, 2, 900, 0},
		{`monitor_collector_reads_total`, 0.2, 0.2, 0},
		{`monitor_collector_reads_total{collector="network"}`, 0.2, 0, 0},
		{`monitor_collector_failures_total{collector="disk"}`, 0, 0.2, 0},
		{`monitor_collector_duration_seconds{collector="disk"}`, 0.002, 4, 0},
		{`process_cpu_seconds_total`, 0.01, 0.9, 0},
		{`process_resident_memory_bytes`, 5e7, 5e8, 0},
		{`process_open_fds`, 20, 900, 0},
		{`process_max_fds`, 1024, 1024, 0},
		{`go_goroutines`, 20, 4000, 0},

		// What watches and delivers.
		{`argocd_app_info{name="monitor",sync_status="Synced",health_status="Healthy"}`, 1, gone, 0},
		{`argocd_app_info{name="monitor",sync_status="OutOfSync"}`, gone, 1, 0},
		{`argocd_app_sync_total{name="monitor",phase="Succeeded"}`, 0, 0.01, 0},
		{`argocd_app_sync_duration_seconds_total{name="monitor"}`, 0, 1.2, 0},
		{`ballast_drift_healed_total`, 0, 0.01, 0},
		{`ballast_push_waiting_seconds`, 0, 700, 0},
		{`ballast_pushes_total{outcome="serving"}`, 0.01, 0.02, 0},
		{`ballast_pushes_total{outcome="not-built"}`, 0, 0.002, 0},
		{`ballast_pushes_total{outcome="late"}`, 0, 0.003, 0},
		{`prometheus_config_last_reload_successful`, 1, 0, 0},
		{`prometheus_rule_evaluation_failures_total`, 0, 0.1, 0},
		{`prometheus_rule_group_iterations_missed_total`, 0, 0.05, 0},
		{`prometheus_rule_group_last_duration_seconds`, 0.01, 4, 0},
		{`prometheus_tsdb_head_series`, 3458, 9e5, 0},
		{`prometheus_notifications_sent_total`, 0.1, 0, 0},
		{`prometheus_notifications_errors_total`, 0, 0.1, 0},
		{`prometheus_notifications_dropped_total`, 0, 0.1, 0},
		{`prometheus_notifications_alertmanagers_discovered`, 1, 0, 0},
		{`prometheus_notifications_queue_length`, 0, 500, 0},
		{`alertmanager_alerts{state="active"}`, 1, 12, 0},
		{`alertmanager_notifications_total`, 0.01, 0.1, 0},
		{`alertmanager_notifications_failed_total{reason="serverError"}`, 0, 0.1, 0},
		{`otelcol_receiver_accepted_log_records`, 20, 15, 0},
		{`otelcol_receiver_refused_log_records`, 0, 5, 0},
		{`otelcol_exporter_sent_log_records`, 20, 0, 0},
		{`otelcol_exporter_queue_size`, 0, 1000, 0},
		{`otelcol_process_memory_rss`, 4e7, 2e8, 0},
		{`vl_rows_ingested_total`, 20, 0, 0},
		{`vl_rows_dropped_total{reason="too_big_timestamp"}`, 0, 5, 0},
		{`vl_free_disk_space_bytes`, 6e10, 1e6, 0},

		// What experiments showed.
		{`ballast_experiment_verdict{experiment="monitor-pod-kill",verdict="pass"}`, 1, gone, 0},
		{`ballast_experiment_verdict{experiment="monitor-pod-kill",verdict="fail"}`, gone, 1, 0},
		{`ballast_experiment_reason{reason="slo-broken"}`, gone, 1, 0},
		{`ballast_experiment_verdict{experiment="monitor-dns-failure",verdict="pass"}`, 1, gone, 0},
		{`ballast_experiment_verdict{verdict="inconclusive"}`, gone, 1, 0},
		{`ballast_experiment_verdict{verdict="residue"}`, gone, 1, 0},
		{`ballast_experiment_detection_seconds`, 4.6, 90, 0},
		{`ballast_experiment_recovery_seconds`, 1, 60, 0},
		{`ballast_experiment_reason{reason="not-injected"}`, gone, 1, 0},
		// The worlds begin at 946684800. The last run of one experiment is a month old.
		{`ballast_experiment_start_timestamp_seconds`, 9.466e8, 9.466e8 + 600, 0},
		{`ballast_experiment_end_timestamp_seconds`, 9.466e8 + 60, 9.466e8 + 900, 0},
		{`ballast_experiment_end_timestamp_seconds{experiment="monitor-dns-failure"}`, 9.466e8, 9.43e8, 0},
		{`ballast_budget_spent_ratio`, 0.0004, 0.2, 0},
		{`ballast_budget_chaos_spent_ratio`, 0.0004, 0.2, 0},
		{`ballast_alert_expected_runs`, 4, 5, 0},
		{`ballast_alert_detected_runs`, 4, 2, 0},
		{`ballast_alert_fired_runs`, 4, 6, 0},
		{`ballast_alert_forbidden_runs`, 3, 4, 0},
		{`ballast_alert_violated_runs`, 0, 2, 0},
		{`ballast_alert_predicted_latest_seconds`, 7, 9, 0},
		{`ballast_alert_detection_seconds`, 4.6, 90, 0},
		{`ballast_alert_delivery_asked_runs`, 4, 5, 0},
		{`ballast_alert_delivered_runs`, 4, 1, 0},
		{`ballast_guard_runs{state="live"}`, 0, 1, 0},
		{`ballast_guard_removed_objects_total`, 0, 0.01, 0},
		{`ballast_guard_errors_total`, 0, 1, 0},
	}
}

// gone is the value of a series that is no longer exported.
const gone = -1

// behaviour is the course of a series before the trouble and since.
func behaviour(w world, ls map[string]string, counter bool, base float64) (before, after course) {
	before = course{value: base}
	after = before
	if w == worldRecorded {
		return before, after
	}
	for _, c := range append(changes(), buckets(ls)...) {
		if !matching(c.selector, ls) {
			continue
		}
		if counter {
			before, after = course{rate: c.healthy}, course{rate: c.broken}
		} else {
			before, after = course{value: c.healthy, slope: c.slope}, course{value: c.broken}
		}
		if w != worldBroken {
			after = before
		}
	}
	// Nobody asks: all that counts requests stands still.
	if w == worldIdle && strings.HasPrefix(ls["__name__"], "probe_request") {
		after = course{}
	}
	return before, after
}

// buckets are those of histograms: in 5 ms, and under a fault a third of them in 500 ms.
// Pushes serve in 20 s, and in trouble two thirds of them in 400 s.
func buckets(ls map[string]string) []change {
	name := ls["__name__"]
	if !strings.HasSuffix(name, "_bucket") {
		return nil
	}
	if strings.HasPrefix(name, "probe_send") {
		return nil
	}
	rate, since, slow := 20.0, 15.0, 1.0/3
	fast, late := 0.005, 0.5
	switch {
	case strings.HasPrefix(name, "probe_"):
		rate, since = 50, 45
	case strings.HasPrefix(name, "ballast_push_"):
		rate, since, slow, fast, late = 0.01, 0.02, 2.0/3, 20, 400
	}
	bound, err := strconv.ParseFloat(ls["le"], 64)
	if err != nil {
		return nil
	}
	c := change{selector: name + `{le="` + ls["le"] + `"}`}
	if bound >= fast {
		c.healthy, c.broken = rate, since*(1-slow)
	}
	if bound >= late {
		c.broken = since
	}
	return []change{c}
}
