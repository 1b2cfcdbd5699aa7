// Package metrics turns a snapshot into Prometheus metrics.
package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

// Collector emits the newest snapshot as constant metrics. A scrape never
// reads the kernel: what it shows can be old, and says how old.
type Collector struct {
	snapshot func() *sample.Snapshot
	parts    []emitter
}

// emitter is one part of the exposition.
type emitter interface {
	describe(ch chan<- *prometheus.Desc)
	emit(ch chan<- prometheus.Metric, s *sample.Snapshot, now time.Time)
}

// New returns the collector of the snapshots that the function returns; it
// must never return nil. Only the metrics of the chosen collectors are
// described and emitted.
func New(snapshot func() *sample.Snapshot, chosen []sample.Name) *Collector {
	c := &Collector{snapshot: snapshot, parts: []emitter{newStatusEmitter()}}
	for _, name := range chosen {
		switch name {
		case sample.CPU:
			c.parts = append(c.parts, newCPUEmitter())
		case sample.Memory:
			c.parts = append(c.parts, newMemoryEmitter())
		case sample.Disk:
			c.parts = append(c.parts, newDiskEmitter())
		case sample.Network:
			c.parts = append(c.parts, newNetworkEmitter())
		}
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, p := range c.parts {
		p.describe(ch)
	}
}

// Collect implements prometheus.Collector. All metrics of one scrape come
// from one snapshot.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	s, now := c.snapshot(), time.Now()
	for _, p := range c.parts {
		p.emit(ch, s, now)
	}
}

// family is one metric name with its type.
type family struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func gauge(name, help string, labels ...string) family {
	return family{prometheus.NewDesc("monitor_"+name, help, labels, nil), prometheus.GaugeValue}
}

func counter(name, help string, labels ...string) family {
	return family{prometheus.NewDesc("monitor_"+name, help, labels, nil), prometheus.CounterValue}
}

// send emits one sample. A wrong number of labels is a defect of this
// package; it fails the scrape with the family's name instead of panicking.
func (f family) send(ch chan<- prometheus.Metric, value float64, labels ...string) {
	m, err := prometheus.NewConstMetric(f.desc, f.kind, value, labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(f.desc, err)
	}
	ch <- m
}

func describeAll(ch chan<- *prometheus.Desc, families ...family) {
	for _, f := range families {
		ch <- f.desc
	}
}
