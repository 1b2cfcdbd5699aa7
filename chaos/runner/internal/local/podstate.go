package local

import (
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// state is one consistent look at a pod.
type state struct {
	container   *container
	condemned   *container
	starts      int
	held        bool
	terminating bool
	grace       time.Duration
	failure     error
	replacement *pod
	changed     <-chan struct{}
}

func (p *pod) state() state {
	p.mu.Lock()
	defer p.mu.Unlock()
	return state{
		container: p.current, condemned: p.condemned, starts: p.starts, held: len(p.holds) > 0,
		terminating: p.terminating, grace: p.grace, failure: p.failure,
		replacement: p.replacement, changed: p.changed,
	}
}

// labels are those that a Deployment's pod template gives.
func (p *pod) labels(hash string) map[string]string {
	return map[string]string{
		"app.kubernetes.io/name":      p.app,
		"app.kubernetes.io/instance":  p.app,
		"app.kubernetes.io/component": p.app,
		"pod-template-hash":           hash,
	}
}

// describe is the pod as selection sees it.
func (p *pod) describe(namespace, hash string, ready bool) fault.Pod {
	s := p.state()
	phase := "Running"
	if s.starts == 0 {
		phase = "Pending"
	}
	return fault.Pod{
		Namespace: namespace, Name: p.name, UID: p.uid, Workload: "Deployment/" + p.app,
		Labels: p.labels(hash), Annotations: map[string]string{},
		Node: nodeName, NodeLabels: map[string]string{"kubernetes.io/hostname": nodeName, "kubernetes.io/os": "linux"},
		IP: p.proxy.host(), ServiceAccount: p.app, Scheduler: "default-scheduler", RestartPolicy: "Always",
		Phase: phase, Ready: ready, Containers: []string{p.app},
	}
}
