package local

import (
	"context"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// Health counts the pods of the workloads that the plan hits. A pod is ready when
// the gateway sends it requests, as its own checks decide. The error wraps
// fault.ErrUnreachable when the fleet is gone.
func (e *Environment) Health(_ context.Context, p fault.Plan) ([]fault.Health, error) {
	if err := e.lost(); err != nil {
		return nil, err
	}
	ready := map[string]int{}
	for _, pod := range e.pods() {
		if pod.Ready {
			ready[pod.Workload]++
		}
	}
	seen := map[string]bool{}
	var out []fault.Health
	for _, planned := range p.Faults {
		for _, t := range planned.Targets {
			if !seen[t.Workload] {
				seen[t.Workload] = true
				out = append(out, fault.Health{Workload: t.Workload, Wanted: e.wanted(t.Workload), Ready: ready[t.Workload]})
			}
		}
	}
	return out, nil
}

// Coverage counts the pods of the workloads that the plan hits, and those of them on
// which a fault of the plan is in place. The error wraps fault.ErrUnreachable when the
// fleet is gone.
func (e *Environment) Coverage(_ context.Context, p fault.Plan) ([]fault.Coverage, error) {
	if err := e.lost(); err != nil {
		return nil, err
	}
	lasting, once := e.inPlace(p)
	pods := e.pods()
	var out []fault.Coverage
	seen := map[string]bool{}
	for _, planned := range p.Faults {
		for _, t := range planned.Targets {
			if seen[t.Workload] {
				continue
			}
			seen[t.Workload] = true
			c := fault.Coverage{Workload: t.Workload}
			for _, pod := range pods {
				if pod.Workload == t.Workload {
					c.Count(pod.Ready, lasting[pod.UID], once[pod.UID])
				}
			}
			out = append(out, c)
		}
	}
	return out, nil
}

// inPlace names the pods, by UID, on which faults of the plan last, and those on which
// one happened.
func (e *Environment) inPlace(p fault.Plan) (lasting, once map[string]bool) {
	lasting, once = map[string]bool{}, map[string]bool{}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, i := range e.active[p.Run] {
		switch {
		case i.over():
		case i.oneShot:
			once[i.target.UID] = true
		default:
			lasting[i.target.UID] = true
		}
	}
	return lasting, once
}

// Lost delivers one error when the fleet is gone: ended by Close, with its keeper, or
// because the disk of its directory is full. It wraps fault.ErrUnreachable.
func (e *Environment) Lost() <-chan error { return e.gone }
