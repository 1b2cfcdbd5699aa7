package cluster

import (
	"context"
	"fmt"
	"strings"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// measurable returns an error that wraps fault.ErrNotInjectable when nothing here sees,
// from outside of the injector, what the fault does: a run of it would be judged without
// knowing whether there was a fault.
func (t *Target) measurable(ctx context.Context, f fault.Planned) error {
	switch o := f.Fault.Object.(type) {
	case *v1alpha1.PodChaos, *v1alpha1.TimeChaos, *fault.NodeDrain:
		return nil
	case *v1alpha1.StressChaos:
		if s := o.Spec.Stressors; s != nil && s.MemoryStressor != nil && strings.HasSuffix(s.MemoryStressor.Size, "%") {
			return fmt.Errorf("%w: how much memory %s is depends on where the injector looks; give stressors.memory.size in bytes, such as 32MiB", fault.ErrNotInjectable, s.MemoryStressor.Size)
		}
		return nil
	case *v1alpha1.NetworkChaos:
		from, err := t.watchedFrom(f)
		switch s := o.Spec; {
		case err != nil:
			return err
		case s.Action == v1alpha1.PartitionAction:
			return nil
		case from == watchedByPrometheus:
			return fmt.Errorf("%w: Prometheus can only show that it cannot scrape a pod, by a partition; name the load generator in spec.target, or nobody", fault.ErrNotInjectable)
		case s.Delay == nil && s.Loss == nil && s.Corrupt == nil && s.Rate == nil && s.Bandwidth == nil:
			return fmt.Errorf("%w: nothing here can show %s: what asks the pods sees no packet", fault.ErrNotInjectable, s.Action)
		default:
			return t.narrowable(ctx, f, s)
		}
	case *v1alpha1.DNSChaos:
		return t.resolvable(ctx, f, o.Spec)
	case *v1alpha1.IOChaos:
		return fmt.Errorf("%w: nothing outside of the injector sees how long a pod's files take: kubelets count reads and writes at the disk, below the file system that IOChaos puts in between, and pressure says nothing of where a process waits", fault.ErrNotInjectable)
	default:
		return fmt.Errorf("%w: nothing here can show what a %s does to a pod", fault.ErrNotInjectable, f.Fault.Kind)
	}
}

// nameLabel is the label by which the parts of the platform are known.
const nameLabel = "app.kubernetes.io/name"

// watchedFrom is the far end from which traffic is watched that a NetworkChaos shapes.
// Where it names its far end, only that one sees anything.
func (t *Target) watchedFrom(f fault.Planned) (string, error) {
	if o, ok := f.Fault.Object.(*v1alpha1.NetworkChaos); ok && len(o.Spec.ExternalTargets) > 0 {
		return "", fmt.Errorf("%w: only traffic with %v is shaped, and nothing there can be asked what it sees", fault.ErrNotInjectable, o.Spec.ExternalTargets)
	}
	if len(f.Peers) == 0 {
		return watchedByProbe, nil
	}
	for _, p := range f.Peers {
		i, err := t.in(p.Namespace)
		if err != nil {
			return "", err
		}
		pod, err := i.pods.Get(p.Pod)
		if err != nil {
			continue // it is gone
		}
		if name := pod.Labels[nameLabel]; name == watchedByProbe || name == watchedByPrometheus {
			return name, nil
		}
	}
	return "", fmt.Errorf("%w: only traffic with the pods of spec.target is shaped, and neither the load generator nor Prometheus is among them, which could show it", fault.ErrNotInjectable)
}
