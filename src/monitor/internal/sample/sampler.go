package sample

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ballast-sre/ballast/src/monitor/internal/host"
)

// ErrDeadline reports a collector that did not answer within its timeout.
// Nothing new is asked of it until it does.
var ErrDeadline = errors.New("no answer within the deadline")

// ErrPanic reports a collector that panicked; the stack is in the log.
var ErrPanic = errors.New("the collector panicked")

// abandonAfter is how long Run waits at its end for collectors that hang.
const abandonAfter = time.Second

// maxShare is what part of the time a collector may spend reading: one in
// four.
const maxShare = 4

// Config is what a Sampler needs.
type Config struct {
	// Collectors must not be empty and have no name twice.
	Collectors []Collector
	// Interval is the time between two readings of one collector, unless
	// reading itself takes over a quarter of it.
	Interval time.Duration
	// Timeout is how long one reading may take.
	Timeout time.Duration
	// Logger gets one line when a collector begins to fail and one when
	// it works again.
	Logger *slog.Logger
	// Published is given each new snapshot, in order. No reading goes on
	// until it returns. It may be nil.
	Published func(*Snapshot)
}

func (c Config) check() error {
	var errs []error
	if len(c.Collectors) == 0 {
		errs = append(errs, errors.New("sampler: no collector given"))
	}
	seen := make(map[Name]bool)
	for _, col := range c.Collectors {
		if seen[col.name] {
			errs = append(errs, fmt.Errorf("sampler: collector %q given twice", col.name))
		}
		seen[col.name] = true
	}
	if c.Interval <= 0 {
		errs = append(errs, fmt.Errorf("sampler: interval %s is not positive", c.Interval))
	}
	if c.Timeout <= 0 {
		errs = append(errs, fmt.Errorf("sampler: timeout %s is not positive", c.Timeout))
	}
	if c.Logger == nil {
		errs = append(errs, errors.New("sampler: no logger given"))
	}
	return errors.Join(errs...)
}

// Sampler keeps the Snapshot fresh:
//
//	loop per collector ──► read, in a goroutine of its own ──► publish
//	        │                            │
//	      ticker                 deadline: publish the failure,
//	                             keep the last good reading
type Sampler struct {
	cfg     Config
	current atomic.Pointer[Snapshot]
	publish sync.Mutex // held from loading current to storing the next
	// passedOn is how long Published took with the last snapshot of each
	// collector; publish guards it.
	passedOn map[Name]time.Duration
	said     said
	// processorTime is the processor time that this process has used.
	processorTime func() time.Duration
}

// New returns a sampler that does nothing until Run.
func New(cfg Config) (*Sampler, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &Sampler{cfg: cfg, passedOn: make(map[Name]time.Duration), said: newSaid(cfg.Logger), processorTime: processorTime}
	first := &Snapshot{}
	for _, c := range cfg.Collectors {
		first.Statuses = append(first.Statuses, Status{Name: c.name, Interval: cfg.Interval})
	}
	order := Names()
	slices.SortFunc(first.Statuses, func(a, b Status) int {
		return slices.Index(order, a.Name) - slices.Index(order, b.Name)
	})
	s.current.Store(first)
	return s, nil
}

// Snapshot returns the newest snapshot. It is never nil, never blocks, and
// must not be changed.
func (s *Sampler) Snapshot() *Snapshot { return s.current.Load() }

// Run reads every collector at once, then each at every interval, until ctx
// ends. It blocks until its goroutines have ended, but for readings that
// ignore ctx: those it leaves behind after a second, with a log line.
func (s *Sampler) Run(ctx context.Context) {
	var loops sync.WaitGroup
	for _, c := range s.cfg.Collectors {
		loops.Go(func() { s.loop(ctx, c) })
	}
	loops.Wait()
}

func (s *Sampler) loop(ctx context.Context, c Collector) {
	ticker := time.NewTicker(s.cfg.Interval)
	defer ticker.Stop()
	pace := s.cfg.Interval
	// When a tick and the end come together, no reading begins after the end.
	for ctx.Err() == nil {
		s.attempt(ctx, c)
		st, _ := s.Snapshot().Status(c.name)
		if st.Interval != pace {
			pace = st.Interval
			ticker.Reset(pace)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// outcome is what one read came to.
type outcome struct {
	reading reading
	err     error
	took    time.Duration
	// worked is the processor time that the whole process used meanwhile.
	worked time.Duration
}

// attempt does one read and publishes what came of it. When the read
// outlives its deadline it publishes that, then goes on waiting for it: a
// late reading is still a good one, and a second call beside a hanging one
// would only hang too.
func (s *Sampler) attempt(ctx context.Context, c Collector) {
	readCtx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	done := make(chan outcome, 1)
	go func() { done <- s.read(readCtx, c) }()

	select {
	case o := <-done:
		s.settle(ctx, c.name, o)
		return
	case <-readCtx.Done():
	}
	if ctx.Err() == nil {
		s.record(ctx, c.name, outcome{err: fmt.Errorf("%w of %s", ErrDeadline, s.cfg.Timeout), took: s.cfg.Timeout})
		select {
		case o := <-done:
			// Its failure is on record already.
			if o.err == nil {
				s.settle(ctx, c.name, o)
			}
			return
		case <-ctx.Done():
		}
	}
	select {
	case <-done:
	case <-time.After(abandonAfter):
		s.cfg.Logger.WarnContext(ctx, "left a collector behind that does not answer",
			slog.String("collector", string(c.name)))
	}
}

// settle records o unless the sampler is being stopped: a read that was cut
// short by that says nothing about the host.
func (s *Sampler) settle(ctx context.Context, name Name, o outcome) {
	if o.err != nil && ctx.Err() != nil {
		return
	}
	s.record(ctx, name, o)
}

func (s *Sampler) read(ctx context.Context, c Collector) (o outcome) {
	start, before := time.Now(), s.processorTime()
	defer func() {
		if p := recover(); p != nil {
			s.said.panicked(ctx, c.name, p)
			o.err = fmt.Errorf("%w: %v", ErrPanic, p)
		}
		o.took, o.worked = time.Since(start), s.processorTime()-before
	}()
	o.reading, o.err = c.read(ctx)
	return o
}

// pace is how long to wait for the next reading: longer than the interval
// where reading takes long, as with 10,000 mounts, so that the monitor itself
// takes no more than a quarter of a processor, keeping the reading included. Time
// that a reading only waited does not count.
func (s *Sampler) pace(name Name, o outcome) time.Duration {
	spent := o.took
	switch {
	case errors.Is(o.err, ErrDeadline):
		return s.cfg.Interval
	case o.took > s.cfg.Timeout: // it hung, or there is a lot to read
		spent = min(o.took, o.worked)
	}
	return max(s.cfg.Interval, maxShare*(spent+s.passedOn[name]))
}

// processorTime is 0 where the kernel does not tell.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// record publishes the next snapshot.
func (s *Sampler) record(ctx context.Context, name Name, o outcome) {
	s.publish.Lock()
	defer s.publish.Unlock()
	next := s.current.Load().clone()
	i := slices.IndexFunc(next.Statuses, func(st Status) bool { return st.Name == name })
	st := &next.Statuses[i]
	before := st.State()
	st.Duration, st.Err = o.took, o.err
	st.Interval = s.pace(name, o)
	if o.err != nil {
		st.Failures++
		// What was read once is no part that there is not.
		st.Unsupported = !st.Ready() && errors.Is(o.err, host.ErrUnsupported)
	} else {
		st.Successes++
		st.SampledAt = time.Now().UTC()
		st.Unsupported = false
		report := o.reading.report
		st.Problems = append(slices.Clone(report.Files), report.Mounts...)
		st.Scopes = report.Scopes
		st.LinesSkipped += uint64(len(report.Skipped))
		o.reading.put(next)
		s.said.lacks(ctx, name, report)
	}
	s.current.Store(next)
	if s.cfg.Published != nil {
		start := time.Now()
		s.cfg.Published(next)
		s.passedOn[name] = time.Since(start)
	}
	s.said.changed(ctx, *st, before)
}
