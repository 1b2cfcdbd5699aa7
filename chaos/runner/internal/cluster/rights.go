package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// right is one thing that this user has to be allowed.
type right struct {
	namespace, group, resource, verb string
}

func (r right) String() string {
	what := r.resource
	if r.group != "" {
		what += "." + r.group
	}
	return fmt.Sprintf("%s %s in namespace %s", r.verb, what, r.namespace)
}

// chaosGroup is the API group of Chaos Mesh.
const chaosGroup = "chaos-mesh.org"

// rightsFor is what a run with these kinds of faults needs in the namespaces that it hits.
func rightsFor(namespaces, kinds []string, system string) []right {
	var out []right
	add := func(ns, group, resource string, verbs ...string) {
		for _, v := range verbs {
			out = append(out, right{ns, group, resource, v})
		}
	}
	for _, ns := range namespaces {
		add(ns, "", "pods", "list", "watch")
		for _, r := range []string{"deployments", "replicasets", "statefulsets", "daemonsets"} {
			add(ns, "apps", r, "list", "watch")
		}
		add(ns, "autoscaling", "horizontalpodautoscalers", "list", "watch")
		add(ns, "policy", "poddisruptionbudgets", "list", "watch")
		for _, k := range slices.Compact(slices.Sorted(slices.Values(kinds))) {
			add(ns, chaosGroup, kindOf(k).Resource.Resource, "create", "get", "list", "watch", "delete")
		}
	}
	add(system, "coordination.k8s.io", "leases", "create", "get", "list", "watch", "update", "delete")
	return out
}

// ErrForbidden says that this user lacks a right.
var ErrForbidden = errors.New("this user lacks rights that a run needs")

// Rights asks the API server whether this user may do all that runs of the faults need.
// The error wraps ErrForbidden and names every right that is missing.
func (c *Cluster) Rights(ctx context.Context, fs []fault.Fault, system string) error {
	namespaces, kinds := []string{}, []string{}
	for _, f := range fs {
		namespace := f.Namespace
		if namespace == "" {
			namespace = c.cfg.Namespace
		}
		namespaces = append(namespaces, namespace)
		namespaces = append(namespaces, searched(f.Selector, namespace)...)
		kinds = append(kinds, f.Kind)
	}
	slices.Sort(namespaces)
	wanted := rightsFor(slices.Compact(namespaces), kinds, system)
	answers := make([]error, len(wanted))
	limit := make(chan struct{}, 8)
	var wg sync.WaitGroup
	for n, r := range wanted {
		wg.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			answers[n] = c.may(ctx, r)
		})
	}
	wg.Wait()
	return errors.Join(answers...)
}

func (c *Cluster) may(ctx context.Context, r right) error {
	asked := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: r.namespace, Group: r.group, Resource: r.resource, Verb: r.verb},
	}}
	got, err := c.Kubernetes.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, asked, metav1.CreateOptions{})
	switch {
	case err != nil:
		return fmt.Errorf("%w: ask whether this user may %s: %w", fault.ErrUnreachable, r, err)
	case !got.Status.Allowed:
		return fmt.Errorf("%w: %s", ErrForbidden, r)
	}
	return nil
}
