package cluster

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// loadGenerator is that of the chart probe, with a token, beside a service of three pods.
func loadGenerator() []runtime.Object {
	yes := true
	return []runtime.Object{
		&appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Name: "probe", Namespace: "monitor", Labels: map[string]string{nameLabel: "probe"}},
			Status:     appsv1.DeploymentStatus{Replicas: 1, ReadyReplicas: 1},
			Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{nameLabel: "probe"}},
				Spec: corev1.PodSpec{
					SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: &yes},
					Containers: []corev1.Container{{
						Name: "probe", Image: "registry.example.com/ballast@sha256:1", LivenessProbe: &corev1.Probe{}, Ports: []corev1.ContainerPort{{ContainerPort: 9090}},
						Args: []string{"load", "--rate=50", "--timeout=1s", "--name=monitor", "--pods-port=8080", "--token-file=/etc/probe/token/token", "--listen=0.0.0.0:9090", "http://monitor/api/v1/cpu"},
					}},
				},
			}},
		},
		&appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Name: "monitor", Namespace: "monitor", Labels: map[string]string{nameLabel: "monitor"}},
			Status:     appsv1.DeploymentStatus{Replicas: 3, ReadyReplicas: 2},
		},
	}
}

func TestALoadIsSentAsTheLoadGeneratorDoes(t *testing.T) {
	c := &Connection{Kubernetes: fake.NewClientset(loadGenerator()...)}
	pod, err := c.loadPod(t.Context(), LoadPod{Namespace: "monitor", Rate: 250.5, Duration: 12 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	main := pod.Spec.Containers[0]
	want := []string{"load", "--rate=250.5", "--duration=12s", "--name=load-test", "--timeout=1s", "--token-file=/etc/probe/token/token", "http://monitor/api/v1/cpu"}
	if !slices.Equal(main.Args, want) {
		t.Errorf("arguments %q, want %q", main.Args, want)
	}
	if main.Image != "registry.example.com/ballast@sha256:1" || main.LivenessProbe != nil || len(main.Ports) > 0 || !*pod.Spec.SecurityContext.RunAsNonRoot {
		t.Errorf("%+v", pod.Spec)
	}
	first := pod.Spec.InitContainers[0]
	if want := []string{"load", "--rate=10", "--duration=2s", "--name=load-test", "--timeout=1s", "--token-file=/etc/probe/token/token", "http://monitor/api/v1/cpu"}; !slices.Equal(first.Args, want) || first.Image != main.Image || len(first.Ports) > 0 {
		t.Errorf("before the load: %+v, want arguments %q", first, want)
	}
	if pod.Labels[nameLabel] == "probe" {
		t.Error("Prometheus would take it for the load generator")
	}
	if pod.Spec.RestartPolicy != corev1.RestartPolicyNever || *pod.Spec.ActiveDeadlineSeconds < 12 {
		t.Errorf("restarts %s, ends after %d s", pod.Spec.RestartPolicy, *pod.Spec.ActiveDeadlineSeconds)
	}
	pod, err = c.loadPod(t.Context(), LoadPod{Namespace: "monitor", URL: "http://other", Rate: 1, Duration: time.Second})
	if err != nil || !slices.Contains(pod.Spec.Containers[0].Args, "http://other") || slices.Contains(pod.Spec.Containers[0].Args, "http://monitor/api/v1/cpu") {
		t.Errorf("%v: %v", err, pod)
	}
	if _, err := c.loadPod(t.Context(), LoadPod{Namespace: "elsewhere"}); !errors.Is(err, fault.ErrUnreachable) || !strings.Contains(err.Error(), "--load-namespace") {
		t.Errorf("without a load generator: %v", err)
	}
}

// lives makes the pod of a load go through phases, one a second.
func lives(client *fake.Clientset, phases ...corev1.PodStatus) {
	var began time.Time
	client.PrependReactor("get", "pods", func(a k8stesting.Action) (bool, runtime.Object, error) {
		if a.GetSubresource() != "" {
			return false, nil, nil
		}
		if began.IsZero() {
			began = time.Now()
		}
		at := min(int(time.Since(began).Seconds()), len(phases)-1)
		return true, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "load-test-1", Namespace: "monitor"}, Status: phases[at]}, nil
	})
}

func TestALoadsPodIsRemovedHoweverItEnds(t *testing.T) {
	waiting := corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff"}}}}}
	running := corev1.PodStatus{Phase: corev1.PodRunning}
	failed := corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{{State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "OOMKilled", ExitCode: 137}}}}}
	succeeded := corev1.PodStatus{Phase: corev1.PodSucceeded}
	for name, tc := range map[string]struct {
		phases []corev1.PodStatus
		stop   time.Duration
		says   string
	}{
		"it ends without figures": {phases: []corev1.PodStatus{waiting, running, running, succeeded}, says: "without saying what it saw"},
		"its image is not there":  {phases: []corev1.PodStatus{waiting}, says: "ImagePullBackOff"},
		"it takes too much":       {phases: []corev1.PodStatus{waiting, running, failed}, says: "OOMKilled, exit code 137"},
		"it never ends":           {phases: []corev1.PodStatus{running}, says: "not Succeeded after"},
		"somebody interrupts":     {phases: []corev1.PodStatus{running}, stop: 3 * time.Second, says: "deadline"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := fake.NewClientset(loadGenerator()...)
				lives(client, tc.phases...)
				ctx := t.Context()
				if tc.stop > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tc.stop)
					defer cancel()
				}
				_, err := (&Connection{Kubernetes: client}).SendLoad(ctx, LoadPod{Namespace: "monitor", Rate: 10, Duration: 5 * time.Second})
				if err == nil || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("%v, want %q", err, tc.says)
				}
				var created, deleted int
				for _, a := range client.Actions() {
					switch {
					case a.Matches("create", "pods"):
						created++
					case a.Matches("delete", "pods"):
						deleted++
					}
				}
				if created != 1 || deleted != 1 {
					t.Errorf("%d pods were made and %d removed", created, deleted)
				}
			})
		})
	}
}

func TestWhatALoadSawIsReadFromItsLog(t *testing.T) {
	const (
		logged  = `{"time":"x","level":"INFO","msg":"load stopped","scheduled":600,"success":599,"errors":1}` + "\n"
		printed = `{"errors":1,"failures":{"reset":1},"scheduled":600,"success":599,"p50Seconds":0.002,"p99Seconds":0.05,"lagP99Seconds":0.001}` + "\n"
	)
	want := LoadSent{Success: 599, Errors: 1, P50: 2 * time.Millisecond, P99: 50 * time.Millisecond, LagP99: time.Millisecond}
	for _, log := range []string{logged + printed, printed + logged} {
		if got, err := decodeLoad([]byte(log)); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", log, got, err, want)
		}
	}
	for name, tc := range map[string]struct{ log, says string }{
		"no line":             {"", "without saying"},
		"only what is logged": {logged, "without saying"},
		"another log":         {"panic: no\n{\"msg\":\"x\"}\n", "without saying"},
		"an earlier version":  {`{"errors":0,"scheduled":600,"success":600}`, "earlier version"},
	} {
		if _, err := decodeLoad([]byte(tc.log)); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, want %q", name, err, tc.says)
		}
	}
}

func FuzzLoadLog(f *testing.F) {
	f.Add([]byte(`{"errors":1,"scheduled":600,"success":599,"p50Seconds":0.002,"p99Seconds":0.05,"lagP99Seconds":0.001}`))
	f.Fuzz(func(t *testing.T, log []byte) {
		if _, err := decodeLoad(log); err != nil && !errors.Is(err, fault.ErrUnreachable) {
			t.Fatal(err)
		}
	})
}

func TestReadyPodsAreThoseOfTheServiceAlone(t *testing.T) {
	c := &Connection{Kubernetes: fake.NewClientset(loadGenerator()...)}
	if ready, wanted, err := c.ReadyPods(t.Context(), "monitor"); err != nil || ready != 2 || wanted != 3 {
		t.Errorf("%d of %d, %v; want 2 of 3", ready, wanted, err)
	}
	if _, _, err := c.ReadyPods(t.Context(), "elsewhere"); !errors.Is(err, fault.ErrUnreachable) {
		t.Errorf("in an empty namespace: %v", err)
	}
}
