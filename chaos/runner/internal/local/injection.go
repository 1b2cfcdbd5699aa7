package local

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// undoTimeout bounds the undoing of one injection.
const undoTimeout = 5 * time.Second

// injection is one fault on one target, from its injection to its recovery.
type injection struct {
	fault    string // Fault.ID
	target   fault.Target
	effector effector
	oneShot  bool
	ended    chan struct{} // closed when its duration is over and it is undone
	timer    *time.Timer   // of the duration; nil without one

	mu     sync.Mutex // one undo at a time
	undone bool
}

// over says whether the injection ended by itself.
func (i *injection) over() bool {
	select {
	case <-i.ended:
		return true
	default:
		return false
	}
}

// undo is idempotent.
func (i *injection) undo(ctx context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.undone {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, undoTimeout)
	defer cancel()
	if err := i.effector.undo(ctx); err != nil {
		return fmt.Errorf("undo %s on %s: %w", i.fault, i.target.ID(), err)
	}
	i.undone = true
	return nil
}

// expire ends an injection whose duration is over.
func (e *Environment) expire(i *injection) {
	if err := i.undo(context.Background()); err != nil {
		e.cfg.Logger.Error("a fault did not end by itself", "error", err)
		return // Recover tries again, Residue reports it
	}
	e.cfg.Logger.Info("a fault ended by itself", "fault", i.fault, "target", i.target.ID())
	close(i.ended)
}

func (e *Environment) injected(run fault.RunID, id string, t fault.Target) (*injection, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, i := range e.active[run] {
		if i.fault == id && i.target == t {
			return i, true
		}
	}
	return nil, false
}

// endInjections recovers all runs, for Close.
func (e *Environment) endInjections(ctx context.Context) {
	e.mu.Lock()
	var runs []fault.RunID
	for run := range e.active {
		runs = append(runs, run)
	}
	e.mu.Unlock()
	for _, run := range runs {
		if err := e.Recover(ctx, run); err != nil {
			e.cfg.Logger.Debug("recover at the end", "run", run, "error", err)
		}
	}
}
