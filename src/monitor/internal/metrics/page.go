// Package metrics turns a snapshot into Prometheus metrics.
package metrics

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

// Page answers scrapes. It never reads the kernel: what it shows can be old,
// and says how old.
//
//	snapshot ──► rendered by the first scrape that meets it ──┐
//	runtime  ──► read in the background, rendered likewise ───┼──► answer
//	requests, ages ──► written at each scrape, at the end ────┘
//
// A rendering is kept in the form in which it was asked for, and shared by
// all scrapes, so that a client that reads slowly holds memory that is there
// anyway, and no place that another one waits for.
type Page struct {
	cfg  Config
	ages ageEmitter
	renderings
	errors *prometheus.CounterVec
}

// Config is what a Page needs.
type Config struct {
	// Snapshot returns the newest snapshot, never nil, without blocking.
	Snapshot func() *sample.Snapshot
	// Collectors are the chosen ones: only their metrics are shown.
	Collectors []sample.Name
	// Registry has what changes with each request; it must not block.
	Registry interface {
		prometheus.Registerer
		prometheus.Gatherer
	}
	// Runtime has the metrics of the process.
	Runtime *Runtime
	Logger  *slog.Logger
}

// New returns the page.
func New(cfg Config) (*Page, error) {
	if cfg.Snapshot == nil || cfg.Registry == nil || cfg.Runtime == nil || cfg.Logger == nil {
		return nil, errors.New("metrics page: snapshot, registry, runtime or logger is missing")
	}
	p := &Page{
		cfg: cfg, ages: newAgeEmitter(),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "promhttp_metric_handler_errors_total",
			Help: "Total number of internal errors encountered by the promhttp metric handler.",
		}, []string{"cause"}),
	}
	p.errors.WithLabelValues("encoding")
	p.errors.WithLabelValues("gathering")
	if err := cfg.Registry.Register(p.errors); err != nil {
		return nil, fmt.Errorf("metrics page: %w", err)
	}
	p.begin(cfg.Snapshot, newStatusEmitter())
	for _, name := range cfg.Collectors {
		switch name {
		case sample.CPU:
			p.parts = append(p.parts, newCPUEmitter())
		case sample.Memory:
			p.parts = append(p.parts, newMemoryEmitter())
		case sample.Disk:
			p.parts = append(p.parts, newDiskEmitter())
		case sample.Network:
			p.parts = append(p.parts, newNetworkEmitter())
		case sample.Cgroup:
			p.parts = append(p.parts, newCgroupEmitter())
		case sample.System:
			p.parts = append(p.parts, newSystemEmitter(), newTemperatureEmitter())
		case sample.Processes: // a series for each would have no end
		}
	}
	return p, nil
}

// ServeHTTP implements http.Handler.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	form, contentType := negotiate(r)
	rendered := p.snapshot(form)
	chunks := []*chunk{&rendered.chunk}
	reading := p.cfg.Runtime.latest.Load()
	if reading != nil {
		c, err := reading.chunk(form)
		if err != nil {
			p.failed(r, "encoding", err)
		}
		chunks = append(chunks, c)
	}
	tail := p.tail(r, rendered.of, reading, form)

	p.send(w, r, contentType, chunks, tail)
}

// tail returns what changes between snapshots, and the end.
func (p *Page) tail(r *http.Request, s *sample.Snapshot, reading *runtimeReading, form format) []byte {
	now := time.Now()
	w := newWriter(form)
	p.ages.emit(w, s, now)
	if reading != nil {
		p.ages.runtime.send(w, max(0, now.Sub(reading.at).Seconds()))
	}
	families, err := p.cfg.Registry.Gather()
	if err != nil {
		p.failed(r, "gathering", err)
	}
	b, err := encode(w.bytes(), families, form)
	if err != nil {
		p.failed(r, "encoding", err)
	}
	if form == openMetrics {
		b = append(b, "# EOF\n"...)
	}
	return b
}

// failed says what went wrong. One family that cannot be shown must not hide
// all others.
func (p *Page) failed(r *http.Request, cause string, err error) {
	p.errors.WithLabelValues(cause).Inc()
	p.cfg.Logger.ErrorContext(r.Context(), "some metrics are not shown", slog.String("cause", cause), slog.Any("error", err))
}

func acceptsGzip(h http.Header) bool {
	for _, value := range h.Values("Accept-Encoding") {
		for coding := range strings.SplitSeq(value, ",") {
			name, quality, _ := strings.Cut(strings.TrimSpace(coding), ";")
			if strings.EqualFold(strings.TrimSpace(name), "gzip") {
				q, ok := strings.CutPrefix(strings.ReplaceAll(quality, " ", ""), "q=")
				weight, err := strconv.ParseFloat(q, 64)
				return !ok || err != nil || weight > 0
			}
		}
	}
	return false
}
