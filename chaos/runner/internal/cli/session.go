package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/engine"
	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/slo"
)

// place is somewhere to run one experiment: a target with its Prometheus.
type place struct {
	engine.Config
	// survey says what a person should know of an experiment before its plan is made; nil
	// on a target that belongs to the run alone.
	survey func(context.Context, experiment.Experiment) survey
	// shared is true where the Prometheus is there for other runs, too: what they spend of
	// error budgets adds up.
	shared bool
	// done receives the run before close; nil where nobody wants to know.
	done  func(result.Run)
	close func(context.Context) error
}

// site makes places.
type site interface {
	// open blocks until a place for the experiment is ready. exclusive asks that
	// no other place on this machine is in use meanwhile.
	open(ctx context.Context, x experiment.Experiment, exclusive bool) (*place, error)
	exclusive(x experiment.Experiment) bool
	// info is what the report says about the places, as far as is known by now.
	info() result.TargetInfo
	// close ends what places have in common. It is called after the last of them was
	// closed.
	close()
}

// attempt is one experiment to run, the n-th time.
type attempt struct {
	experiment.Experiment
	n int
}

// attempts repeats every experiment, all of one round before the next.
func attempts(xs []experiment.Experiment, repeat int) []attempt {
	out := make([]attempt, 0, len(xs)*repeat)
	for n := 1; n <= repeat; n++ {
		for _, x := range xs {
			out = append(out, attempt{x, n})
		}
	}
	return out
}

// session runs experiments, side by side where they do not disturb each other.
type session struct {
	site      site
	alerts    []slo.AlertModel
	control   bool
	parallel  int
	keepGoing bool
	// ignoreBudget runs whatever is left of error budgets.
	ignoreBudget bool
	// leaveFiring does not wait for the end of expected alerts.
	leaveFiring bool
	emit        func(result.Event)
	log         *slog.Logger
	// judge runs one experiment in a place and emits its events; nil is the engine.
	judge func(context.Context, engine.Config, experiment.Experiment) (result.Run, error)

	mu          sync.Mutex
	stop        string // why nothing more is started; empty: go on
	interrupted bool   // a run says that it was interrupted
}

// run blocks until every attempt has a result, in the order given. Those that
// were not started any more are skipped. The error joins internal ones.
func (s *session) run(ctx context.Context, todo []attempt) ([]result.Run, error) {
	runs := make([]result.Run, len(todo))
	errs := make([]error, len(todo))
	plan := newSpending(todo, s.control)
	var alone, together []int
	for i, a := range todo {
		if s.site.exclusive(a.Experiment) && !s.control {
			alone = append(alone, i)
		} else {
			together = append(together, i)
		}
	}
	one := func(i int, exclusive bool) {
		if reason, why := s.stopped(ctx); why != "" {
			runs[i] = s.skip(todo[i], reason, why)
			return
		}
		runs[i], errs[i] = s.one(ctx, todo[i], plan, exclusive)
		plan.over(i, runs[i])
		s.consider(runs[i])
	}
	queue := make(chan int)
	var workers sync.WaitGroup
	for range s.parallel {
		workers.Go(func() {
			for i := range queue {
				one(i, false)
			}
		})
	}
	for _, i := range together {
		queue <- i
	}
	close(queue)
	workers.Wait()
	for _, i := range alone {
		one(i, true)
	}
	return runs, errors.Join(errs...)
}

// stopped says why nothing more is started. After an interrupt that came between
// two runs, the first that is not started says so: the session was not judged as
// a whole, and its verdict must not look as if it had been.
func (s *session) stopped(ctx context.Context) (result.Reason, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() == nil {
		return result.Skipped, s.stop
	}
	reason := result.Skipped
	if !s.interrupted {
		reason, s.interrupted = result.Interrupted, true
	}
	return reason, "the session was interrupted before it began"
}

// consider ends the session after residue or an abort: something is wrong with
// the platform that more faults would only hide.
func (s *session) consider(r result.Run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.interrupted = s.interrupted || r.Interrupted()
	if s.keepGoing || r.Verdict != result.Residual && r.Verdict != result.Aborted {
		return
	}
	if s.stop == "" {
		s.stop = fmt.Sprintf("%s ended with %s; --keep-going goes on", r.Name, r.Verdict)
	}
}

func (s *session) skip(a attempt, reason result.Reason, why string) result.Run {
	r := engine.NotRun(a.Experiment, a.n, s.control, reason, why)
	s.verdict(r)
	return r
}

func (s *session) verdict(r result.Run) {
	s.emit(result.Event{
		Time: r.Ended, Type: result.EventVerdict, Run: r.ID, Experiment: r.Name, Attempt: r.Attempt,
		Verdict: r.Verdict, Reason: r.Reason, Summary: r.Summary,
	})
}

// one runs one attempt in a place of its own.
func (s *session) one(ctx context.Context, a attempt, plan *spending, exclusive bool) (result.Run, error) {
	began := time.Now()
	p, err := s.site.open(ctx, a.Experiment, exclusive)
	if err != nil {
		reason, detail := result.TargetUnreachable, err.Error()
		switch {
		case ctx.Err() != nil:
			reason, detail = result.Interrupted, "interrupted while the target was started"
		case errors.Is(err, fault.ErrBusy):
			reason = result.Busy
		case errors.Is(err, prom.ErrUnreachable):
			reason = result.PrometheusUnreachable
		case errors.Is(err, prom.ErrNoData):
			reason = result.NoData
		case errors.Is(err, fault.ErrKillSwitch):
			reason = result.KillSwitch
		}
		r := engine.NotRun(a.Experiment, a.n, s.control, reason, detail)
		r.Started = began
		s.verdict(r)
		return r, nil
	}
	cfg := p.Config
	cfg.Emit, cfg.Log, cfg.Alerts = s.emit, s.log, s.alerts
	cfg.Control, cfg.Attempt = s.control, a.n
	cfg.IgnoreBudget, cfg.LeaveFiring = s.ignoreBudget, s.leaveFiring
	if p.shared {
		cfg.Planned = plan.planned()
	}
	judge := s.judge
	if judge == nil {
		judge = throughEngine
	}
	r, err := judge(ctx, cfg, a.Experiment)
	return r, errors.Join(err, s.leave(p, r))
}

// throughEngine takes an experiment through every phase.
func throughEngine(ctx context.Context, cfg engine.Config, x experiment.Experiment) (result.Run, error) {
	eng, err := engine.New(cfg)
	if err != nil {
		return engine.NotRun(x, cfg.Attempt, cfg.Control, result.Skipped, err.Error()), err
	}
	return eng.Run(ctx, x)
}

// leave closes a place, also when the session was interrupted. The time that done takes
// does not count against the time that close has.
func (s *session) leave(p *place, r result.Run) error {
	if p.done != nil {
		p.done(r)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return p.close(ctx)
}
