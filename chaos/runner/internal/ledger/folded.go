package ledger

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// folded makes metrics of what only many runs together show. The guard of a cluster has no
// such: it knows the last run of each experiment.
type folded struct {
	accounts []Account
	rows     []Row

	spent                                            *prometheus.Desc
	expected, detected, fired, forbidden, violated   *prometheus.Desc
	asked, delivered, detection, earliest, predicted *prometheus.Desc
}

func newFolded(accounts []Account, rows []Row) *folded {
	alert := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("ballast_alert_"+name, help, []string{"alert", "tier", "target"}, nil)
	}
	return &folded{
		accounts: accounts, rows: rows,
		spent:     prometheus.NewDesc("ballast_budget_chaos_spent_ratio", "Share of the SLO's whole error budget that all runs spent together which ended within its period; 1 is all. Runs on target local spend none and are not here.", []string{"slo", "target", "prometheus"}, nil),
		expected:  alert("expected_runs", "Runs that had to fire the alert, or its tier, and that show whether it fired."),
		detected:  alert("detected_runs", "Runs that had to fire it and did."),
		fired:     alert("fired_runs", "Runs in which it fired between the fault and the end, for whatever reason."),
		forbidden: alert("forbidden_runs", "Runs in which it must not fire."),
		violated:  alert("violated_runs", "Runs in which it must not fire and did."),
		asked:     alert("delivery_asked_runs", "Runs in which it was expected, fired, and Alertmanager was asked for it."),
		delivered: alert("delivered_runs", "Runs in which it was asked for and Alertmanager had it."),
		detection: alert("detection_seconds", "Median of the times from the fault to its firing, where it was expected."),
		earliest:  alert("predicted_earliest_seconds", "The earliest time since the fault at which it was due in any run; absent where nothing predicts it."),
		predicted: alert("predicted_latest_seconds", "The latest such time; absent where nothing bounds it."),
	}
}

// Describe implements [prometheus.Collector].
func (f *folded) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		f.spent, f.expected, f.detected, f.fired, f.forbidden, f.violated, f.asked, f.delivered, f.detection, f.earliest, f.predicted,
	} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (f *folded) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, a := range f.accounts {
		gauge(f.spent, a.Spent, a.SLO, a.Target, a.Prometheus)
	}
	for _, r := range f.rows {
		of := []string{r.Alert, r.Tier, r.Target}
		for d, n := range map[*prometheus.Desc]int{
			f.expected: r.Expected, f.detected: r.Detected, f.fired: r.Fired, f.forbidden: r.Forbidden, f.violated: r.Violated,
			f.asked: r.Asked, f.delivered: r.Delivered,
		} {
			gauge(d, float64(n), of...)
		}
		seconds := func(d *prometheus.Desc, v *result.Seconds) {
			if v != nil {
				gauge(d, float64(*v), of...)
			}
		}
		if r.Measured != nil {
			seconds(f.detection, &r.Measured.Median)
		}
		if r.Predicted != nil {
			seconds(f.earliest, &r.Predicted.Earliest)
			seconds(f.predicted, r.Predicted.Latest)
		}
	}
}
