package cluster

import (
	"context"
	"errors"
	"sync"
)

// hold is what a run has for itself while it lasts: its lease, and an eye on the kill
// switch.
type hold struct {
	lease  *Lease
	kill   *KillSwitch
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// Begin gets the run its lease and watches the kill switch from then on. The error wraps
// fault.ErrBusy where another run needs the same, and fault.ErrKillSwitch where the
// switch is set. It blocks as [Acquire] does. Without an error, End is owed.
func (t *Target) Begin(ctx context.Context, claim Claim) error {
	if err := CheckKillSwitch(ctx, t.Kubernetes, t.cfg.SystemNamespace); err != nil {
		return err
	}
	lease, err := Acquire(ctx, t.Kubernetes, t.cfg.SystemNamespace, claim, t.cfg.Logger)
	if err != nil {
		return err
	}
	watching, cancel := context.WithCancel(context.WithoutCancel(ctx))
	h := &hold{lease: lease, kill: WatchKillSwitch(watching, t.Kubernetes, t.cfg.SystemNamespace), cancel: cancel}
	h.wg.Go(func() {
		select {
		case err := <-h.lease.Lost():
			t.lost <- err
		case err := <-h.kill.Set():
			t.lost <- err
		case <-watching.Done():
		}
	})
	t.hold = h
	return nil
}

// End gives the lease back, with the summary of the run, and waits for all that Begin
// started.
func (t *Target) End(ctx context.Context, s Summary) error {
	h := t.hold
	if h == nil {
		return errors.New("the run has not begun")
	}
	t.hold = nil
	h.cancel()
	h.kill.Stop()
	h.wg.Wait()
	t.untrack() // where Recover has not
	t.mu.Lock()
	on := t.hit
	t.mu.Unlock()
	t.announce(ctx, on, func(int) Event { return Judged(s.Experiment, s.Verdict, s.Reason) })
	return h.lease.Release(ctx, s)
}
