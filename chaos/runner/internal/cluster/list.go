package cluster

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// List finds the objects of a run, or of every run when run is empty, in these
// namespaces; an empty name stands for all of them. It asks once for each kind and
// namespace. What it found is returned with the error too: it can be removed
// though something else could not be read.
//
// A kind that the cluster lacks has no objects. A cluster that lacks all of them
// has no Chaos Mesh: [fault.ErrUnreachable].
func List(ctx context.Context, client dynamic.Interface, namespaces []string, run fault.RunID) ([]unstructured.Unstructured, error) {
	return listKinds(ctx, client, Kinds(), namespaces, run)
}

func listKinds(ctx context.Context, client dynamic.Interface, kinds []Kind, namespaces []string, run fault.RunID) ([]unstructured.Unstructured, error) {
	var (
		found     []unstructured.Unstructured
		errs      []error
		installed bool
	)
	options := metav1.ListOptions{LabelSelector: runSelector(run)}
	for _, kind := range kinds {
		for _, namespace := range namespaces {
			list, err := client.Resource(kind.Resource).Namespace(namespace).List(ctx, options)
			if apierrors.IsNotFound(err) {
				break // of the kind: a namespace that does not exist has an empty list
			}
			installed = true
			if err != nil {
				errs = append(errs, reading(kind, namespace, err))
				continue
			}
			found = append(found, list.Items...)
		}
		if ctx.Err() != nil {
			break
		}
	}
	if !installed && len(kinds) > 0 && len(namespaces) > 0 {
		errs = append(errs, fmt.Errorf("%w: Chaos Mesh is not installed: the API server does not know its kinds; install platform/helm/chaos", fault.ErrUnreachable))
	}
	return found, errors.Join(errs...)
}

func reading(kind Kind, namespace string, err error) error {
	var status apierrors.APIStatus
	if !errors.As(err, &status) && !errors.Is(err, context.Canceled) {
		err = fmt.Errorf("%w: %w", fault.ErrUnreachable, err)
	}
	if namespace == "" {
		return fmt.Errorf("list %s in all namespaces: %w", kind.Resource.Resource, err)
	}
	return fmt.Errorf("list %s in %s: %w", kind.Resource.Resource, namespace, err)
}

// runSelector selects what belongs to a run, or to any.
func runSelector(run fault.RunID) string {
	if run == "" {
		return RunLabel
	}
	return labels.Set{RunLabel: string(run)}.String()
}

// ObjectSource is where all runs' objects of one kind are followed.
func ObjectSource(client dynamic.Interface, kind Kind, namespace string) Source {
	objects := client.Resource(kind.Resource).Namespace(namespace)
	return Source{
		Name:     kind.Resource.Resource + " in " + namespace,
		Optional: true,
		Every:    watchObjects,
		List: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.LabelSelector = RunLabel
			return objects.List(ctx, o)
		},
		Watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.LabelSelector = RunLabel
			return objects.Watch(ctx, o)
		},
	}
}
