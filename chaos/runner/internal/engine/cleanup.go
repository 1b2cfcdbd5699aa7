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
	owed     bool          // faults may be there
	took     time.Duration // so far
	underway <-chan func() bool
}

// auditShare of the time of removal and audit is what a removal that hangs must leave for
// the audit.
const auditShare = 5

// removing is the time that the removal may still take.
func (m removal) removing(both time.Duration) time.Duration { return both - both/auditShare - m.took }

// auditing is the time that the audit may take.
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

// remove asks for the removal of every fault and waits for it. It goes on when ctx has
// ended.
func (r *run) remove(ctx context.Context) {
	if removed := r.beginRemoval(ctx); removed != nil {
		(<-removed)()
	}
}

// removeWatched does so, and goes on looking: a removal may take as long as an outage.
func (r *run) removeWatched(ctx context.Context) {
	removed := r.beginRemoval(ctx)
	if removed == nil {
		return
	}
	if !r.watch(ctx, time.Now().Add(r.cfg.CleanupTimeout), removed, func(look) bool { return false }) {
		(<-removed)()
	}
}

// beginRemoval begins to remove what is owed, if anything is. Once that has ended, which
// is when a context of afterwards ends at the latest, it sends what to do with the outcome.
func (r *run) beginRemoval(ctx context.Context) <-chan func() bool {
	if r.removal.underway != nil { // when something went wrong here while it was waited for
		return r.removal.underway
	}
	now := instant()
	r.ev.Moments.Removed = &now
	if !r.removal.owed {
		return nil
	}
	began := time.Now()
	ctx, cancel := r.afterwards(ctx, r.removal.removing)
	removed := make(chan func() bool, 1)
	go func() {
		defer cancel()
		err := r.recoverTarget(ctx)
		removed <- func() bool {
			r.removal.took += time.Since(began)
			r.removal.owed, r.removal.underway = false, nil
			r.cleanup().Removal = troubleWith(err)
			return true
		}
	}()
	r.removal.underway = removed
	return removed
}

// recoverTarget asks for the removal, once more after each failure as long as there is time.
func (r *run) recoverTarget(ctx context.Context) error {
	for {
		err := contained(func() error { return r.cfg.Target.Recover(ctx, r.id) })
		if err == nil || ctx.Err() != nil || !pause(ctx, 200*time.Millisecond) {
			return err
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
