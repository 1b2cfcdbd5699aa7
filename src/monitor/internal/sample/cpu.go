package sample

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ballast-sre/ballast/src/monitor/internal/host"
)

// DefaultCPUGap is how long after the first reading of the processors'
// times the second is taken, without which there is no usage. Five kernel
// ticks: long enough to say something, short enough to be ready at once.
const DefaultCPUGap = 50 * time.Millisecond

// ErrClockStands reports processor times that do not advance, as on
// sandboxed kernels which do not account for them.
var ErrClockStands = errors.New("processor times do not advance")

// CPUReading is the use of the processors between two moments.
type CPUReading struct {
	// Since and Until bound the interval that Usage is about.
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	// Usage is over all processors together.
	Usage host.CPUUsage `json:"percent"`
	// Cores are the processors that were online at Until.
	Cores []CoreReading `json:"cores"`
	Load  host.Load     `json:"load"`
}

// CoreReading is one processor's use.
type CoreReading struct {
	ID string `json:"id"`
	// Usage is nil for a processor that came online within the interval.
	Usage *host.CPUUsage `json:"percent"`
	// Times are the seconds spent in each mode since boot.
	Times host.CPUTimes `json:"seconds"`
}

// CPUSource reads the processors' counters and the load averages.
type CPUSource interface {
	CPUTimes(ctx context.Context) ([]host.CoreTimes, error)
	Load(ctx context.Context) (host.Load, error)
}

// NewCPU returns the collector of processor usage. It keeps the times of
// the reading before, so that every interval is its own; only the first
// read, which has none before it, takes two readings gap apart (zero means
// DefaultCPUGap).
func NewCPU(src CPUSource, gap time.Duration) Collector {
	if gap <= 0 {
		gap = DefaultCPUGap
	}
	c := &cpuCollector{src: src, gap: gap}
	return Collector{name: CPU, read: c.read}
}

type cpuCollector struct {
	src CPUSource
	gap time.Duration

	before   map[string]host.CPUTimes // by processor; nil before the first read
	beforeAt time.Time
}

func (c *cpuCollector) read(ctx context.Context) (part, error) {
	if c.before == nil {
		cores, at, err := c.times(ctx)
		if err != nil {
			return nil, err
		}
		c.remember(cores, at)
		select {
		case <-time.After(c.gap):
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the second reading of processor times: %w", ctx.Err())
		}
	}
	cores, at, err := c.times(ctx)
	if err != nil {
		return nil, err
	}
	load, err := c.src.Load(ctx)
	if err != nil {
		return nil, err
	}
	r, held, ok := between(c.before, cores)
	if !ok {
		// Times before are kept: the interval goes on until it holds
		// something.
		return nil, fmt.Errorf("%w since %s", ErrClockStands, c.beforeAt.Format(time.RFC3339))
	}
	r.Since, r.Until, r.Load = c.beforeAt, at, load
	c.remember(held, at)
	return func(s *Snapshot) { s.CPU = r }, nil
}

func (c *cpuCollector) times(ctx context.Context) ([]host.CoreTimes, time.Time, error) {
	cores, err := c.src.CPUTimes(ctx)
	return cores, time.Now().UTC(), err
}

func (c *cpuCollector) remember(cores []host.CoreTimes, at time.Time) {
	c.before = make(map[string]host.CPUTimes, len(cores))
	for _, core := range cores {
		c.before[core.ID] = core.CPUTimes
	}
	c.beforeAt = at
}

// between returns the usage from before to now, and the times that the next
// interval starts with: now's, held so that they never go back. It is false
// when no processor's time advanced.
func between(before map[string]host.CPUTimes, now []host.CoreTimes) (*CPUReading, []host.CoreTimes, bool) {
	r := &CPUReading{Cores: make([]CoreReading, 0, len(now))}
	held := make([]host.CoreTimes, 0, len(now))
	var whole host.CPUTimes
	for _, core := range now {
		times := core.CPUTimes
		earlier, known := before[core.ID]
		if known {
			var reset bool
			times, reset = core.NotBefore(earlier)
			known = !reset
		}
		reading := CoreReading{ID: core.ID, Times: times}
		if known {
			spent := times.Since(earlier)
			whole = whole.Add(spent)
			if usage, ok := spent.Usage(); ok {
				reading.Usage = &usage
			}
		}
		r.Cores = append(r.Cores, reading)
		held = append(held, host.CoreTimes{ID: core.ID, CPUTimes: times})
	}
	var ok bool
	r.Usage, ok = whole.Usage()
	return r, held, ok
}
