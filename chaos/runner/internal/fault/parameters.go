package fault

import (
	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
)

// parameters checks the rules that Chaos Mesh has only in its schema, and those
// that it has nowhere, for the kinds that the runner injects itself.
func (c *checker) parameters(obj v1alpha1.InnerObject) {
	switch o := obj.(type) {
	case *v1alpha1.PodChaos:
		c.podChaos(&o.Spec)
	case *v1alpha1.NetworkChaos:
		c.networkChaos(&o.Spec)
	case *v1alpha1.StressChaos:
		c.stressChaos(&o.Spec)
	}
}

func (c *checker) podChaos(s *v1alpha1.PodChaosSpec) {
	if s.GracePeriod < 0 {
		c.Problem("spec.gracePeriod", "%d is negative; give seconds from 0", s.GracePeriod)
	}
	if s.GracePeriod > 0 && s.Action != v1alpha1.PodKillAction {
		c.Problem("spec.gracePeriod", "only pod-kill has one; delete it")
	}
	switch {
	case s.Action == v1alpha1.ContainerKillAction && len(s.ContainerNames) == 0:
		c.Problem("spec.containerNames", "missing; name the containers to kill")
	case s.Action != v1alpha1.ContainerKillAction && len(s.ContainerNames) > 0:
		c.Problem("spec.containerNames", "%s hits whole pods and ignores it; delete it", s.Action)
	}
}

func (c *checker) stressChaos(s *v1alpha1.StressChaosSpec) {
	if s.Stressors == nil {
		return
	}
	workers := func(path string, n int) {
		if n < 1 || n > 8192 {
			c.Problem(path, "%d workers stress nothing or everything; give 1 to 8192", n)
		}
	}
	if cpu := s.Stressors.CPUStressor; cpu != nil {
		workers("spec.stressors.cpu.workers", cpu.Workers)
		if cpu.Load != nil && (*cpu.Load < 1 || *cpu.Load > 100) {
			c.Problem("spec.stressors.cpu.load", "%d%% is not a load; give 1 to 100", *cpu.Load)
		}
	}
	if memory := s.Stressors.MemoryStressor; memory != nil {
		workers("spec.stressors.memory.workers", memory.Workers)
		c.memorySize(memory)
		if memory.OOMScoreAdj < -1000 || memory.OOMScoreAdj > 1000 {
			c.Problem("spec.stressors.memory.oomScoreAdj", "%d is out of range; give -1000 to 1000", memory.OOMScoreAdj)
		}
	}
}
