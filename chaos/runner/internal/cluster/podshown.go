package cluster

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// effect is what was seen of an effect, from outside of the injector.
type effect struct {
	shown  bool
	text   string
	unfelt bool // a load is applied, and the target loses nothing to it
}

func seen(format string, args ...any) effect {
	return effect{shown: true, text: fmt.Sprintf(format, args...)}
}

func unseen(format string, args ...any) effect {
	return effect{text: fmt.Sprintf(format, args...)}
}

// snapshot is what there was before the injection.
type snapshot struct {
	at   time.Time
	pods map[string]*corev1.Pod // by UID
}

// containerOf is the status of a container, the first one where none is named.
func containerOf(p *corev1.Pod, name string) (corev1.ContainerStatus, bool) {
	if name == "" && len(p.Spec.Containers) > 0 {
		name = p.Spec.Containers[0].Name
	}
	i := slices.IndexFunc(p.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool { return s.Name == name })
	if i < 0 {
		return corev1.ContainerStatus{}, false
	}
	return p.Status.ContainerStatuses[i], true
}

// killedPod says whether the target is gone and another pod has taken its place. now are
// the pods of its workload; nth counts the fault's targets of that workload from 0, so
// that two of them do not call the same pod their successor.
func killedPod(before snapshot, t fault.Target, nth int, now []*corev1.Pod) effect {
	var fresh []*corev1.Pod
	for _, p := range now {
		if _, known := before.pods[string(p.UID)]; !known {
			fresh = append(fresh, p)
		}
		if string(p.UID) != t.UID {
			continue
		}
		if p.DeletionTimestamp == nil {
			return unseen("pod %s with UID %s is still there", t.Pod, t.UID)
		}
		if s, ok := containerOf(p, ""); ok && s.State.Terminated == nil {
			return unseen("pod %s with UID %s has until %s to end and still runs", t.Pod, t.UID, clock(p.DeletionTimestamp.Time))
		}
	}
	if len(fresh) <= nth {
		return unseen("pod %s with UID %s is gone, but no other was created in its place", t.Pod, t.UID)
	}
	slices.SortFunc(fresh, func(a, b *corev1.Pod) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.UID, b.UID))
	})
	next := fresh[nth]
	return seen("pod %s with UID %s is gone; %s with UID %s, created at %s, took its place", t.Pod, t.UID, next.Name, next.UID, clock(next.CreationTimestamp.Time))
}

// failedPod says whether the container of before has ended, another image runs in its
// place, and the pod gets no traffic.
func failedPod(before *corev1.Pod, now *corev1.Pod) effect {
	if now == nil {
		return unseen("the pod is gone, which is not what this fault does")
	}
	was, ok := containerOf(before, "")
	is, there := containerOf(now, "")
	switch {
	case !ok || was.State.Running == nil:
		return unseen("the pod ran no container before the fault")
	case !there:
		return unseen("the pod has no status of its container %s", was.Name)
	case is.ContainerID == was.ContainerID && is.State.Running != nil:
		return unseen("container %s, started at %s, still runs", shortID(was.ContainerID), clock(was.State.Running.StartedAt.Time))
	case is.State.Running != nil && is.Image == was.Image && is.ImageID == was.ImageID:
		return unseen("container %s is gone, but %s runs in its place with the same image", shortID(was.ContainerID), shortID(is.ContainerID))
	case serves(now):
		return unseen("container %s is gone, but the pod is still ready and gets traffic", shortID(was.ContainerID))
	}
	return seen("container %s, started at %s, has ended (restart %d); the pod runs image %s and is not ready",
		shortID(was.ContainerID), clock(was.State.Running.StartedAt.Time), is.RestartCount, is.Image)
}

// byKill is the exit code of what SIGKILL ended.
const byKill = 137

// killedContainer says whether the container of before was killed and another started in
// its place. One that ended by itself, or because it used too much memory, was not.
func killedContainer(before *corev1.Pod, name string, now *corev1.Pod) effect {
	if now == nil {
		return unseen("the pod is gone, which is not what this fault does")
	}
	was, ok := containerOf(before, name)
	is, there := containerOf(now, name)
	if !ok || !there {
		return unseen("the pod has no container %s", name)
	}
	if is.RestartCount <= was.RestartCount || is.ContainerID == was.ContainerID {
		if is.State.Terminated != nil {
			return unseen("container %s ended with code %d and has not restarted yet", shortID(was.ContainerID), is.State.Terminated.ExitCode)
		}
		return unseen("container %s still runs, after %d restarts as before", shortID(was.ContainerID), was.RestartCount)
	}
	end := is.LastTerminationState.Terminated
	switch {
	case end == nil:
		return unseen("container %s is gone after restart %d, and nothing says how it ended", shortID(was.ContainerID), is.RestartCount)
	case end.ExitCode != byKill || end.Reason == "OOMKilled":
		return unseen("container %s ended with code %d (%s): it was not killed", shortID(was.ContainerID), end.ExitCode, end.Reason)
	case is.State.Running == nil:
		return unseen("container %s was killed at %s and has not restarted yet", shortID(was.ContainerID), clock(end.FinishedAt.Time))
	}
	return seen("container %s was killed at %s; %s started in its place at %s, restart %d",
		shortID(was.ContainerID), clock(end.FinishedAt.Time), shortID(is.ContainerID), clock(is.State.Running.StartedAt.Time), is.RestartCount)
}

// clock writes a time of day as the API server knows it: in whole seconds.
func clock(t time.Time) string { return t.UTC().Format("15:04:05Z") }

// shortID is a container's ID as the usual tools write it.
func shortID(id string) string {
	if _, after, ok := strings.Cut(id, "://"); ok {
		id = after
	}
	return id[:min(len(id), 12)]
}
