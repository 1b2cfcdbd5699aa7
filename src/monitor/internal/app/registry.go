package app

import (
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ballast-sre/ballast/src/monitor/internal/httpapi"
	"github.com/ballast-sre/ballast/src/monitor/internal/metrics"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

// exposition is what /metrics shows.
type exposition struct {
	page *metrics.Page
	node *metrics.NodePage
	// registry has what changes with each request, and the build.
	registry *prometheus.Registry
	runtime  *metrics.Runtime
}

func newExposition(cfg config, snapshot func() *sample.Snapshot, b httpapi.Build, log *slog.Logger) (*exposition, error) {
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "monitor_build_info",
		Help: "What the process was built from; always 1.",
		ConstLabels: prometheus.Labels{
			"version": b.Version, "revision": b.Revision, "goversion": b.GoVersion, "platform": b.Platform,
		},
	})
	build.Set(1)
	e := &exposition{registry: prometheus.NewRegistry(), node: metrics.NewNode(snapshot, cfg.names())}
	if err := e.registry.Register(build); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	var err error
	if e.runtime, err = metrics.NewRuntime(cfg.CollectTimeout, log); err != nil {
		return nil, err
	}
	e.page, err = metrics.New(metrics.Config{
		Snapshot: snapshot, Collectors: cfg.names(), Registry: e.registry, Runtime: e.runtime, Logger: log,
	})
	return e, err
}
