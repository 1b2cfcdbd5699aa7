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

// stillIntervals is after how many intervals without any advance processor
// times are taken for ones that the kernel does not count.
const stillIntervals = 10

// ErrClockStands reports processor times that do not advance, as on
// sandboxed kernels which do not account for them.
var ErrClockStands = errors.New("processor times do not advance")

// CPUReading is the use of the processors between two moments.
type CPUReading struct {
	// Since and Until bound the interval that Usage is about.
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	// Usage is over all processors that have a usage; nil when none has.
	Usage *host.CPUUsage `json:"percent"`
	// Cores are the processors that were online at Until.
	Cores []CoreReading `json:"cores"`
	// Load is nil when it cannot be read.
	Load *host.Load `json:"load"`
	// Pressure is how long tasks waited for a processor; nil on a kernel
	// that does not count it.
	Pressure *host.Pressure `json:"pressure"`
}

// CoreReading is one processor's use.
type CoreReading struct {
	ID string `json:"id"`
	// Usage is nil where the interval says nothing: the processor came
	// online within it, or its counters were reset or jumped.
	Usage *host.CPUUsage `json:"percent"`
	// Times are the seconds spent in each mode since boot; nil where they
	// grew by more than the time that passed.
	Times *host.CPUTimes `json:"seconds"`
	// Hertz is how fast the processor runs at Until; nil where the driver
	// does not say.
	Hertz *float64 `json:"frequencyHertz"`
}

// CPUSource reads what there is about processors.
type CPUSource interface {
	CPUTimes(ctx context.Context) ([]host.CoreTimes, host.Report, error)
	Load(ctx context.Context) (*host.Load, host.Report)
	CPUPressure(ctx context.Context) (*host.Pressure, host.Report)
	// Frequencies returns hertz by ID, of those that are known.
	Frequencies(ctx context.Context, cores []host.CoreTimes) (map[string]float64, host.Report)
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
	return newCollector(CPU, c.read)
}

type cpuCollector struct {
	src CPUSource
	gap time.Duration

	before *cpuTimes
	// shown is what was last shown of each processor that is online.
	shown map[string]host.CPUTimes
	still int // intervals without an advance
}

// cpuTimes is one reading of the counters.
type cpuTimes struct {
	cores []host.CoreTimes
	byID  map[string]host.CPUTimes
	// from and at are when the reading was begun and finished.
	from, at time.Time
	report   host.Report
}

func (c *cpuCollector) read(ctx context.Context) (reading, error) {
	if c.before == nil {
		first, err := c.times(ctx)
		if err != nil {
			return reading{}, err
		}
		c.before = first
		select {
		case <-time.After(c.gap):
		case <-ctx.Done():
			return reading{}, fmt.Errorf("wait for the second reading of processor times: %w", ctx.Err())
		}
	}
	now, err := c.times(ctx)
	if err != nil {
		return reading{}, err
	}
	if now.stands(c.before) {
		// Times before are kept: the interval goes on until it holds
		// something.
		return reading{}, c.stillStands()
	}
	r, report := c.between(now), now.report
	load, lacks := c.src.Load(ctx)
	report.Add(lacks)
	pressure, lacks := c.src.CPUPressure(ctx)
	report.Add(lacks)
	hertz, lacks := c.src.Frequencies(ctx, now.cores)
	report.Add(lacks)
	r.Load, r.Pressure = load, pressure
	for i, core := range r.Cores {
		if v, ok := hertz[core.ID]; ok {
			r.Cores[i].Hertz = &v
		}
	}
	c.before, c.still = now, 0
	return reading{put: func(s *Snapshot) { s.CPU = r }, report: report}, nil
}

func (c *cpuCollector) stillStands() error {
	c.still++
	err := fmt.Errorf("%w since %s", ErrClockStands, c.before.at.Format(time.RFC3339))
	if c.still >= stillIntervals {
		return fmt.Errorf("%w: %w", host.ErrUnsupported, err)
	}
	return err
}

func (c *cpuCollector) times(ctx context.Context) (*cpuTimes, error) {
	t := &cpuTimes{from: time.Now()}
	var err error
	t.cores, t.report, err = c.src.CPUTimes(ctx)
	t.at = time.Now().UTC()
	t.byID = make(map[string]host.CPUTimes, len(t.cores))
	for _, core := range t.cores {
		t.byID[core.ID] = core.CPUTimes
	}
	return t, err
}

// stands says whether no processor's time is another than before.
func (t *cpuTimes) stands(before *cpuTimes) bool {
	if len(t.cores) != len(before.cores) {
		return false
	}
	for id, times := range t.byID {
		if earlier, known := before.byID[id]; !known || earlier != times {
			return false
		}
	}
	return true
}

// between returns the usage from the reading before to now, and remembers
// what it shows of the counters.
func (c *cpuCollector) between(now *cpuTimes) *CPUReading {
	r := &CPUReading{Since: c.before.at, Until: now.at, Cores: make([]CoreReading, 0, len(now.cores))}
	// No more time than this can have passed between two reads.
	atMost := now.at.Sub(c.before.from)
	shown := make(map[string]host.CPUTimes, len(now.cores))
	var whole host.CPUTimes
	for _, core := range now.cores {
		times, show := core.CPUTimes, true
		out := CoreReading{ID: core.ID}
		if earlier, known := c.before.byID[core.ID]; known {
			spent, change := times.Since(earlier, atMost)
			last, wasShown := c.shown[core.ID]
			switch change {
			case host.Advanced, host.Unclear:
				if wasShown {
					times = times.NotBefore(last)
				}
				whole = whole.Add(spent)
				if usage, ok := spent.Usage(); ok {
					out.Usage = &usage
				}
			case host.Reset: // shown as it is
			case host.Jumped:
				show = false
				times = last // for the next one to be compared with
			}
		}
		if show {
			out.Times = &times
		}
		shown[core.ID] = times
		r.Cores = append(r.Cores, out)
	}
	c.shown = shown
	if usage, ok := whole.Usage(); ok {
		r.Usage = &usage
	}
	return r
}
