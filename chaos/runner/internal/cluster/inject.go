package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// Inject creates an object for every fault of the plan, after the API server and the
// webhooks of Chaos Mesh have accepted all of them in a dry run, and begins the drains. It
// does not wait until they are injected. On error, Recover is still owed.
func (t *Target) Inject(ctx context.Context, p fault.Plan) error {
	if err := t.pulse.check(time.Now()); err != nil {
		return err
	}
	before, err := t.snapshot(p)
	if err != nil {
		return err
	}
	if err := present(p, before); err != nil {
		return err
	}
	objects, err := t.try(ctx, p)
	if err != nil {
		return err
	}
	t.mu.Lock()
	t.before, t.kinds = before, kindsOf(p)
	t.mu.Unlock()
	for i, f := range p.Faults {
		if err := t.begin(ctx, p.Run, f, objects[i]); err != nil {
			err = fmt.Errorf("create %s: %w", f.Fault.ID(), err)
			if i > 0 {
				return fmt.Errorf("%w: %w", fault.ErrPartial, err)
			}
			return err
		}
	}
	ids := make([]string, 0, len(p.Faults))
	for _, f := range p.Faults {
		ids = append(ids, f.Fault.ID())
	}
	on := t.regarded(p)
	t.mu.Lock()
	t.hit = on
	t.mu.Unlock()
	t.announce(ctx, on, func(pods int) Event { return Injected(t.experiment, ids, pods) })
	return nil
}

// kindsOf are the kinds of objects that a plan needs, each once; never nil.
func kindsOf(p fault.Plan) []Kind {
	kinds := []Kind{}
	for _, f := range p.Faults {
		if kind, ok := KindNamed(f.Fault.Kind); ok && !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// try makes an object for each fault of Chaos Mesh and asks in a dry run for everything
// that the plan needs. The objects are in the order of the faults, nil for a drain.
func (t *Target) try(ctx context.Context, p fault.Plan) ([]*unstructured.Unstructured, error) {
	objects := make([]*unstructured.Unstructured, len(p.Faults))
	var all []error
	for i, f := range p.Faults {
		var err error
		if fault.Own(f.Fault) {
			err = t.tryDrain(ctx, f)
		} else if objects[i], err = objectOf(p.Run, t.experiment, t.cfg.Namespace, f); err == nil {
			err = t.tryOut(ctx, objects[i])
		}
		if err != nil {
			all = append(all, fmt.Errorf("%s: %w", f.Fault.ID(), err))
		}
	}
	return objects, errors.Join(all...)
}

// tryOut asks whether an object would be created, and stored as it was sent.
func (t *Target) tryOut(ctx context.Context, u *unstructured.Unstructured) error {
	would, err := t.create(ctx, u, metav1.DryRunAll)
	if err != nil {
		return err
	}
	return acceptedAs(u.Object, would.Object)
}

// begin injects one fault.
func (t *Target) begin(ctx context.Context, run fault.RunID, f fault.Planned, object *unstructured.Unstructured) error {
	id := f.Fault.ID()
	if fault.Own(f.Fault) {
		t.cfg.Logger.Info("a drain begins", "run", run, "fault", id, "pods", len(f.Targets))
		// It goes on when Inject has returned, and ends in Recover.
		d := startDrain(t.ctx, t.Kubernetes, f.Targets)
		t.mu.Lock()
		t.drains[id] = d
		t.mu.Unlock()
		return nil
	}
	made, err := t.create(ctx, object)
	if err != nil {
		return err
	}
	t.cfg.Logger.Info("created a fault", "run", run, "fault", id, "object", made.GetNamespace()+"/"+made.GetName())
	t.mu.Lock()
	t.created[id] = t.track(made)
	t.mu.Unlock()
	return nil
}

// create sends one object.
func (t *Target) create(ctx context.Context, u *unstructured.Unstructured, dryRun ...string) (*unstructured.Unstructured, error) {
	made, err := t.Dynamic.Resource(kindOf(u.GetKind()).Resource).Namespace(u.GetNamespace()).Create(ctx, u, metav1.CreateOptions{DryRun: dryRun})
	return made, refused(ctx, err)
}

// refused says what the answer to a request means for the run. What the API server or a
// webhook refuses is not injectable.
func refused(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case apierrors.IsInvalid(err), apierrors.IsForbidden(err), apierrors.IsBadRequest(err), apierrors.IsNotFound(err):
		return fmt.Errorf("%w: %w", fault.ErrNotInjectable, err)
	}
	// Among these are webhooks that do not answer: the API server says so with a 500.
	return fmt.Errorf("%w: %w", fault.ErrUnreachable, err)
}
