package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// removal is what is owed to the target.
type removal struct {
	owed    bool          // faults may be there
	took    time.Duration // so far
	timeout time.Duration // of removal and audit together
}

// auditTime is what a removal that hangs must leave for the audit.
func (m removal) auditTime() time.Duration { return m.timeout / 5 }

// undo removes what is still owed and looks for what is left. It runs after
// every way that the phases can end, a panic included.
func (r *run) undo(ctx context.Context) {
	if r.removal.owed {
		r.journal.enter(result.Recover, time.Time{})
		r.remove(ctx)
	}
	if r.ev.Moments.T0 != nil {
		r.journal.enter(result.Audit, time.Time{})
		if !r.spec.Control {
			r.audit(ctx)
		}
	}
}

// remove asks for the removal of every fault, once more after each failure as
// long as there is time. It goes on when ctx has ended.
func (r *run) remove(ctx context.Context) {
	now := instant()
	r.ev.Moments.Removed = &now
	if !r.removal.owed {
		return
	}
	began := time.Now()
	defer func() { r.removal.took += time.Since(began) }()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.removal.timeout-r.removal.auditTime()-r.removal.took)
	defer cancel()
	for {
		err := contained(func() error { return r.cfg.Target.Recover(ctx, r.id) })
		if err == nil || ctx.Err() != nil || !pause(ctx, 200*time.Millisecond) {
			r.cleanup().Removal = troubleWith(err)
			r.removal.owed = false
			return
		}
	}
}

func (r *run) cleanup() *result.Cleanup {
	if r.ev.Cleanup == nil {
		r.ev.Cleanup = &result.Cleanup{}
	}
	return r.ev.Cleanup
}

// contained turns a panic of the target into an error: it must not take the
// process down while faults are in place.
func contained(ask func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the target panicked: %v", p)
		}
	}()
	return ask()
}

// audit looks for what the run left behind, until there is nothing or the time is over.
func (r *run) audit(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(r.removal.auditTime(), r.removal.timeout-r.removal.took))
	defer cancel()
	for {
		var left []fault.Residue
		err := contained(func() (err error) { left, err = r.cfg.Target.Residue(ctx); return err })
		var own []string
		for _, l := range left {
			if l.Run == r.id {
				own = append(own, result.Redact(l.String()))
			}
		}
		if err == nil && len(own) == 0 {
			r.cleanup().Audited = true
			return
		}
		if pause(ctx, 200*time.Millisecond) {
			continue
		}
		c := r.cleanup()
		c.Residue, c.Audited, c.Audit = own, err == nil, troubleWith(err)
		return
	}
}
