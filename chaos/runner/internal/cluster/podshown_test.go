package cluster

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// podWith is a pod of one container, changed by each of the functions.
func podWith(uid string, change ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "monitor", Name: "monitor-" + uid, UID: types.UID(uid), CreationTimestamp: metav1.NewTime(noon)},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "monitor"}, {Name: "side"}}},
		Status: corev1.PodStatus{
			Phase:      corev1.PodRunning,
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
			ContainerStatuses: []corev1.ContainerStatus{
				{Name: "monitor", ContainerID: "containerd://aaa", Image: "monitor:1", ImageID: "sha256:1", State: running(noon)},
				{Name: "side", ContainerID: "containerd://sss", State: running(noon)},
			},
		},
	}
	for _, c := range change {
		c(p)
	}
	return p
}

func running(since time.Time) corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(since)}}
}

func leaving(p *corev1.Pod) {
	at := metav1.NewTime(noon.Add(time.Minute))
	p.DeletionTimestamp = &at
}

func unready(p *corev1.Pod) { p.Status.Conditions[0].Status = corev1.ConditionFalse }

// restarted is the first container, started anew after it ended with a code.
func restarted(image string, code int32, reason string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		s := &p.Status.ContainerStatuses[0]
		s.ContainerID, s.Image, s.ImageID, s.RestartCount = "containerd://bbb", image, "sha256:"+image, s.RestartCount+1
		s.State = running(noon.Add(time.Minute))
		s.LastTerminationState = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, FinishedAt: metav1.NewTime(noon.Add(time.Minute))}}
	}
}

func ended(code int32) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		for i := range p.Status.ContainerStatuses {
			p.Status.ContainerStatuses[i].State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code}}
		}
	}
}

func check(t *testing.T, got effect, shown bool, says string) {
	t.Helper()
	if got.shown != shown || !strings.Contains(got.text, says) {
		t.Errorf("shown %t: %s; want %t: %s", got.shown, got.text, shown, says)
	}
}

func TestAKilledPodIsGoneAndAnotherHasItsPlace(t *testing.T) {
	before := snapshot{pods: map[string]*corev1.Pod{"a": podWith("a"), "b": podWith("b")}}
	hit := fault.Target{Namespace: "monitor", Pod: "monitor-a", UID: "a"}
	for name, tc := range map[string]struct {
		now   []*corev1.Pod
		shown bool
		says  string
	}{
		"nothing has happened":                                   {[]*corev1.Pod{podWith("a"), podWith("b")}, false, "is still there"},
		"it was asked to end and still runs":                     {[]*corev1.Pod{podWith("a", leaving), podWith("b"), podWith("c")}, false, "still runs"},
		"it is gone and nothing came":                            {[]*corev1.Pod{podWith("b")}, false, "no other was created"},
		"another pod that was there before is not its successor": {[]*corev1.Pod{podWith("b")}, false, "no other was created"},
		"it is gone and another was created":                     {[]*corev1.Pod{podWith("b"), podWith("c")}, true, "monitor-c with UID c"},
		"it has ended and is about to go":                        {[]*corev1.Pod{podWith("a", leaving, ended(0)), podWith("b"), podWith("c")}, true, "monitor-c with UID c"},
		"a new pod of the same name":                             {[]*corev1.Pod{podWith("b"), podWith("c", func(p *corev1.Pod) { p.Name = "monitor-a" })}, true, "monitor-a with UID c"},
		"only its successor's name is the same":                  {[]*corev1.Pod{podWith("a"), podWith("c")}, false, "is still there"},
	} {
		t.Run(name, func(t *testing.T) { check(t, killedPod(before, hit, 0, tc.now), tc.shown, tc.says) })
	}
}

func TestTwoKilledPodsHaveTwoSuccessors(t *testing.T) {
	before := snapshot{pods: map[string]*corev1.Pod{"a": podWith("a"), "b": podWith("b")}}
	second := fault.Target{Namespace: "monitor", Pod: "monitor-b", UID: "b"}
	check(t, killedPod(before, second, 1, []*corev1.Pod{podWith("c")}), false, "no other was created")
	check(t, killedPod(before, second, 1, []*corev1.Pod{podWith("d"), podWith("c")}), true, "monitor-d with UID d")
}

func TestAFailedPodRunsSomethingElseAndGetsNoTraffic(t *testing.T) {
	was := podWith("a")
	pause := restarted("pause:3", 0, "Completed")
	for name, tc := range map[string]struct {
		now   *corev1.Pod
		shown bool
		says  string
	}{
		"nothing has happened":                   {podWith("a"), false, "still runs"},
		"it is not ready for another reason":     {podWith("a", unready), false, "still runs"},
		"it has crashed and runs again":          {podWith("a", restarted("monitor:1", 2, "Error"), func(p *corev1.Pod) { p.Status.ContainerStatuses[0].ImageID = "sha256:1" }, unready), false, "same image"},
		"the pause runs, and it is ready still":  {podWith("a", pause), false, "still ready"},
		"the pause runs":                         {podWith("a", pause, unready), true, "runs image pause:3 and is not ready"},
		"the pod is gone":                        {nil, false, "the pod is gone"},
		"the pod lost the status of a container": {podWith("a", func(p *corev1.Pod) { p.Status.ContainerStatuses = nil }), false, "no status"},
	} {
		t.Run(name, func(t *testing.T) { check(t, failedPod(was, tc.now), tc.shown, tc.says) })
	}
	check(t, failedPod(podWith("a", ended(1)), podWith("a", pause, unready)), false, "ran no container before")
}

func TestAKilledContainerWasKilledAndStartedAgain(t *testing.T) {
	was := podWith("a")
	for name, tc := range map[string]struct {
		container string
		now       *corev1.Pod
		shown     bool
		says      string
	}{
		"nothing has happened":           {"monitor", podWith("a"), false, "still runs"},
		"killed and started":             {"monitor", podWith("a", restarted("monitor:1", 137, "Error")), true, "bbb started in its place"},
		"the first one is meant":         {"", podWith("a", restarted("monitor:1", 137, "Error")), true, "bbb started in its place"},
		"another container was killed":   {"side", podWith("a", restarted("monitor:1", 137, "Error")), false, "sss still runs"},
		"it ended by itself":             {"monitor", podWith("a", restarted("monitor:1", 2, "Error")), false, "was not killed"},
		"it was ended with SIGTERM":      {"monitor", podWith("a", restarted("monitor:1", 143, "Error")), false, "was not killed"},
		"it used too much memory":        {"monitor", podWith("a", restarted("monitor:1", 137, "OOMKilled")), false, "was not killed"},
		"it has not started again yet":   {"monitor", podWith("a", ended(137)), false, "has not restarted yet"},
		"nothing says how it ended":      {"monitor", podWith("a", restarted("monitor:1", 137, ""), func(p *corev1.Pod) { p.Status.ContainerStatuses[0].LastTerminationState = corev1.ContainerState{} }), false, "nothing says how"},
		"it waits to start":              {"monitor", podWith("a", restarted("monitor:1", 137, "Error"), func(p *corev1.Pod) { p.Status.ContainerStatuses[0].State = corev1.ContainerState{} }), false, "has not restarted yet"},
		"there is no such container":     {"none", podWith("a"), false, "no container none"},
		"the pod is gone":                {"monitor", nil, false, "the pod is gone"},
		"restarts of before do not show": {"monitor", podWith("a", func(p *corev1.Pod) { p.Status.ContainerStatuses[0].RestartCount = 0 }), false, "still runs"},
	} {
		t.Run(name, func(t *testing.T) { check(t, killedContainer(was, tc.container, tc.now), tc.shown, tc.says) })
	}
}
