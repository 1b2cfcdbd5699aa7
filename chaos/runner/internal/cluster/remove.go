package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
)

const (
	// removeAtOnce bounds how many objects are removed side by side.
	removeAtOnce = 16
	removeRetry  = time.Second
	// remindAfter is when Chaos Mesh is reminded of an object that was deleted.
	remindAfter = 8 * time.Second
)

// Remove deletes Chaos Mesh objects and blocks until they are gone, which is when
// Chaos Mesh has undone them, or until ctx ends. Then it returns a [StuckError]
// for each one that is still there, joined. An object that is gone already is
// removed: calling it again is harmless. It needs the rights get, watch and delete.
func Remove(ctx context.Context, client dynamic.Interface, objects []unstructured.Unstructured) error {
	errs := make([]error, len(objects))
	var group errgroup.Group
	group.SetLimit(removeAtOnce)
	for i := range objects {
		group.Go(func() error {
			errs[i] = removeOne(ctx, client, &objects[i])
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return errors.Join(errs...)
}

func removeOne(ctx context.Context, client dynamic.Interface, o *unstructured.Unstructured) error {
	kind, ok := KindNamed(o.GetKind())
	if !ok {
		return fmt.Errorf("%s %s/%s is not a fault of Chaos Mesh and is left alone", o.GetKind(), o.GetNamespace(), o.GetName())
	}
	r := removal{client: client.Resource(kind.Resource).Namespace(o.GetNamespace()), object: o}
	for {
		gone, err := r.try(ctx)
		if gone {
			return nil
		}
		if err != nil {
			r.err = err
		}
		select {
		case <-ctx.Done():
			return &StuckError{Object: r.object, Err: r.err}
		case <-time.After(removeRetry):
		}
	}
}

// removal is the removal of one object.
type removal struct {
	client dynamic.ResourceInterface
	object *unstructured.Unstructured // as it was last seen
	asked  time.Time                  // when the API server accepted the deletion, or a reminder was sent
	err    error                      // the last, for the report
}

// try returns when the object is gone, or has to be looked at again.
func (r *removal) try(ctx context.Context) (gone bool, err error) {
	if r.asked.IsZero() {
		err := DeleteObject(ctx, r.client, r.object)
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		r.asked, r.err = time.Now(), nil
	}
	seen, err := r.client.Get(ctx, r.object.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if seen.GetUID() != r.object.GetUID() {
		return true, nil // another one has taken the name
	}
	r.object = seen
	w, err := r.client.Watch(ctx, metav1.ListOptions{
		FieldSelector:   fields.OneTermEqualSelector(metav1.ObjectNameField, seen.GetName()).String(),
		ResourceVersion: seen.GetResourceVersion(),
	})
	if err != nil {
		return false, err
	}
	defer w.Stop()
	remind := time.NewTimer(time.Until(r.asked.Add(remindAfter)))
	defer remind.Stop()
	for {
		select {
		case <-ctx.Done():
			return false, nil
		case <-remind.C:
			r.asked = time.Now()
			remind.Reset(remindAfter)
			if err := Remind(ctx, r.client, r.object); err != nil && !apierrors.IsNotFound(err) {
				return false, err
			}
		case e, ok := <-w.ResultChan():
			if !ok || e.Type == watch.Error {
				return false, nil // it is read again, which shows the error if it lasts
			}
			u, ok := e.Object.(*unstructured.Unstructured)
			if !ok || u.GetUID() != r.object.GetUID() {
				continue
			}
			r.object = u
			if e.Type == watch.Deleted {
				return true, nil
			}
		}
	}
}

// DeleteObject asks for the removal of exactly this object, not of another one
// that may have taken its name. The error is "not found" when it is gone.
func DeleteObject(ctx context.Context, client dynamic.ResourceInterface, o metav1.Object) error {
	return deleteObject(ctx, client, o, metav1.DeletePropagationBackground)
}

// Remind has Chaos Mesh look again at an object whose deletion was accepted. Its controller
// acts on a change alone: where what it did last failed, as its own webhook was not ready yet
// after a restart, it may never look again. Another deletion changes the object: one in the
// foreground adds a finalizer of Kubernetes' own, one in the background takes that away. No
// right but to delete is needed for it, and no webhook is asked. Errors are those of
// DeleteObject.
func Remind(ctx context.Context, client dynamic.ResourceInterface, o metav1.Object) error {
	if slices.Contains(o.GetFinalizers(), metav1.FinalizerDeleteDependents) {
		return deleteObject(ctx, client, o, metav1.DeletePropagationBackground)
	}
	return deleteObject(ctx, client, o, metav1.DeletePropagationForeground)
}

func deleteObject(ctx context.Context, client dynamic.ResourceInterface, o metav1.Object, how metav1.DeletionPropagation) error {
	options := metav1.DeleteOptions{PropagationPolicy: &how}
	if uid := o.GetUID(); uid != "" {
		options.Preconditions = &metav1.Preconditions{UID: &uid}
	}
	err := client.Delete(ctx, o.GetName(), options)
	if apierrors.IsConflict(err) {
		// The precondition failed: the name belongs to another object by now.
		return apierrors.NewNotFound(Kinds()[0].Resource.GroupResource(), o.GetName())
	}
	return err
}
