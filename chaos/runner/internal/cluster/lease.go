package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
)

const (
	renewEvery = 5 * time.Second
	// renewRetry is the time between two tries when one failed.
	renewRetry = time.Second
	// withdrawTimeout bounds the removal of a Lease that was not granted.
	withdrawTimeout = 5 * time.Second
)

// ErrLeaseLost is wrapped by what [Lease.Lost] reports: nobody needs to respect
// this run any more, and the guard removes its faults.
var ErrLeaseLost = errors.New("the run's lease is lost")

// errLeaseGone is the end of a Lease that somebody deleted.
var errLeaseGone = errors.New("somebody deleted it")

// Lease is the right of a run to its targets, renewed every 5 s by a goroutine
// that ends with [Lease.Release] or when the Lease is lost.
type Lease struct {
	leases coordination.LeaseInterface
	log    *slog.Logger
	claim  Claim

	stop context.CancelFunc
	done chan struct{}
	lost chan error

	mu     sync.Mutex // held during each update
	object *coordinationv1.Lease
}

// createLease creates the Lease of a run that does not know yet whether it may
// begin, and renews it from then on. The caller's context ends only the creation:
// a run that is interrupted still needs its Lease until it has cleaned up.
func createLease(ctx context.Context, client kubernetes.Interface, namespace string, claim Claim, log *slog.Logger) (*Lease, error) {
	needs, err := text(claim.Needs)
	if err != nil {
		return nil, err
	}
	now, seconds := metav1.NowMicro(), int32(LeaseDuration.Seconds())
	l := &Lease{
		leases: client.CoordinationV1().Leases(namespace), log: log, claim: claim,
		done: make(chan struct{}), lost: make(chan error, 1),
	}
	began := time.Now()
	l.object, err = l.leases.Create(ctx, &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{
			Name:        string(claim.Run),
			Namespace:   namespace,
			Labels:      map[string]string{RunLabel: string(claim.Run), ExperimentLabel: claim.Experiment, ManagedByLabel: ManagedBy},
			Annotations: map[string]string{needsAnnotation: needs, acquiringAnnotation: "true"},
		},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity: &claim.Holder, LeaseDurationSeconds: &seconds, AcquireTime: &now, RenewTime: &now,
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("create lease %s/%s: %w", namespace, claim.Run, err)
	}
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop = stop
	go l.renew(renewing, began)
	return l, nil
}

// Lost reports once, with [ErrLeaseLost], that the Lease was deleted or could not
// be renewed for its whole duration. The run has to undo its faults at once.
func (l *Lease) Lost() <-chan error { return l.lost }

// Release ends the Lease: it is renewed no more and holds the summary from now on.
// It blocks until the goroutine has ended and the API server has answered.
func (l *Lease) Release(ctx context.Context, s Summary) error {
	l.halt()
	summary, err := text(s.finite())
	if err != nil {
		return err
	}
	err = l.update(ctx, func(o *coordinationv1.Lease) {
		o.Spec.HolderIdentity = nil
		delete(o.Annotations, acquiringAnnotation)
		o.Annotations[summaryAnnotation] = summary
	})
	if err != nil {
		return fmt.Errorf("write the summary to lease %s: %w", l.claim.Run, err)
	}
	return nil
}

// withdraw deletes a Lease that was not granted.
func (l *Lease) withdraw(ctx context.Context) error {
	l.halt()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawTimeout)
	defer cancel()
	err := l.leases.Delete(ctx, string(l.claim.Run), metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &l.object.UID}})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete lease %s: %w; it ends by itself within %s", l.claim.Run, err, LeaseDuration)
	}
	return nil
}

func (l *Lease) halt() {
	l.stop()
	<-l.done
}

// renew runs until ctx ends or the Lease is lost. A renewal counts from the time
// at which it was asked for: whoever observes the Lease sees it later than that,
// so this run knows first.
func (l *Lease) renew(ctx context.Context, last time.Time) {
	defer close(l.done)
	wait := renewEvery
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		began, end := time.Now(), last.Add(LeaseDuration)
		try, cancel := context.WithDeadline(ctx, earlier(began.Add(renewEvery), end))
		err := l.update(try, func(*coordinationv1.Lease) {})
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			last, wait = began, renewEvery
		case errors.Is(err, errLeaseGone):
			l.lost <- fmt.Errorf("%w: %w", ErrLeaseLost, err)
			return
		case !time.Now().Before(end):
			l.lost <- fmt.Errorf("%w: it could not be renewed for %s: %w", ErrLeaseLost, LeaseDuration, err)
			return
		default:
			l.log.Warn("the lease was not renewed", "run", string(l.claim.Run), "error", err)
			wait = min(renewRetry, time.Until(end))
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// update renews the Lease and changes it. The role of the runner has no patch.
func (l *Lease) update(ctx context.Context, change func(*coordinationv1.Lease)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	write := func(o *coordinationv1.Lease) error {
		o = o.DeepCopy()
		now := metav1.NowMicro()
		o.Spec.RenewTime = &now
		if o.Annotations == nil {
			o.Annotations = map[string]string{}
		}
		change(o)
		written, err := l.leases.Update(ctx, o, metav1.UpdateOptions{})
		if err == nil {
			l.object = written
		}
		return err
	}
	err := write(l.object)
	if apierrors.IsConflict(err) {
		// Somebody wrote to it, or it is another one of this name.
		current, gerr := l.leases.Get(ctx, string(l.claim.Run), metav1.GetOptions{})
		switch {
		case gerr != nil:
			err = gerr
		case current.UID != l.object.UID:
			return errLeaseGone
		default:
			err = write(current)
		}
	}
	if apierrors.IsNotFound(err) {
		return errLeaseGone
	}
	return err
}

// granted marks the Lease as that of a run that may begin.
func (l *Lease) granted(ctx context.Context) error {
	// It keeps the renewal waiting.
	ctx, cancel := context.WithTimeout(ctx, renewEvery)
	defer cancel()
	return l.update(ctx, func(o *coordinationv1.Lease) { delete(o.Annotations, acquiringAnnotation) })
}

func (l *Lease) self() (RunLease, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return ReadLease(l.object)
}
