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
	for _, pod := range e.fleet.describe() {
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
				out = append(out, fault.Health{Workload: t.Workload, Wanted: e.cfg.Replicas, Ready: ready[t.Workload]})
			}
		}
	}
	return out, nil
}

// Lost delivers one error when the fleet is gone: ended by Close, with its keeper, or
// because the disk of its directory is full. It wraps fault.ErrUnreachable.
func (e *Environment) Lost() <-chan error { return e.gone }
