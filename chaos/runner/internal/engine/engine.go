package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
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
	// CleanupTimeout bounds the removal of the faults and the audit together; 5 s,
	// so that an interrupted run has ended within 7. The audit has at least a fifth
	// of it.
	CleanupTimeout time.Duration

	// RequireBlastRadius refuses experiments that give no blast radius.
	RequireBlastRadius bool
	// Healthy is PromQL for the number of healthy targets. After the fault it
	// must be back at what it was in the baseline.
	Healthy string
	// Instrument bounds the runner's own measuring: a breach means that nothing
	// can be said about the platform.
	Instrument []Bound

	// Alerts are the alert rules that are known to be evaluated, to predict when
	// they should fire; AlertScale is what their windows were divided by.
	Alerts     []slo.AlertModel
	AlertScale float64

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
	if cfg.Healthy == "" {
		return nil, errors.New("engine: Healthy, an expression for the number of healthy targets, is needed")
	}
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
	if cfg.AlertScale <= 0 {
		cfg.AlertScale = 1
	}
	if cfg.Attempt <= 0 {
		cfg.Attempt = 1
	}
	return &Engine{cfg: cfg}, nil
}

// Window is what $window stands for: long enough for rate over four scrapes.
func (e *Engine) window() time.Duration { return max(10*time.Second, 4*e.cfg.Scrape) }

// tick is how often the run looks: twice a scrape, so that a breach is acted on
// within one scrape of being recorded, and at least five times a minute.
func (e *Engine) tick() time.Duration {
	return min(max(min(e.cfg.Scrape, e.cfg.Evaluation)/2, 100*time.Millisecond), 12*time.Second)
}

// lag is how late a step is complete: its scrape and the rules built on it.
func (e *Engine) lag() time.Duration { return e.cfg.Scrape + e.cfg.Evaluation }

// settle is how much time after the removal the oldest sample in use must have:
// the age at which samples are stale, so that none from before it counts.
func (e *Engine) settle() time.Duration { return 3 * e.cfg.Scrape }

// instant is now in whole milliseconds, the resolution of Prometheus: a step that
// is asked for is found again in the answer.
func instant() time.Time { return time.Now().Truncate(time.Millisecond) }

// blindness is how long a run goes on under fault without data.
const blindness = 5 * time.Second

// Run takes the experiment through every phase and returns the evidence. It
// blocks until the run has been judged; ending ctx interrupts it, and then it
// returns within CleanupTimeout and about a second. From the first create of a
// fault on, the faults are removed whatever happens, a panic of the runner
// included, which comes back as the error. The evidence is valid in every case.
func (e *Engine) Run(ctx context.Context, x experiment.Experiment) (result.Run, error) {
	r := newRun(e, x)
	// Each step is contained by itself: whatever goes wrong in one, the next is done.
	for _, step := range []func(context.Context){r.phases, r.undo, r.conclude} {
		r.contain(ctx, step)
	}
	r.verdict()
	r.close()
	return r.res, errors.Join(r.internal...)
}

// contain takes one step. A panic in it becomes an internal error.
func (r *run) contain(ctx context.Context, step func(context.Context)) {
	defer func() {
		if p := recover(); p != nil {
			r.internal = append(r.internal, fmt.Errorf("internal error in the run of %s: %v\n%s", r.x.Name, p, debug.Stack()))
			r.find(rankGate, result.Interrupted, fmt.Sprintf("the runner failed: %v", p))
		}
	}()
	step(ctx)
}

// runID is unique among the runs of one machine and one cluster, and a DNS label.
func runID(name string) fault.RunID {
	const letters = "bcdfghjklmnpqrstvwxz2456789"
	suffix := make([]byte, 6)
	for i := range suffix {
		suffix[i] = letters[rand.IntN(len(letters))] //nolint:gosec // A name, not a secret.
	}
	return fault.RunID(name + "-" + string(suffix))
}
