package metrics

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// abandonAfter is how long Run waits at its end for a read that hangs.
const abandonAfter = time.Second

// Runtime keeps the metrics of the Go runtime and of the process fresh in the
// background: the process's are read from its procfs, which can hang, and no
// scrape may hang with it.
type Runtime struct {
	gather  func() ([]*dto.MetricFamily, error)
	timeout time.Duration
	log     *slog.Logger
	latest  atomic.Pointer[runtimeReading]
}

// runtimeReading is one reading, encoded when the first scrape asks for it.
type runtimeReading struct {
	at       time.Time
	families []*dto.MetricFamily
	encoded  [formats]struct {
		once  sync.Once
		chunk chunk
		err   error
	}
}

// NewRuntime returns a reader that does nothing until Run. A read is taken
// to hang after the timeout.
func NewRuntime(timeout time.Duration, log *slog.Logger) (*Runtime, error) {
	reg := prometheus.NewRegistry()
	err := errors.Join(
		reg.Register(collectors.NewGoCollector()),
		reg.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})),
	)
	if err != nil {
		return nil, fmt.Errorf("register runtime metrics: %w", err)
	}
	return &Runtime{gather: reg.Gather, timeout: timeout, log: log}, nil
}

// Run reads at once and then at every interval, until ctx ends. It never
// begins a read beside one that hangs. A read that ignores the end of ctx is
// left behind after a second.
func (r *Runtime) Run(ctx context.Context, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	failing := false
	// When a tick and the end come together, nothing is read after the end.
	for ctx.Err() == nil {
		err := r.read(ctx)
		if failed := err != nil && ctx.Err() == nil; failed != failing {
			failing = failed
			if failed {
				r.log.WarnContext(ctx, "metrics of the process are not read; the last ones are kept", slog.Any("error", err))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// read returns when the read is over, however late, or ctx is.
func (r *Runtime) read(ctx context.Context) error {
	done := make(chan error, 1)
	go func() {
		families, err := r.gather()
		if len(families) > 0 {
			r.latest.Store(&runtimeReading{at: time.Now(), families: families})
		}
		done <- err
	}()
	late := time.NewTimer(r.timeout)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C:
		r.log.WarnContext(ctx, "metrics of the process are not read in time; the last ones are kept",
			slog.Float64("timeout_seconds", r.timeout.Seconds()))
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return errors.Join(ctx.Err(), err)
	case <-time.After(abandonAfter):
		r.log.WarnContext(ctx, "left a read of the process's metrics behind that does not answer")
	}
	return ctx.Err()
}

func (r *runtimeReading) chunk(form format) (*chunk, error) {
	e := &r.encoded[form]
	e.once.Do(func() { e.chunk.plain, e.err = encode(nil, r.families, form) })
	return &e.chunk, e.err
}

// encode appends families of client_golang to b.
func encode(b []byte, families []*dto.MetricFamily, form format) ([]byte, error) {
	out := bytes.NewBuffer(b)
	for _, f := range families {
		var err error
		if form == openMetrics {
			_, err = expfmt.MetricFamilyToOpenMetrics(out, f)
		} else {
			_, err = expfmt.MetricFamilyToText(out, f)
		}
		if err != nil {
			return out.Bytes(), fmt.Errorf("encode %s: %w", f.GetName(), err)
		}
	}
	return out.Bytes(), nil
}
