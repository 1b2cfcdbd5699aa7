package cluster

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// abandoned are the objects of runs whose leases nobody renews, other than the run given.
// It blocks as [Live] does where there are objects of other runs.
func (c *Cluster) abandoned(ctx context.Context, objects []unstructured.Unstructured, own fault.RunID) ([]unstructured.Unstructured, error) {
	var out, others []unstructured.Unstructured
	for _, o := range objects {
		if own != "" && o.GetLabels()[RunLabel] == string(own) {
			out = append(out, o)
		} else {
			others = append(others, o)
		}
	}
	if len(others) == 0 {
		return out, nil
	}
	live, err := Live(ctx, c.Kubernetes, c.cfg.SystemNamespace)
	if err != nil {
		return nil, err
	}
	carried := map[string]bool{}
	for _, l := range live {
		carried[string(l.Run)] = true
	}
	for _, o := range others {
		if !carried[o.GetLabels()[RunLabel]] {
			out = append(out, o)
		}
	}
	return out, nil
}

// Sweep removes the objects of runs that nobody carries on any more, in the namespaces
// given, and returns what it removed. The error names what could not be removed.
func (c *Cluster) Sweep(ctx context.Context, namespaces []string) ([]fault.Residue, error) {
	objects, listed := List(ctx, c.Dynamic, namespaces, "")
	left, err := c.abandoned(ctx, objects, "")
	if err != nil {
		return nil, errors.Join(listed, err)
	}
	removed := Remove(ctx, c.Dynamic, left)
	var out []fault.Residue
	for _, o := range left {
		if stuck(removed, o) {
			continue
		}
		out = append(out, fault.Residue{
			Run: fault.RunID(o.GetLabels()[RunLabel]), Kind: o.GetKind(), Name: o.GetNamespace() + "/" + o.GetName(), Detail: "nobody carried its run on",
		})
	}
	return out, errors.Join(listed, removed)
}

// stuck says whether the errors of a removal are also about this object.
func stuck(err error, o unstructured.Unstructured) bool {
	var several interface{ Unwrap() []error }
	if errors.As(err, &several) {
		for _, e := range several.Unwrap() {
			if stuck(e, o) {
				return true
			}
		}
		return false
	}
	var one *StuckError
	return errors.As(err, &one) && one.Object.GetUID() == o.GetUID()
}
