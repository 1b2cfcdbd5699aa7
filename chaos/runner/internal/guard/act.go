package guard

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ballast-sre/ballast/chaos/runner/internal/cluster"
)

const (
	// requestTimeout bounds each request, so that one that hangs does not keep the
	// kill switch waiting for the others.
	requestTimeout = 3 * time.Second
	deleteAtOnce   = 16
	// askAgain is when a deletion is asked for again that the API server accepted and
	// that no watch shows.
	askAgain = 5 * time.Second
	// stuckAfter is when an object is reported whose deletion was accepted.
	stuckAfter = 30 * time.Second
)

// asked has the objects whose deletion was accepted.
type asked map[types.UID]request

type request struct {
	first    time.Time
	at       time.Time // the last
	reminded bool
	told     bool // that it is stuck
}

// next is when a request about the object may follow: sooner where no watch shows that the
// first was accepted.
func (r request) next(o Removal) time.Time {
	if o.reminds() {
		return r.at.Add(remindAfter)
	}
	return r.at.Add(askAgain)
}

// act carries a decision out, as far as that works now. It is not cut short by the
// end of ctx: what was begun is answered first.
func (g *Guard) act(ctx context.Context, d Decision, now time.Time) {
	ctx = context.WithoutCancel(ctx)
	var due []Removal
	unleased := map[string]bool{}
	for _, o := range d.Objects {
		if r, ok := g.asked[o.UID]; ok && now.Before(r.next(o)) {
			continue
		}
		if o.Confirm {
			if _, known := unleased[o.Run]; !known {
				unleased[o.Run] = g.unleased(ctx, o.Run)
			}
			if !unleased[o.Run] {
				continue
			}
		}
		due = append(due, o)
	}
	accepted := make([]bool, len(due))
	var group errgroup.Group
	group.SetLimit(deleteAtOnce)
	for i, o := range due {
		group.Go(func() error {
			accepted[i] = g.deleteObject(ctx, o)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		g.failed("delete", err)
	}
	for i, o := range due {
		if accepted[i] {
			r, again := g.asked[o.UID]
			if !again {
				r.first = now
			}
			r.at, r.reminded = now, r.reminded || o.reminds()
			g.asked[o.UID] = r
		}
	}
	for _, l := range d.Leases { // last: the kill switch does not wait for them
		g.deleteLease(ctx, l)
	}
}

// deleteLease deletes exactly the Lease that was judged; one that changed since is
// judged again.
func (g *Guard) deleteLease(ctx context.Context, l LeaseRemoval) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	pre := metav1.Preconditions{UID: &l.UID}
	if l.Dead {
		pre.ResourceVersion = &l.Version
	}
	err := g.Kubernetes.CoordinationV1().Leases(g.System).Delete(ctx, l.Run, metav1.DeleteOptions{Preconditions: &pre})
	switch {
	case err == nil && l.Dead:
		g.Logger.Warn("a run died; its lease was deleted, its faults are next", "run", l.Run, "experiment", l.Experiment)
	case err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err):
		g.failed("delete lease "+l.Run, err)
	}
}

// unleased asks the API server itself whether a run has no Lease. A watch may be
// behind, and then a live run would lose its faults.
func (g *Guard) unleased(ctx context.Context, run string) bool {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err := g.Kubernetes.CoordinationV1().Leases(g.System).Get(ctx, run, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		g.failed("read lease "+run, err)
	}
	return apierrors.IsNotFound(err)
}

func (g *Guard) deleteObject(ctx context.Context, o Removal) (accepted bool) {
	raw := g.mirror.raw(o.UID)
	if raw == nil {
		return true // it went meanwhile
	}
	kind, ok := cluster.KindNamed(raw.GetKind())
	if !ok {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	ask := cluster.DeleteObject
	if o.reminds() {
		ask = cluster.Remind
	}
	err := ask(ctx, g.Dynamic.Resource(kind.Resource).Namespace(raw.GetNamespace()), raw)
	if err != nil && !apierrors.IsNotFound(err) {
		g.failed("delete "+o.Key, err)
		return false
	}
	if !g.asked[o.UID].reminded { // once is enough to say
		g.Logger.Warn("the removal of a fault was asked for", "object", o.Key, "run", o.Run, "why", string(o.Why))
	}
	return true
}

// settle counts what is gone by now, and reports once what does not go.
func (g *Guard) settle(s State, now time.Time) {
	there := map[types.UID]bool{}
	for _, o := range s.Objects {
		there[o.UID] = true
	}
	for uid, r := range g.asked {
		switch {
		case !there[uid]:
			g.metrics.removed.Inc()
			delete(g.asked, uid)
		case !r.told && now.Sub(r.first) >= stuckAfter:
			if raw := g.mirror.raw(uid); raw != nil {
				g.Logger.Error("a fault does not go", "error", &cluster.StuckError{Object: raw})
			}
			r.told = true
			g.asked[uid] = r
		}
	}
}
