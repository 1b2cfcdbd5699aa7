package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
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
	drains  map[string]*drain   // by the fault's ID
	// kinds are those of the objects that the run may have created; nil before it creates
	// any.
	kinds []Kind
}

// Target is for one run of the experiment named. capabilities is what the cluster says
// that it can inject; nil when it says nothing.
func (c *Cluster) Target(run fault.RunID, experiment string, capabilities *capability.Document) *Target {
	return &Target{Cluster: c, run: run, experiment: experiment, capabilities: capabilities, lost: make(chan error, 1), homes: map[string]bool{}, created: map[string]*tracked{}, drains: map[string]*drain{}}
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
	ready, waiting := map[string]int{}, map[string]string{}
	for _, p := range pods {
		w := i.workloadOf(p).String()
		if serves(p) {
			ready[w]++
		} else if why := waits(p); why != "" {
			waiting[w] = why
		}
	}
	out := make([]fault.Health, 0, len(names))
	for _, name := range slices.Sorted(maps.Keys(names)) {
		w := parseWorkload(name)
		wanted, ok := i.wanted(w)
		if !ok {
			return nil, fmt.Errorf("%w: workload %s of namespace %s is gone, or of a kind whose size cannot be read", fault.ErrUnreachable, name, i.namespace)
		}
		out = append(out, fault.Health{Workload: name, Wanted: wanted, Ready: ready[name], Autoscaled: i.autoscaler(w) != nil, Waiting: waiting[name]})
	}
	return out, nil
}

// Recover deletes every object of the run and blocks until each is gone, or ctx ends. A
// drain that is under way ends at once.
func (t *Target) Recover(ctx context.Context, run fault.RunID) error {
	t.endDrains()
	objects, err := t.list(ctx, run)
	if err != nil {
		return err
	}
	if err := Remove(ctx, t.Dynamic, t.withCreated(objects)); err != nil {
		return err
	}
	t.untrack()
	return nil
}

// withCreated adds the objects that this run created and that were not found: whoever
// changed their labels, or asked in the wrong place, must not keep them.
func (t *Target) withCreated(found []unstructured.Unstructured) []unstructured.Unstructured {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, o := range t.created {
		u, gone := o.now()
		known := func(f unstructured.Unstructured) bool { return f.GetUID() == u.GetUID() }
		if !gone && !slices.ContainsFunc(found, known) {
			found = append(found, *u)
		}
	}
	return found
}

// list finds the objects of a run, or of every run when it is empty. Once this run has
// begun to create objects, only their kinds are asked for: twenty runs that end at once
// would else ask for twenty kinds each, and hinder each other's removals.
func (t *Target) list(ctx context.Context, run fault.RunID) ([]unstructured.Unstructured, error) {
	t.mu.Lock()
	kinds := t.kinds
	t.mu.Unlock()
	if kinds == nil {
		kinds = Kinds()
	}
	return listKinds(ctx, t.Dynamic, kinds, t.namespaces(), run)
}

// endDrains ends the drains of the run and waits for them. What they did stays known.
func (t *Target) endDrains() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, d := range t.drains {
		d.stop()
	}
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
