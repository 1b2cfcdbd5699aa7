package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// Plan resolves the targets of every fault and injects nothing. Where a fault
// acts on a pod's path or CPU, it measures them as they are: a second at most. The
// error wraps fault.ErrNotInjectable, ErrNoTarget, ErrBusy or ErrUnreachable.
func (e *Environment) Plan(ctx context.Context, run fault.RunID, fs []fault.Fault) (fault.Plan, error) {
	if err := e.lost(); err != nil {
		return fault.Plan{}, err
	}
	e.mu.Lock()
	for other, injections := range e.active {
		if other != run && len(injections) > 0 {
			e.mu.Unlock()
			return fault.Plan{}, fmt.Errorf("%w: run %s is under way here", fault.ErrBusy, other)
		}
	}
	e.mu.Unlock()

	plan := fault.Plan{Run: run}
	pods, err := e.readyPods(ctx)
	if err != nil {
		return fault.Plan{}, err
	}
	var errs []error
	for _, f := range fs {
		planned, err := e.plan(f, pods)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.ID(), err))
			continue
		}
		plan.Faults = append(plan.Faults, planned)
	}
	if err := errors.Join(errs...); err != nil {
		return fault.Plan{}, err
	}
	return plan, e.measure(ctx, plan)
}

// planTimeout is how long a plan waits for pods that answer their checks late.
const planTimeout = 5 * time.Second

// readyPods waits a moment until all pods are ready. It refuses to plan on a part
// of the fleet: the percentage of what is hit would be that of the part.
func (e *Environment) readyPods(ctx context.Context) ([]fault.Pod, error) {
	waiting, cancel := context.WithTimeout(ctx, planTimeout)
	defer cancel()
	waited := e.fleet.awaitReady(waiting)
	pods := e.fleet.describe()
	ready := 0
	for _, p := range pods {
		if p.Ready {
			ready++
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if ready < len(pods) {
		return nil, errors.Join(fmt.Errorf("%w: only %d of %d pods are ready before anything is injected, and the share that is hit would be wrong; this machine may lack CPU, memory or open files",
			fault.ErrUnreachable, ready, len(pods)), waited)
	}
	return e.pods(), nil
}

func (e *Environment) plan(f fault.Fault, pods []fault.Pod) (fault.Planned, error) {
	a, err := actionFor(f)
	if err != nil {
		return fault.Planned{}, err
	}
	// The author's namespace, when there is one, is where the object would be.
	namespace := f.Namespace
	if namespace == "" {
		namespace = e.cfg.Namespace
	}
	e.mu.Lock() // rng is not safe for concurrent use
	targets, err := fault.Select(pods, f.Selector, namespace, e.rng)
	e.mu.Unlock()
	if err != nil {
		return fault.Planned{}, err
	}
	ready := map[string]int{}
	for _, p := range pods {
		if p.Ready && slices.ContainsFunc(targets, func(t fault.Target) bool { return t.Workload == p.Workload }) {
			ready[p.Workload]++
		}
	}
	planned := fault.Planned{Fault: f, Targets: targets, Ready: ready, Emulated: a.emulated()}
	if planned.Blinds, err = e.blinds(a, targets); planned.Blinds {
		planned.Emulated += "; the load generator is a part of the runner, and its fitness is not checked during this run"
	}
	return planned, err
}

// measure takes the baselines that effects are compared with.
func (e *Environment) measure(ctx context.Context, plan fault.Plan) error {
	measured := map[*pod]wanted{}
	for _, planned := range plan.Faults {
		a, err := actionFor(planned.Fault)
		if err != nil {
			return err
		}
		for _, t := range planned.Targets {
			p, ok := e.find(t.UID)
			if !ok {
				continue
			}
			w := measured[p]
			switch a := a.(type) {
			case network:
				w.path, w.bulk = true, w.bulk || a.rate > 0
			case stress:
				w.cpu = w.cpu || a.workers > 0
			default:
				continue
			}
			measured[p] = w
		}
	}
	baselines := map[string]podBaseline{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for p, w := range measured {
		wg.Go(func() {
			b := measureBaseline(ctx, p, w)
			mu.Lock()
			defer mu.Unlock()
			baselines[p.uid] = b
		})
	}
	wg.Wait()
	e.mu.Lock()
	e.baselines = baselines
	e.mu.Unlock()
	return ctx.Err()
}

// Inject starts every fault of the plan, and each one's duration. On error,
// Recover is still owed. The error wraps fault.ErrPartial when some targets were
// injected and others were not.
func (e *Environment) Inject(ctx context.Context, p fault.Plan) error {
	if err := e.lost(); err != nil {
		return err
	}
	if err := e.dir.note(p.Run); err != nil {
		return err
	}
	var (
		errs []error
		done int
	)
	for _, planned := range p.Faults {
		for _, t := range planned.Targets {
			if err := e.inject(ctx, p.Run, planned.Fault, t); err != nil {
				errs = append(errs, fmt.Errorf("inject %s on %s: %w", planned.Fault.ID(), t.ID(), err))
				continue
			}
			done++
		}
	}
	err := errors.Join(errs...)
	if err != nil && done > 0 {
		return fmt.Errorf("%w: %w", fault.ErrPartial, err)
	}
	return err
}

func (e *Environment) inject(ctx context.Context, run fault.RunID, f fault.Fault, t fault.Target) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p, ok := e.find(t.UID)
	if !ok {
		return fmt.Errorf("%w: the pod is gone since it was planned", fault.ErrNoTarget)
	}
	a, err := actionFor(f)
	if err != nil {
		return err
	}
	e.mu.Lock()
	before, measured := e.baselines[t.UID]
	e.mu.Unlock()
	if !measured {
		before.err = errNoBaseline
	}
	i := &injection{
		fault: f.ID(), target: t, oneShot: f.OneShot, ended: make(chan struct{}),
		effector: a.on(e, p, string(run)+"/"+f.ID()+"/"+t.ID(), before),
	}
	// On the books first: whatever happens from here on, Recover undoes it.
	e.mu.Lock()
	e.active[run] = append(e.active[run], i)
	if f.Duration > 0 && !f.OneShot {
		i.timer = time.AfterFunc(f.Duration, func() { e.expire(i) })
	}
	e.mu.Unlock()
	return i.effector.inject(ctx)
}

// Effects measures, now, what each fault of the plan does to each target, all at
// once; it takes as long as the slowest measurement: some 1.5 s, and 3 s where a fault
// has several parts.
func (e *Environment) Effects(ctx context.Context, p fault.Plan) ([]fault.Effect, error) {
	if err := e.lost(); err != nil {
		return nil, err
	}
	var (
		effects []fault.Effect
		wg      sync.WaitGroup
	)
	n := 0
	for _, planned := range p.Faults {
		n += len(planned.Targets)
	}
	effects = make([]fault.Effect, 0, n) // no growth: goroutines hold places in it
	for _, planned := range p.Faults {
		for _, t := range planned.Targets {
			effects = append(effects, fault.Effect{Fault: planned.Fault.ID(), Target: t})
			effect := &effects[len(effects)-1]
			i, ok := e.injected(p.Run, effect.Fault, t)
			wg.Go(func() {
				defer func() { effect.At = time.Now() }()
				if !ok {
					effect.Observed = "it is not injected here"
					return
				}
				effect.Injected = true
				if i.over() {
					effect.Observed = "its duration is over: it ended by itself"
					return
				}
				o := i.effector.observe(ctx)
				effect.Shown, effect.Observed, effect.Unfelt = o.shown, o.text, o.unfelt
			})
		}
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return effects, fmt.Errorf("measure the effects: %w", err)
	}
	return effects, e.lost()
}

// Recover undoes every fault of the run. It is idempotent, and a run that was
// never here needs nothing. What could not be undone stays, for Residue to report
// and the next Recover to try.
func (e *Environment) Recover(ctx context.Context, run fault.RunID) error {
	e.mu.Lock()
	injections := e.active[run]
	e.mu.Unlock()

	var errs []error
	undone := map[*injection]bool{}
	// The newest first, as it was put upon the others.
	for _, i := range slices.Backward(injections) {
		if i.timer != nil {
			i.timer.Stop()
		}
		if err := i.undo(ctx); err != nil {
			errs = append(errs, err)
			continue
		}
		undone[i] = true
	}
	e.mu.Lock()
	left := slices.DeleteFunc(slices.Clone(e.active[run]), func(i *injection) bool { return undone[i] })
	if len(left) == 0 {
		delete(e.active, run)
	} else {
		e.active[run] = left
	}
	e.mu.Unlock()
	if err := errors.Join(errs...); err != nil {
		if lost := e.lost(); lost != nil {
			return fmt.Errorf("%w: %w", lost, err)
		}
		return err
	}
	return nil
}
