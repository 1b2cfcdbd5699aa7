package cluster

import (
	"context"
	"slices"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// Coverage counts the pods of every workload that the plan hits, as the watches have
// them, and those of them on which a fault of the plan is in place: the planned UID, and
// a record of Chaos Mesh that says so. That the fault does what it should is measured by
// Effects; this is about which pods it reaches while pods come and go.
func (t *Target) Coverage(_ context.Context, p fault.Plan) ([]fault.Coverage, error) {
	if err := t.pulse.check(time.Now()); err != nil {
		return nil, err
	}
	lasting, once := t.inPlace(p)
	type home struct{ namespace, workload string }
	var homes []home
	for _, f := range p.Faults {
		for _, hit := range f.Targets {
			if h := (home{hit.Namespace, hit.Workload}); !slices.Contains(homes, h) {
				homes = append(homes, h)
			}
		}
	}
	out := make([]fault.Coverage, 0, len(homes))
	for _, h := range homes {
		i, err := t.in(h.namespace)
		if err != nil {
			return nil, err
		}
		pods, err := i.list()
		if err != nil {
			return nil, err
		}
		c := fault.Coverage{Workload: h.workload}
		for _, pod := range pods {
			if i.workloadOf(pod).String() == h.workload {
				c.Count(serves(pod), lasting[string(pod.UID)], once[string(pod.UID)])
			}
		}
		out = append(out, c)
	}
	return out, nil
}

// inPlace names the pods, by UID, on which faults of the plan last, and those on which
// one happened. An object that is being deleted acts until its records say otherwise.
func (t *Target) inPlace(p fault.Plan) (lasting, once map[string]bool) {
	lasting, once = map[string]bool{}, map[string]bool{}
	for _, f := range p.Faults {
		t.mu.Lock()
		o := t.created[f.Fault.ID()]
		t.mu.Unlock()
		if o == nil {
			continue
		}
		u, gone := o.now()
		if gone {
			continue
		}
		noted, err := readBooks(u)
		if err != nil {
			continue // Effects says so
		}
		for _, hit := range f.Targets {
			switch {
			case !noted.of(hit.ID()).injected:
			case f.Fault.OneShot:
				once[hit.UID] = true
			default:
				lasting[hit.UID] = true
			}
		}
	}
	return lasting, once
}
