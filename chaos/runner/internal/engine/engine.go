package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/slo"
)

// Config is what an engine needs. Zero durations take the defaults stated.
type Config struct {
	Target  Target
	Querier Querier
	// Emit receives every event of the run, in order, from the goroutine that
	// called Run. Nil drops them.
	Emit func(result.Event)
	Log  *slog.Logger

	Scrape     time.Duration // of the Prometheus that is asked; 1 s
	Evaluation time.Duration // of its rules; 1 s
	// ConfirmTimeout is how long every target may take to show the effect; 10 s.
	ConfirmTimeout time.Duration
	// WarmUpTimeout is how long the first data may take; 15 s.
	WarmUpTimeout time.Duration
	// CleanupTimeout bounds the removal of the faults and the audit together; 5 s. At
	// least a fifth is kept for the audit.
	CleanupTimeout time.Duration
	// InterruptTimeout bounds both from when the run is interrupted; CleanupTimeout.
	InterruptTimeout time.Duration

	// RequireBlastRadius refuses experiments that give no blast radius.
	RequireBlastRadius bool
	// Instrument bounds the runner's own measuring: a breach means that nothing
	// can be said about the platform.
	Instrument []Bound

	// Alerts are the alert rules that are known to be evaluated, to predict when
	// they should fire; AlertScale is what their windows were divided by.
	Alerts     []slo.AlertModel
	AlertScale float64
	// Delivery is about where firing alerts go; the zero value asks nobody.
	Delivery Delivery
	// SettleTimeout is how long a run waits before its baseline until errors of
	// earlier experiments can no longer fire the burn alerts that it expects or
	// forbids, and none of its alerts is pending. 0 does not look at them: the
	// target is new for every run.
	SettleTimeout time.Duration

	// Planned is, by SLO, the most that all runs of the command that are not over may spend
	// together of its error budget, this run among them; nil: what this run may.
	Planned map[string]float64
	// LeaveFiring skips waiting for expected alerts to end, unless their document bounds it.
	LeaveFiring bool
	// IgnoreBudget goes on however little is left of an error budget.
	IgnoreBudget bool

	// ID of the run; empty makes one up.
	ID fault.RunID
	// Control runs every phase without a fault.
	Control bool
	// Attempt counts the repetitions of one experiment from 1.
	Attempt int
	// Began is when work for this run began, if that was before Run was called
	// (starting a fleet, say); it counts as the runner's own time.
	Began time.Time
}

// Bound is a PromQL expression with an upper or lower bound. It may hold $window.
type Bound struct {
	Name     string
	PromQL   string
	Max, Min *float64
}

// Engine runs experiments one at a time.
type Engine struct {
	cfg Config
}

// New checks the configuration and fills the defaults.
func New(cfg Config) (*Engine, error) {
	if cfg.Target == nil || cfg.Querier == nil {
		return nil, errors.New("engine: a target and a querier are needed")
	}
	return &Engine{cfg: cfg.withDefaults()}, nil
}

// withDefaults fills what was left out.
func (cfg Config) withDefaults() Config {
	if cfg.Emit == nil {
		cfg.Emit = func(result.Event) {}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	orDefault := func(d *time.Duration, def time.Duration) {
		if *d <= 0 {
			*d = def
		}
	}
	orDefault(&cfg.Scrape, time.Second)
	orDefault(&cfg.Evaluation, time.Second)
	orDefault(&cfg.ConfirmTimeout, 10*time.Second)
	orDefault(&cfg.WarmUpTimeout, 15*time.Second)
	orDefault(&cfg.CleanupTimeout, 5*time.Second)
	orDefault(&cfg.InterruptTimeout, cfg.CleanupTimeout)
	if cfg.AlertScale <= 0 {
		cfg.AlertScale = 1
	}
	if cfg.Attempt <= 0 {
		cfg.Attempt = 1
	}
	return cfg
}

// sight is how the alert rules see time on the target.
func (cfg Config) sight() slo.Timing {
	return slo.Timing{Scale: cfg.AlertScale, Scrape: cfg.Scrape, Evaluation: cfg.Evaluation}
}

func (cfg Config) clocks() Clocks { return Clocks{Scrape: cfg.Scrape, Evaluation: cfg.Evaluation} }

// Run takes the experiment through every phase and returns the evidence. It
// blocks until the run has been judged; ending ctx interrupts it, and then it
// returns within InterruptTimeout and about a second. From the first create of a
// fault on, the faults are removed whatever happens, a panic of the runner
// included, which comes back as the error. The evidence is valid in every case.
func (e *Engine) Run(ctx context.Context, x experiment.Experiment) (result.Run, error) {
	ctx, release := withTarget(ctx, e.cfg.Target.Lost())
	defer release()
	r := newRun(e, x)
	// Each step is contained by itself: whatever goes wrong in one, the next is done.
	for _, step := range []func(context.Context){r.phases, r.undo, r.conclude} {
		r.contain(ctx, step)
	}
	out := r.verdict()
	return out, errors.Join(r.journal.failures...)
}

// contain takes one step. A panic in it becomes an internal error.
func (r *run) contain(ctx context.Context, step func(context.Context)) {
	defer func() {
		if p := recover(); p != nil {
			r.journal.failures = append(r.journal.failures, fmt.Errorf("internal error in the run of %s: %v\n%s", r.x.Name, p, debug.Stack()))
			r.ev.Ending.Failures = append(r.ev.Ending.Failures, fmt.Sprint(p))
		}
	}()
	step(ctx)
}

// lostError is the cause of a run that ended because its target is gone.
type lostError struct{ error }

func (l lostError) Unwrap() error { return l.error }

// withTarget returns a context that ends when the target is lost. release ends it
// and waits.
func withTarget(ctx context.Context, lost <-chan error) (_ context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	var watcher sync.WaitGroup
	watcher.Go(func() {
		select {
		case err := <-lost:
			cancel(lostError{err})
		case <-ctx.Done():
		}
	})
	return ctx, func() {
		cancel(nil)
		watcher.Wait()
	}
}

// lostTarget returns why the target was lost, nil when ctx did not end because of that.
func lostTarget(ctx context.Context) error {
	var lost lostError
	if !errors.As(context.Cause(ctx), &lost) {
		return nil
	}
	return lost.error
}

// NewID is unique among the runs of one machine and one cluster, and a DNS label.
func NewID(name string) fault.RunID {
	const letters = "bcdfghjklmnpqrstvwxz2456789"
	suffix := make([]byte, 6)
	for i := range suffix {
		suffix[i] = letters[rand.IntN(len(letters))] //nolint:gosec // A name, not a secret.
	}
	return fault.RunID(name + "-" + string(suffix))
}
