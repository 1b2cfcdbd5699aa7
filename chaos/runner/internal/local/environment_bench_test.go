package local

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/internal/prom"
)

// BenchmarkThreeEnvironments runs three fleets side by side, as a catalogue does,
// with the repository's rules: how long a start takes, what memory the runner
// takes, and that a healthy fleet with an invented history raises no alert.
func BenchmarkThreeEnvironments(b *testing.B) {
	rules, err := filepath.Glob(filepath.Join("..", "..", "..", "..", "alerts", "rules", "prometheus", "*.yaml"))
	if err != nil {
		b.Fatal(err)
	}
	var started time.Duration
	for b.Loop() {
		var all []*Environment
		for range 3 {
			began := time.Now()
			e, err := Start(b.Context(), Config{Monitor: monitor(b), Self: self(b), TempRoot: b.TempDir(), RuleFiles: rules, Logger: quietLogger(b)})
			if err != nil {
				b.Fatal(err)
			}
			started = max(started, time.Since(began))
			all = append(all, e)
		}
		time.Sleep(10 * time.Second)
		for _, e := range all {
			client, err := prom.New(prom.Config{URL: e.PrometheusURL()})
			if err != nil {
				b.Fatal(err)
			}
			for _, expr := range []string{`count(ALERTS) or vector(0)`, `sum(probe_requests_total{outcome="error"})`} {
				if s, err := client.Instant(b.Context(), expr, time.Time{}); err != nil || s.V != 0 {
					b.Errorf("%s = %v, %v", expr, s.V, err)
				}
			}
			client.Close()
		}
		b.ReportMetric(rssMB(b), "MB-rss")
		for _, e := range all {
			if err := e.Close(context.WithoutCancel(b.Context())); err != nil {
				b.Error(err)
			}
		}
	}
	b.ReportMetric(started.Seconds(), "s-start")
}
