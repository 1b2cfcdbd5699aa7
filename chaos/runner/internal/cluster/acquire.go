package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// BusyError is another run that needs what this one needs. It wraps [fault.ErrBusy].
type BusyError struct {
	Run        fault.RunID // the other one
	Experiment string
	Holder     string
	Shared     []string // pod monitor/monitor-0, workload …, series …
}

func (*BusyError) Unwrap() error { return fault.ErrBusy }

func (e *BusyError) Error() string {
	return fmt.Sprintf("%s: run %s of experiment %s, started by %s, has %s; wait until it has ended",
		fault.ErrBusy, e.Run, e.Experiment, e.Holder, strings.Join(e.Shared, ", "))
}

// Acquire gets a run the right to its targets. It blocks until it is known of
// every other run that shares something whether it is alive: up to 5 s when one is,
// which is then a [BusyError], and up to a whole lease duration when one is dead.
// A dead run no longer holds anything, but its faults may still be there: look for
// residue after Acquire, not before.
//
// Of two that acquire at once at most one is let through. Each creates its Lease,
// looks at the others, marks its Lease as granted and looks again. At the first
// look it yields to every granted Lease, at the second to every older one. If both
// came through, the younger one's second look missed the older Lease, which was
// therefore created after the younger one was granted; but then the older one's
// first look found a granted Lease.
func Acquire(ctx context.Context, client kubernetes.Interface, namespace string, claim Claim, log *slog.Logger) (*Lease, error) {
	l, err := createLease(ctx, client, namespace, claim, log)
	if err != nil {
		if apierrors.IsAlreadyExists(err) {
			err = fmt.Errorf("%w: %w; the name of a run is never used again", fault.ErrBusy, err)
		}
		return nil, err
	}
	var seen Observations
	if err = l.look(ctx, client, namespace, &seen, false); err == nil {
		if err = l.granted(ctx); err == nil {
			err = l.look(ctx, client, namespace, &seen, true)
		}
	}
	if err == nil {
		select {
		case err = <-l.lost:
		default:
			return l, nil
		}
	}
	return nil, errors.Join(err, l.withdraw(ctx))
}

// look blocks until no other Lease stands in the way, or one is known to.
func (l *Lease) look(ctx context.Context, client kubernetes.Interface, namespace string, seen *Observations, granted bool) error {
	self, ok := l.self()
	if !ok {
		return errors.New("the run's lease lost its labels")
	}
	return observe(ctx, client, namespace, seen, func(others []RunLease, now time.Time) (time.Time, error) {
		return standing(self, granted, others, seen, now)
	})
}

// standing judges the other Leases at the time now: an error when one holds what
// self needs, a time until which to wait for a change of one that may, and the
// zero time when there is none.
func standing(self RunLease, granted bool, others []RunLease, seen *Observations, now time.Time) (wait time.Time, err error) {
	for _, other := range others {
		if other.UID == self.UID || other.Ended {
			continue
		}
		shared := self.Needs.shared(other.Needs)
		if other.Unreadable != "" {
			shared = []string{"something that cannot be read (" + other.Unreadable + ")"}
		}
		if len(shared) == 0 {
			continue
		}
		if (granted || other.Acquiring) && !other.before(self) {
			continue // it will find ours
		}
		until := seen.Until(other)
		switch {
		case !now.Before(until):
			continue // dead
		case !other.Acquiring && seen.Renewed(other):
			return time.Time{}, &BusyError{Run: other.Run, Experiment: other.Experiment, Holder: other.Holder, Shared: shared}
		case wait.IsZero() || until.Before(wait):
			wait = until
		}
	}
	return wait, nil
}

// Live lists the runs whose Leases are seen to be renewed. It blocks until it is
// known of each, up to a whole lease duration when one is dead.
func Live(ctx context.Context, client kubernetes.Interface, namespace string) ([]RunLease, error) {
	var (
		seen Observations
		live []RunLease
	)
	err := observe(ctx, client, namespace, &seen, func(leases []RunLease, now time.Time) (wait time.Time, err error) {
		live = nil
		for _, l := range leases {
			until := seen.Until(l)
			switch {
			case l.Ended || !now.Before(until):
			case seen.Renewed(l):
				live = append(live, l)
			case wait.IsZero() || until.Before(wait):
				wait = until
			}
		}
		return wait, nil
	})
	return live, err
}

// observe follows the Leases and asks judge after every change, and at the time
// that it gave last, until it gives the zero time or an error.
func observe(ctx context.Context, client kubernetes.Interface, namespace string, seen *Observations,
	judge func(leases []RunLease, now time.Time) (time.Time, error),
) error {
	type look struct {
		leases []RunLease
		err    error
	}
	following, stop := context.WithCancel(ctx)
	looks, done := make(chan look), make(chan struct{})
	defer func() {
		stop()
		<-done
	}()
	go func() {
		defer close(done)
		Follow(following, LeaseSource(client, namespace), func(objects []metav1.Object, err error) {
			select {
			case looks <- look{readLeases(objects), err}:
			case <-following.Done():
			}
		})
	}()
	var (
		leases []RunLease
		wake   <-chan time.Time
		err    error
	)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case next := <-looks:
			if next.err != nil {
				return next.err
			}
			leases = next.leases
			seen.See(leases, time.Now())
		case <-wake:
			// A watch that is dead without our knowing is silent, too: whether nothing
			// has changed is asked for.
			if leases, err = listLeases(ctx, client, namespace); err != nil {
				return err
			}
			seen.See(leases, time.Now())
		}
		until, err := judge(leases, time.Now())
		if err != nil || until.IsZero() {
			return err
		}
		wake = time.After(time.Until(until))
	}
}

func listLeases(ctx context.Context, client kubernetes.Interface, namespace string) ([]RunLease, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	list, err := client.CoordinationV1().Leases(namespace).List(ctx, metav1.ListOptions{LabelSelector: RunLabel})
	if err != nil {
		return nil, fmt.Errorf("leases in %s: %w", namespace, err)
	}
	var out []RunLease
	for i := range list.Items {
		if l, ok := ReadLease(&list.Items[i]); ok {
			out = append(out, l)
		}
	}
	return out, nil
}
