package ledger

import (
	"fmt"
	"io"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

// Collector makes metrics of the last run of each experiment. They are published in
// docs/metrics/ballast.prom.
type Collector struct {
	entries func() []Entry

	verdict, reason, started, ended, detection, recovery, spent *prometheus.Desc
}

// NewCollector makes a collector that asks for the entries at each scrape.
func NewCollector(entries func() []Entry) *Collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &Collector{
		entries:   entries,
		verdict:   desc("ballast_experiment_verdict", "1, with the verdict of the experiment's last run that ended.", "experiment", "target", "verdict"),
		reason:    desc("ballast_experiment_reason", "1, with the reason of that run's verdict; absent on a pass.", "experiment", "target", "reason"),
		started:   desc("ballast_experiment_start_timestamp_seconds", "When that run began.", "experiment", "target"),
		ended:     desc("ballast_experiment_end_timestamp_seconds", "When that run ended.", "experiment", "target"),
		detection: desc("ballast_experiment_detection_seconds", "From the fault to the first alert; absent where none fired.", "experiment", "target"),
		recovery:  desc("ballast_experiment_recovery_seconds", "From the fault's removal until everything held again; absent where it did not.", "experiment", "target"),
		spent:     desc("ballast_budget_spent_ratio", "Share of the SLO's whole error budget that the experiment's last run spent; 1 is all. Runs on target local spend none and are not here.", "slo", "experiment"),
	}
}

// Describe implements [prometheus.Collector].
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.verdict, c.reason, c.started, c.ended, c.detection, c.recovery, c.spent} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	at := func(d *prometheus.Desc, t time.Time, labels ...string) {
		if !t.IsZero() {
			gauge(d, float64(t.UnixMilli())/1000, labels...)
		}
	}
	charged := map[[2]string]Entry{}
	for _, e := range Last(c.entries()) {
		gauge(c.verdict, 1, e.Experiment, e.Target, string(e.Verdict))
		if e.Reason != "" {
			gauge(c.reason, 1, e.Experiment, e.Target, string(e.Reason))
		}
		at(c.started, e.Started, e.Experiment, e.Target)
		at(c.ended, e.Ended, e.Experiment, e.Target)
		if e.Detection != nil {
			gauge(c.detection, float64(*e.Detection), e.Experiment, e.Target)
		}
		if e.Recovery != nil {
			gauge(c.recovery, float64(*e.Recovery), e.Experiment, e.Target)
		}
		if !e.Charged() {
			continue
		}
		for slo := range e.Spent {
			// An experiment that ran on several clusters has one series: that of its last run.
			if k := [2]string{slo, e.Experiment}; charged[k].Ended.Before(e.Ended) {
				charged[k] = e
			}
		}
	}
	for k, e := range charged {
		gauge(c.spent, e.Spent[k[0]], k[0], k[1])
	}
}

// WriteMetrics writes the exposition, for a file that node exporters or a push take: the
// last run of each experiment, the accounts and the rows of alerts.
func WriteMetrics(w io.Writer, entries []Entry, accounts []Account, rows []Row) error {
	registry := prometheus.NewPedanticRegistry()
	for _, c := range []prometheus.Collector{NewCollector(func() []Entry { return entries }), newFolded(accounts, rows)} {
		if err := registry.Register(c); err != nil {
			return fmt.Errorf("write metrics: %w", err)
		}
	}
	families, err := registry.Gather()
	if err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(w, f); err != nil {
			return fmt.Errorf("write metrics: %w", err)
		}
	}
	return nil
}
