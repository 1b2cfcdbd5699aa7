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
	owed bool          // faults may be there
	took time.Duration // so far
}

// auditShare of the time of removal and audit is what a removal that hangs must leave for
// the audit.
const auditShare = 5

// removing is what the removal still has of the time for both.
func (m removal) removing(both time.Duration) time.Duration { return both - both/auditShare - m.took }

// auditing is what the audit has of it.
func (m removal) auditing(both time.Duration) time.Duration {
	return max(both/auditShare, both-m.took)
}

// afterwards returns a context that goes on when ctx has ended. left is what there is of the
// time for removal and audit, which is less once the run is interrupted.
func (r *run) afterwards(ctx context.Context, left func(both time.Duration) time.Duration) (context.Context, context.CancelFunc) {
	limit, hurried := left(r.cfg.CleanupTimeout), left(r.cfg.InterruptTimeout)
	if ctx.Err() != nil {
		limit = hurried
	}
	owed, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(hurried, cancel) })
	return owed, func() { stop(); cancel() }
}

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
	ctx, cancel := r.afterwards(ctx, r.removal.removing)
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
	ctx, cancel := r.afterwards(ctx, r.removal.auditing)
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
