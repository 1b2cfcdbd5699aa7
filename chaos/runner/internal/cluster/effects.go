package cluster

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	corev1 "k8s.io/api/core/v1"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// Effects measures, now, what each fault of the plan does to each target. The books of
// Chaos Mesh say whether it acted; whether that did anything is read from the pods and
// from Prometheus.
func (t *Target) Effects(ctx context.Context, p fault.Plan) ([]fault.Effect, error) {
	if err := t.pulse.check(time.Now()); err != nil {
		return nil, err
	}
	n := 0
	for _, f := range p.Faults {
		n += len(f.Targets)
	}
	effects := make([]fault.Effect, 0, n) // no growth: goroutines hold places in it
	var wg sync.WaitGroup
	for _, f := range p.Faults {
		of, trouble := t.noted(f.Fault)
		for _, hit := range f.Targets {
			effects = append(effects, fault.Effect{Fault: f.Fault.ID(), Target: hit})
			e := &effects[len(effects)-1]
			if trouble != "" {
				e.Observed, e.At = trouble, time.Now()
				continue
			}
			entry := of(hit)
			e.Injected = entry.injected
			if !entry.injected {
				e.Observed, e.At = entry.text, time.Now()
				continue
			}
			wg.Go(func() {
				o := t.observe(ctx, f, hit)
				e.Shown, e.Observed, e.Unfelt, e.At = o.shown, o.text, o.unfelt, time.Now()
			})
		}
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return effects, fmt.Errorf("measure the effects: %w", err)
	}
	return effects, t.pulse.check(time.Now())
}

// noted is what Chaos Mesh, or whoever drains, notes about each target of a fault, or why
// there is nothing.
func (t *Target) noted(f fault.Fault) (of func(fault.Target) entry, trouble string) {
	t.mu.Lock()
	o, d := t.created[f.ID()], t.drains[f.ID()]
	t.mu.Unlock()
	if d != nil {
		return d.of, ""
	}
	if o == nil {
		return nil, "it is not injected here"
	}
	u, gone := o.now()
	if gone {
		return nil, "its object is gone: somebody deleted it"
	}
	b, err := readBooks(u)
	switch {
	case err != nil:
		return nil, err.Error()
	case b.leaving:
		return nil, "its object is being deleted"
	}
	return func(hit fault.Target) entry { return b.of(hit.ID()) }, ""
}

// observe looks at one target.
func (t *Target) observe(ctx context.Context, f fault.Planned, hit fault.Target) effect {
	i, err := t.in(hit.Namespace)
	if err != nil {
		return unseen("%v", err)
	}
	t.mu.Lock()
	before := t.before
	t.mu.Unlock()
	was := before.pods[hit.UID]
	if was == nil {
		return unseen("pod %s with UID %s was not there before the fault", hit.Pod, hit.UID)
	}
	if now, err := i.pods.Get(hit.Pod); f.Fault.Kind != v1alpha1.KindPodChaos && !fault.Own(f.Fault) && (err != nil || string(now.UID) != hit.UID) {
		return unseen("pod %s with UID %s is gone: what there is of its name was not hit", hit.Pod, hit.UID)
	}
	switch o := f.Fault.Object.(type) {
	case *v1alpha1.PodChaos:
		return observePod(i, o.Spec.Action, before, was, f, hit)
	case *fault.NodeDrain:
		// An evicted pod ends as a killed one does, with more time for it.
		return observePod(i, v1alpha1.PodKillAction, before, was, f, hit)
	case *v1alpha1.NetworkChaos:
		from, err := t.watchedFrom(f)
		if err != nil {
			return unseen("%v", err)
		}
		return t.observeNetwork(ctx, o, before, hit, from)
	case *v1alpha1.StressChaos:
		return t.observeStress(ctx, o, before, was, hit)
	case *v1alpha1.TimeChaos:
		return t.observeClock(ctx, o, before, hit)
	case *v1alpha1.DNSChaos:
		return t.observeNames(ctx, o, before, hit)
	default:
		return unseen("nothing here can show what %s does", f.Fault.Kind)
	}
}

func observePod(i *inventory, action v1alpha1.PodChaosAction, before snapshot, was *corev1.Pod, f fault.Planned, hit fault.Target) effect {
	pods, err := i.list()
	if err != nil {
		return unseen("%v", err)
	}
	var now *corev1.Pod
	var beside []*corev1.Pod
	for _, p := range pods {
		if string(p.UID) == hit.UID {
			now = p
		}
		if i.workloadOf(p).String() == hit.Workload || string(p.UID) == hit.UID {
			beside = append(beside, p)
		}
	}
	switch action {
	case v1alpha1.PodKillAction:
		return killedPod(before, hit, nth(f, hit), beside)
	case v1alpha1.PodFailureAction:
		return failedPod(was, now)
	case v1alpha1.ContainerKillAction:
		return killedContainer(was, hit.Container, now)
	default:
		return unseen("PodChaos has no action %s here", action)
	}
}

// nth counts the fault's targets of one workload from 0.
func nth(f fault.Planned, hit fault.Target) int {
	n := 0
	for _, other := range f.Targets {
		if other == hit {
			break
		}
		if other.Namespace == hit.Namespace && other.Workload == hit.Workload {
			n++
		}
	}
	return n
}
