package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/internal/capability"
)

// Target is the cluster during one run. It implements the engine's port.
type Target struct {
	*Cluster
	run          fault.RunID
	experiment   string
	capabilities *capability.Document
	lost         chan error
	hold         *hold // between Begin and End

	mu      sync.Mutex
	homes   map[string]bool                // namespaces of the objects
	hit     map[corev1.ObjectReference]int // workloads, with how many of their pods
	before  snapshot
	created map[string]*tracked // by the fault's ID
	proofs  map[string]proof    // of loads, by fault and target
}

// Target is for one run of the experiment named. capabilities is what the cluster says
// that it can inject; nil when it says nothing.
func (c *Cluster) Target(run fault.RunID, experiment string, capabilities *capability.Document) *Target {
	return &Target{Cluster: c, run: run, experiment: experiment, capabilities: capabilities, lost: make(chan error, 1), homes: map[string]bool{}, created: map[string]*tracked{}}
}

// Inject creates an object for every fault of the plan, after the API server and the
// webhooks of Chaos Mesh have accepted all of them in a dry run. It does not wait until
// they are injected. On error, Recover is still owed.
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
	objects := make([]*unstructured.Unstructured, len(p.Faults))
	var refused []error
	for i, f := range p.Faults {
		if objects[i], err = objectOf(p.Run, t.experiment, t.cfg.Namespace, f); err == nil {
			err = t.tryOut(ctx, objects[i])
		}
		if err != nil {
			refused = append(refused, fmt.Errorf("%s: %w", f.Fault.ID(), err))
		}
	}
	if err := errors.Join(refused...); err != nil {
		return err
	}
	t.mu.Lock()
	t.before = before
	t.mu.Unlock()
	for i, f := range p.Faults {
		made, err := t.create(ctx, objects[i])
		if err != nil {
			err = fmt.Errorf("create %s: %w", f.Fault.ID(), err)
			if i > 0 {
				return fmt.Errorf("%w: %w", fault.ErrPartial, err)
			}
			return err
		}
		t.cfg.Logger.Info("created a fault", "run", p.Run, "fault", f.Fault.ID(), "object", made.GetNamespace()+"/"+made.GetName())
		t.mu.Lock()
		t.created[f.Fault.ID()] = t.track(made)
		t.mu.Unlock()
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

// tryOut asks whether an object would be created, and stored as it is.
func (t *Target) tryOut(ctx context.Context, u *unstructured.Unstructured) error {
	would, err := t.create(ctx, u, metav1.DryRunAll)
	if err != nil {
		return err
	}
	return acceptedAs(u.Object, would.Object)
}

// create sends one object. What the API server or a webhook refuses is not injectable.
func (t *Target) create(ctx context.Context, u *unstructured.Unstructured, dryRun ...string) (*unstructured.Unstructured, error) {
	made, err := t.Dynamic.Resource(kindOf(u.GetKind()).Resource).Namespace(u.GetNamespace()).Create(ctx, u, metav1.CreateOptions{DryRun: dryRun})
	switch {
	case err == nil:
		return made, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case apierrors.IsInvalid(err), apierrors.IsForbidden(err), apierrors.IsBadRequest(err), apierrors.IsNotFound(err):
		return nil, fmt.Errorf("%w: %w", fault.ErrNotInjectable, err)
	}
	// Among these are webhooks that do not answer: the API server says so with a 500.
	return nil, fmt.Errorf("%w: %w", fault.ErrUnreachable, err)
}

// snapshot is the pods of every namespace of the plan, now.
func (t *Target) snapshot(p fault.Plan) (snapshot, error) {
	s := snapshot{at: time.Now(), pods: map[string]*corev1.Pod{}}
	for _, ns := range namespacesOf(p) {
		i, err := t.in(ns)
		if err != nil {
			return s, err
		}
		pods, err := i.list()
		if err != nil {
			return s, err
		}
		for _, pod := range pods {
			s.pods[string(pod.UID)] = pod
		}
	}
	return s, nil
}

func namespacesOf(p fault.Plan) []string {
	all := map[string]bool{}
	for _, f := range p.Faults {
		for _, hit := range f.Targets {
			all[hit.Namespace] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// present says which of the planned pods are gone. Chaos Mesh would leave them out
// without a word, or hit another of the same name.
func present(p fault.Plan, now snapshot) error {
	gone, all := []string{}, 0
	for _, f := range p.Faults {
		for _, hit := range f.Targets {
			all++
			if pod := now.pods[hit.UID]; pod == nil || pod.DeletionTimestamp != nil {
				gone = append(gone, hit.ID())
			}
		}
	}
	switch {
	case len(gone) == 0:
		return nil
	case len(gone) == all:
		return fmt.Errorf("%w: every pod of the plan is gone before anything was injected: %v", fault.ErrNoTarget, gone)
	}
	return fmt.Errorf("%w: pods of the plan are gone before anything was injected: %v", fault.ErrPartial, gone)
}

// Health counts the pods of every workload that the plan hits, as the watches have them.
func (t *Target) Health(_ context.Context, p fault.Plan) ([]fault.Health, error) {
	if err := t.pulse.check(time.Now()); err != nil {
		return nil, err
	}
	hit := map[string]map[string]bool{} // namespace, workload
	for _, f := range p.Faults {
		for _, target := range f.Targets {
			if hit[target.Namespace] == nil {
				hit[target.Namespace] = map[string]bool{}
			}
			hit[target.Namespace][target.Workload] = true
		}
	}
	var out []fault.Health
	for _, ns := range slices.Sorted(maps.Keys(hit)) {
		i, err := t.in(ns)
		if err != nil {
			return nil, err
		}
		found, err := i.health(hit[ns])
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

// health is what the named workloads want and have.
func (i *inventory) health(names map[string]bool) ([]fault.Health, error) {
	pods, err := i.list()
	if err != nil {
		return nil, err
	}
	ready := map[string]int{}
	for _, p := range pods {
		if serves(p) {
			ready[i.workloadOf(p).String()]++
		}
	}
	out := make([]fault.Health, 0, len(names))
	for _, name := range slices.Sorted(maps.Keys(names)) {
		w := parseWorkload(name)
		wanted, ok := i.wanted(w)
		if !ok {
			return nil, fmt.Errorf("%w: workload %s of namespace %s is gone, or of a kind whose size cannot be read", fault.ErrUnreachable, name, i.namespace)
		}
		out = append(out, fault.Health{Workload: name, Wanted: wanted, Ready: ready[name], Autoscaled: i.autoscaler(w) != nil})
	}
	return out, nil
}

// Recover deletes every object of the run and blocks until each is gone, or ctx ends.
func (t *Target) Recover(ctx context.Context, run fault.RunID) error {
	objects, err := List(ctx, t.Dynamic, t.namespaces(), run)
	if err != nil {
		return err
	}
	if err := Remove(ctx, t.Dynamic, objects); err != nil {
		return err
	}
	t.untrack()
	return nil
}

// untrack ends the watches of the run's objects and waits for them.
func (t *Target) untrack() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, o := range t.created {
		o.stop()
		delete(t.created, id)
	}
}

// namespaces are those in which objects of runs may be.
func (t *Target) namespaces() []string {
	all := map[string]bool{t.cfg.Namespace: true}
	t.mu.Lock()
	maps.Copy(all, t.homes)
	t.mu.Unlock()
	t.Cluster.mu.Lock()
	defer t.Cluster.mu.Unlock()
	for ns := range t.inventories {
		all[ns] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// Lost delivers one error when the run can no longer be carried on.
func (t *Target) Lost() <-chan error { return t.lost }
