package cluster

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// backOffMemory is how long a kubelet remembers that a container ended: twice the longest
// wait before a restart, which is 5 minutes.
const backOffMemory = 10 * time.Minute

// backsOff says whether a container of the pod has ended so lately that the kubelet would
// wait before it starts it again: 10 s after the second end, and twice as long after each
// further one. An experiment that ends it once more measures that wait.
func backsOff(p *corev1.Pod, now time.Time) bool {
	for _, s := range p.Status.ContainerStatuses {
		ended := s.LastTerminationState.Terminated
		if s.State.Terminated != nil {
			ended = s.State.Terminated
		}
		if ended != nil && now.Sub(ended.FinishedAt.Time) < backOffMemory {
			return true
		}
	}
	return false
}
