package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// right is one thing that this user has to be allowed. A part of a resource follows it
// after a slash.
type right struct {
	namespace, group, resource, verb string
}

// what is the resource with its group.
func (r right) what() string {
	if r.group == "" {
		return r.resource
	}
	return r.resource + "." + r.group
}

func (r right) String() string {
	return fmt.Sprintf("%s %s in namespace %s", r.verb, r.what(), r.namespace)
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
			if k == fault.KindNodeDrain {
				add(ns, "", "pods/eviction", "create")
				continue
			}
			add(ns, chaosGroup, kindOf(k).Resource.Resource, "create", "get", "list", "watch", "delete")
		}
	}
	add(system, "coordination.k8s.io", "leases", "create", "get", "list", "watch", "update", "delete")
	return out
}

// ErrForbidden says that this user lacks a right.
var ErrForbidden = errors.New("this user lacks rights that a run needs")

// Right is what this user has to be allowed to do with one resource.
type Right struct {
	Namespace string   `json:"namespace"`
	Resource  string   `json:"resource"` // with its group: podchaos.chaos-mesh.org
	Verbs     []string `json:"verbs"`
	Missing   []string `json:"missing,omitempty"` // of Verbs
}

// Rights asks the API server whether this user may do all that runs of the faults need.
// The error wraps ErrForbidden and names every right that is missing.
func (c *Cluster) Rights(ctx context.Context, fs []fault.Fault, system string) error {
	wanted := c.needed(fs, system)
	answers, err := c.reviewOnce(ctx, wanted)
	if err != nil {
		return err
	}
	missing := make([]error, len(wanted))
	for i, r := range wanted {
		missing[i] = answers[r]
	}
	return errors.Join(missing...)
}

// Reviewed lists every right that runs of the faults need, in order, and whether this
// user has it. reads is whether those that only read are all there, without which nothing
// can be planned.
func (c *Cluster) Reviewed(ctx context.Context, fs []fault.Fault, system string) (rights []Right, reads bool, err error) {
	wanted := c.needed(fs, system)
	answers, err := c.reviewOnce(ctx, wanted)
	if err != nil {
		return nil, false, err
	}
	reads = true
	for _, r := range wanted {
		if len(rights) == 0 || rights[len(rights)-1].Namespace != r.namespace || rights[len(rights)-1].Resource != r.what() {
			rights = append(rights, Right{Namespace: r.namespace, Resource: r.what()})
		}
		last := &rights[len(rights)-1]
		last.Verbs = append(last.Verbs, r.verb)
		if answers[r] != nil {
			last.Missing = append(last.Missing, r.verb)
			reads = reads && (r.group == chaosGroup || r.resource == "leases")
		}
	}
	return rights, reads, nil
}

// reviewOnce asks about each right once for as long as the cluster is open: the experiments
// of a catalogue need nearly the same, and one that is taken away meanwhile shows when it
// is used.
func (c *Cluster) reviewOnce(ctx context.Context, wanted []right) (map[right]error, error) {
	c.mu.Lock()
	known := maps.Clone(c.reviewed)
	c.mu.Unlock()
	fresh := slices.DeleteFunc(slices.Clone(wanted), func(r right) bool { _, ok := known[r]; return ok })
	answers, err := c.review(ctx, fresh)
	if err != nil && !errors.Is(err, ErrForbidden) {
		return nil, err
	}
	if known == nil {
		known = map[right]error{}
	}
	for n, r := range fresh {
		known[r] = answers[n]
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reviewed = known
	return known, nil
}

// needed is what runs of the faults need.
func (c *Cluster) needed(fs []fault.Fault, system string) []right {
	namespaces, kinds := []string{}, []string{}
	for _, f := range fs {
		namespace := f.Namespace
		if namespace == "" {
			namespace = c.cfg.Namespace
		}
		namespaces = append(namespaces, namespace)
		namespaces = append(namespaces, searched(f.Selector, namespace)...)
		// Chaos Mesh asks, too, whether its author may hit the far end of the traffic.
		if peers, ok := fault.PeerSelector(f); ok {
			namespaces = append(namespaces, searched(peers, namespace)...)
		}
		kinds = append(kinds, f.Kind)
	}
	slices.Sort(namespaces)
	return rightsFor(slices.Compact(namespaces), kinds, system)
}

// review asks about all rights, some at a time. It returns an answer for each, nil for
// one that is there, and all of them joined.
func (c *Cluster) review(ctx context.Context, wanted []right) ([]error, error) {
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
	var unreachable []error
	for _, err := range answers {
		if err != nil && !errors.Is(err, ErrForbidden) {
			unreachable = append(unreachable, err)
		}
	}
	if err := errors.Join(unreachable...); err != nil {
		return nil, err
	}
	return answers, errors.Join(answers...)
}

func (c *Cluster) may(ctx context.Context, r right) error {
	resource, sub, _ := strings.Cut(r.resource, "/")
	asked := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: r.namespace, Group: r.group, Resource: resource, Subresource: sub, Verb: r.verb},
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
