package local

import (
	"context"
	"fmt"
	"slices"
	"syscall"
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
func (a podKill) on(e *Environment, p *pod, _ string, _ podBaseline) effector {
	return &killedPod{pod: p, grace: a.grace, delete: e.fleet.delete}
}

type killedPod struct {
	pod    *pod
	grace  time.Duration
	delete func(p *pod, grace time.Duration) error

	injected bool
	before   *container // that ran at the injection; nil when none did
}

func (k *killedPod) inject(context.Context) error {
	s := k.pod.state()
	if s.terminating {
		return fmt.Errorf("pod %s is gone already", k.pod.name)
	}
	k.before, k.injected = s.container, true
	return k.delete(k.pod, k.grace)
}

func (k *killedPod) observe(context.Context) observation {
	if !k.injected {
		return unseen("the pod was not killed")
	}
	if k.before != nil && k.before.alive() {
		return unseen("%s of the pod still runs", k.before)
	}
	select {
	case <-k.pod.done:
	default:
		return unseen("the pod's container has not ended yet")
	}
	next := k.pod.state().replacement
	if next == nil {
		return unseen("the pod is gone, but no other was created")
	}
	c := next.state().container
	switch {
	case c == nil:
		return unseen("the pod is gone; its replacement %s has no container yet", next.name)
	case !c.alive():
		return unseen("the pod is gone; %s of its replacement %s has ended", c, next.name)
	case k.before == nil:
		return seen("pod with UID %s is gone; %s with UID %s took its place", k.pod.uid, next.name, next.uid)
	}
	return seen("%s is gone; pod %s with UID %s took its place with %s", k.before, next.name, next.uid, c)
}

func (k *killedPod) undo(context.Context) error { return nil } // nothing is left to undo

// podFailure stops the container and keeps it from starting, as Chaos Mesh's
// image without a program does. Like there, the container may end in peace.
type podFailure struct{}

func (podFailure) emulated() string {
	return "the container is stopped and not restarted, where Chaos Mesh puts an image in its place that does nothing"
}
func (podFailure) exclusive() bool { return false }
func (podFailure) on(_ *Environment, p *pod, key string, _ podBaseline) effector {
	return &failedPod{pod: p, key: key, hold: p.hold}
}

type failedPod struct {
	pod  *pod
	key  string
	hold func(key string)

	before *container // that ran at the injection
}

func (f *failedPod) inject(context.Context) error {
	s := f.pod.state()
	switch {
	case s.terminating:
		return fmt.Errorf("pod %s is gone already", f.pod.name)
	case s.container == nil:
		return fmt.Errorf("pod %s runs no container", f.pod.name)
	}
	f.before = s.container
	f.hold(f.key)
	return nil
}

func (f *failedPod) observe(ctx context.Context) observation {
	if f.before == nil {
		return unseen("the pod was not stopped")
	}
	if f.before.alive() {
		return unseen("%s of the pod still runs", f.before)
	}
	if c := f.pod.state().container; c != nil && c.alive() {
		return unseen("%s is gone, but %s runs in its place", f.before, c)
	}
	// A container that crashed is gone, too, until its back-off is over.
	if !slices.Contains(f.pod.heldBy(), f.key) {
		return unseen("%s is gone, but nothing keeps the pod from starting another", f.before)
	}
	answers := samples(ctx, f.pod.proxy.address(), 1, 1, unreachableWithin)
	if answers[0].err == nil {
		return unseen("%s is gone, but the pod's path still answers", f.before)
	}
	return seen("%s is gone, none is started in its place, and a request on the pod's path fails (%s)", f.before, plain(answers[0].err))
}

func (f *failedPod) undo(context.Context) error {
	f.pod.release(f.key)
	return nil
}

// victimTimeout is how long a kill waits for a container: the longest back-off and a start.
const victimTimeout = backoffMost + containerStartTimeout

// containerKill ends the process without a warning; the pod restarts it.
type containerKill struct{}

func (containerKill) emulated() string { return "" }
func (containerKill) exclusive() bool  { return false }
func (containerKill) on(e *Environment, p *pod, _ string, _ podBaseline) effector {
	return &killedContainer{pod: p, lived: 2 * e.cfg.Scrape, kill: func(c *container) error { return c.signal(syscall.SIGKILL) }}
}

type killedContainer struct {
	pod   *pod
	lived time.Duration // how long a restarted container runs before the next kill
	kill  func(*container) error

	before *container // that ran at the injection
	starts int        // of the pod's containers until then
}

func (k *killedContainer) inject(ctx context.Context) error {
	s, err := k.victim(ctx)
	if err != nil {
		return err
	}
	k.before, k.starts = s.container, s.starts
	k.pod.update(func() { k.pod.condemned = s.container })
	return k.kill(k.before)
}

// victim returns the pod's state once it has a container to kill. Several kills of one pod
// kill one container after another: each waits for the restarted container, and until that
// has lived long enough to be scraped. Chaos Mesh also retries until there is a container.
func (k *killedContainer) victim(ctx context.Context) (state, error) {
	ctx, cancel := context.WithTimeout(ctx, victimTimeout)
	defer cancel()
	for {
		s := k.pod.state()
		var soon <-chan time.Time
		switch c := s.container; {
		case c == nil && s.condemned == nil, s.terminating:
			return s, fmt.Errorf("pod %s runs no container", k.pod.name)
		case c == nil, c == s.condemned:
		default:
			young := k.lived - time.Since(c.up)
			if s.condemned == nil || young <= 0 {
				return s, nil
			}
			soon = time.After(young)
		}
		select {
		case <-s.changed:
		case <-soon:
		case <-ctx.Done():
			return s, fmt.Errorf("pod %s has not started another container to kill: %w", k.pod.name, ctx.Err())
		}
	}
}

// observe knows the process by its id and its start, and asks how it ended: one
// that went by itself was not killed, and what the pod calls its container may
// for a moment still be the one that is gone.
func (k *killedContainer) observe(context.Context) observation {
	if k.before == nil {
		return unseen("no process was killed")
	}
	select {
	case <-k.before.done:
	default:
		return unseen("%s still runs", k.before)
	}
	if k.before.exit.Signal != syscall.SIGKILL {
		return unseen("%s was not killed, it ended with %s", k.before, k.before.exit)
	}
	s := k.pod.state()
	switch {
	case s.container == nil, s.container == k.before:
		return unseen("%s was killed; its container has not restarted yet", k.before)
	case s.starts <= k.starts:
		return unseen("%s was killed, but the pod has started no container since", k.before)
	case !s.container.alive():
		return unseen("%s was killed; %s in its place has ended", k.before, s.container)
	}
	return seen("%s was killed; restarted as %s, restart %d", k.before, s.container, s.starts-1)
}

func (k *killedContainer) undo(context.Context) error { return nil } // the pod has restarted it
