package app

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/ballast-sre/ballast/src/monitor/internal/httpapi"
	"github.com/ballast-sre/ballast/src/monitor/internal/metrics"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

// newRegistry returns a registry of the snapshot's metrics, the process and
// the runtime, and the build.
func newRegistry(snapshot func() *sample.Snapshot, names []sample.Name, b httpapi.Build) (*prometheus.Registry, error) {
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "monitor_build_info",
		Help: "What the process was built from; always 1.",
		ConstLabels: prometheus.Labels{
			"version": b.Version, "revision": b.Revision, "goversion": b.GoVersion, "platform": b.Platform,
		},
	})
	build.Set(1)
	reg := prometheus.NewRegistry()
	err := errors.Join(
		reg.Register(build),
		reg.Register(metrics.New(snapshot, names)),
		reg.Register(collectors.NewGoCollector()),
		reg.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})),
	)
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return reg, nil
}
