package local

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
)

func podAction(s *v1alpha1.PodChaosSpec) (action, error) {
	if s.RemoteCluster != "" {
		return nil, cannot("remoteCluster: there is no other cluster here")
	}
	switch s.Action {
	case v1alpha1.PodKillAction:
		return podKill{grace: time.Duration(s.GracePeriod) * time.Second}, nil
	case v1alpha1.PodFailureAction:
		return podFailure{}, nil
	case v1alpha1.ContainerKillAction:
		return containerKill{}, nil
	default:
		return nil, cannot("PodChaos has no action %q here", s.Action)
	}
}

// podKill deletes the pod. Its ReplicaSet makes another one.
type podKill struct{ grace time.Duration }

func (a podKill) emulated() string { return "" }
func (a podKill) exclusive() bool  { return false }
func (a podKill) on(e *Environment, p *pod, _ string, _ pathBaseline) effector {
	return &killedPod{podKill: a, env: e, pod: p, before: p.state().container}
}

type killedPod struct {
	podKill
	env    *Environment
	pod    *pod
	before *container
}

func (k *killedPod) inject(context.Context) error {
	if k.pod.state().terminating {
		return fmt.Errorf("pod %s is gone already", k.pod.name)
	}
	return k.env.fleet.delete(k.pod, k.grace)
}

func (k *killedPod) observe(context.Context) (bool, string) {
	if k.before != nil && k.before.alive() {
		return false, fmt.Sprintf("process %d of the pod still runs", k.before.pid)
	}
	select {
	case <-k.pod.done:
	default:
		return false, "the pod's container has not ended yet"
	}
	next := k.pod.state().replacement
	if next == nil {
		return false, "the pod is gone, but no other was created"
	}
	c := next.state().container
	if c == nil {
		return false, fmt.Sprintf("the pod is gone; its replacement %s has no container yet", next.name)
	}
	if k.before == nil {
		return true, fmt.Sprintf("pod with UID %s is gone; %s with UID %s took its place", k.pod.uid, next.name, next.uid)
	}
	return true, fmt.Sprintf("%s is gone; pod %s with UID %s took its place with %s", k.before, next.name, next.uid, c)
}

func (k *killedPod) undo(context.Context) error { return nil } // nothing is left to undo

// podFailure stops the container and keeps it from starting, as Chaos Mesh's
// image without a program does. Like there, the container may end in peace.
type podFailure struct{}

func (podFailure) emulated() string {
	return "the container is stopped and not restarted, where Chaos Mesh puts an image in its place that does nothing"
}
func (podFailure) exclusive() bool { return false }
func (podFailure) on(_ *Environment, p *pod, key string, _ pathBaseline) effector {
	return &failedPod{pod: p, key: key, before: p.state().container}
}

type failedPod struct {
	pod    *pod
	key    string
	before *container
}

func (f *failedPod) inject(context.Context) error {
	if f.pod.state().terminating {
		return fmt.Errorf("pod %s is gone already", f.pod.name)
	}
	f.pod.hold(f.key)
	return nil
}

func (f *failedPod) observe(ctx context.Context) (bool, string) {
	if c := f.pod.state().container; c != nil {
		return false, fmt.Sprintf("process %d of the pod still runs", c.pid)
	}
	if f.before == nil {
		return true, "no container runs; none ran before either"
	}
	if f.before.alive() {
		return false, fmt.Sprintf("process %d of the pod still runs", f.before.pid)
	}
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", f.before.address)
	if err == nil {
		_ = conn.Close()
		return false, fmt.Sprintf("port %s still takes connections", f.before.address)
	}
	return true, fmt.Sprintf("%s is gone and its port refuses: %v", f.before, err)
}

func (f *failedPod) undo(context.Context) error {
	f.pod.release(f.key)
	return nil
}

// containerKill ends the process without a warning; the pod restarts it.
type containerKill struct{}

func (containerKill) emulated() string { return "" }
func (containerKill) exclusive() bool  { return false }
func (containerKill) on(_ *Environment, p *pod, _ string, _ pathBaseline) effector {
	return &killedContainer{pod: p, before: p.state().container}
}

type killedContainer struct {
	pod    *pod
	before *container
}

func (k *killedContainer) inject(context.Context) error {
	if k.before == nil {
		return fmt.Errorf("pod %s runs no container", k.pod.name)
	}
	k.before.kill()
	return nil
}

func (k *killedContainer) observe(context.Context) (bool, string) {
	if k.before.alive() {
		return false, fmt.Sprintf("process %d still runs", k.before.pid)
	}
	s := k.pod.state()
	if s.container == nil {
		return false, fmt.Sprintf("process %d is gone; its container has not restarted yet", k.before.pid)
	}
	return true, fmt.Sprintf("%s is gone; restarted as %s, restart %d", k.before, s.container, s.starts-1)
}

func (k *killedContainer) undo(context.Context) error { return nil } // the pod has restarted it
