package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// LoadPod is a load that a pod of its own sends: as the load generator of the platform does,
// with its image, its credentials and its place, and without its labels, so that Prometheus
// does not take it for that one.
type LoadPod struct {
	Namespace string // of the load generator
	URL       string // empty: what the load generator asks for
	Rate      float64
	Duration  time.Duration
}

// LoadSent is what a load saw from beginning to end.
type LoadSent struct {
	Began            time.Time
	Success, Errors  uint64
	P50, P99, LagP99 time.Duration
}

const (
	loadTestName = "load-test"
	// loadStart is how long a pod may take to start, its image included.
	loadStart = 2 * time.Minute
	// loadEnd is how long it may take longer than it was asked to send.
	loadEnd = 30 * time.Second
	// loadRemove bounds its removal, after an interrupt, too.
	loadRemove = 10 * time.Second
	loadPoll   = 500 * time.Millisecond
	// warmRate, per second, and warmTime are those of the requests before a load.
	warmRate, warmTime = 10, 2 * time.Second
	// maxLoadLog is more than a load writes: a line for each of 100 failures, and one a second.
	maxLoadLog = 16 << 20
)

// SendLoad blocks until the load has ended, and removes its pod, whatever comes. A pod whose
// runner was killed ends by itself, and stays as finished. The error wraps
// fault.ErrUnreachable where the cluster does not do it.
func (c *Connection) SendLoad(ctx context.Context, l LoadPod) (sent LoadSent, err error) {
	pod, err := c.loadPod(ctx, l)
	if err != nil {
		return sent, err
	}
	pods := c.Kubernetes.CoreV1().Pods(l.Namespace)
	pod, err = pods.Create(ctx, pod, metav1.CreateOptions{})
	if err != nil {
		return sent, fmt.Errorf("%w: create the pod of the load: %w", fault.ErrUnreachable, err)
	}
	defer func() {
		removing, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadRemove)
		defer cancel()
		if gone := pods.Delete(removing, pod.Name, metav1.DeleteOptions{}); gone != nil {
			err = errors.Join(err, fmt.Errorf("the pod %s of namespace %s is still there and ends by itself: %w", pod.Name, l.Namespace, gone))
		}
	}()
	running, err := c.awaitPod(ctx, pod, loadStart, corev1.PodRunning, corev1.PodSucceeded)
	if err != nil {
		return sent, err
	}
	ended, err := c.awaitPod(ctx, running, l.Duration+loadEnd, corev1.PodSucceeded)
	if err != nil {
		return sent, err
	}
	sent, err = c.readLoad(ctx, ended)
	sent.Began = startedAt(ended)
	return sent, err
}

// loadPod is the pod, made after the load generator's.
func (c *Connection) loadPod(ctx context.Context, l LoadPod) (*corev1.Pod, error) {
	found, err := c.Kubernetes.AppsV1().Deployments(l.Namespace).List(ctx, metav1.ListOptions{LabelSelector: loadLabels})
	if err != nil {
		return nil, fmt.Errorf("%w: look for the load generator in namespace %s: %w", fault.ErrUnreachable, l.Namespace, err)
	}
	if len(found.Items) != 1 || len(found.Items[0].Spec.Template.Spec.Containers) != 1 {
		return nil, fmt.Errorf("%w: namespace %s has %d Deployments with label %s, want one with one container: the load test sends with its image; install the chart probe, or name its namespace with --load-namespace", fault.ErrUnreachable, l.Namespace, len(found.Items), loadLabels)
	}
	spec := *found.Items[0].Spec.Template.Spec.DeepCopy()
	main := &spec.Containers[0]
	args := main.Args
	main.Name, main.Args = loadTestName, loadArgs(args, l)
	main.Ports, main.ReadinessProbe, main.LivenessProbe, main.StartupProbe = nil, nil, nil, nil
	// At high rates it needs more of both than the load generator does.
	main.Resources = corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("128Mi")},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")},
	}
	// Network policies reach a new pod a moment after it has started. Requests that are
	// refused until then are no failures of the service.
	first := main.DeepCopy()
	warming := l
	warming.Rate, warming.Duration = warmRate, warmTime
	first.Name, first.Args = "warm-up", loadArgs(args, warming)
	spec.InitContainers = append(spec.InitContainers, *first)
	spec.RestartPolicy = corev1.RestartPolicyNever
	deadline := int64((l.Duration + warmTime + loadStart + loadEnd).Seconds())
	spec.ActiveDeadlineSeconds = &deadline
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: loadTestName + "-", Namespace: l.Namespace, Labels: map[string]string{nameLabel: loadTestName}},
		Spec:       spec,
	}, nil
}

// loadArgs are those of the load generator without its rate, its metrics and what it looks
// at beside; its timeout and credentials stay.
func loadArgs(of []string, l LoadPod) []string {
	args := []string{"load", fmt.Sprintf("--rate=%g", l.Rate), "--duration=" + l.Duration.String(), "--name=" + loadTestName}
	url := l.URL
	for _, a := range of {
		switch name, _, _ := strings.Cut(a, "="); {
		case slices.Contains([]string{"--timeout", "--token-file", "--ca-file"}, name):
			args = append(args, a)
		case url == "" && !strings.HasPrefix(a, "-") && a != "load":
			url = a
		}
	}
	return append(args, url)
}

// awaitPod blocks until the pod is in one of the phases. One that failed, or that needs
// longer, is an error that says why.
func (c *Connection) awaitPod(ctx context.Context, pod *corev1.Pod, within time.Duration, phases ...corev1.PodPhase) (*corev1.Pod, error) {
	waiting, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(loadPoll)
	defer tick.Stop()
	for {
		now, err := c.Kubernetes.CoreV1().Pods(pod.Namespace).Get(waiting, pod.Name, metav1.GetOptions{})
		switch {
		case err == nil && slices.Contains(phases, now.Status.Phase):
			return now, nil
		case err == nil && now.Status.Phase == corev1.PodFailed:
			return nil, fmt.Errorf("%w: the pod of the load failed: %s", fault.ErrUnreachable, conditionOf(now))
		}
		select {
		case <-tick.C:
		case <-waiting.Done():
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			var why string
			if err != nil {
				why = err.Error()
			} else {
				why = conditionOf(now)
			}
			return nil, fmt.Errorf("%w: the pod of the load is not %s after %s: %s", fault.ErrUnreachable, phases[0], within, why)
		}
	}
}

// conditionOf says what a pod waits for or failed of.
func conditionOf(pod *corev1.Pod) string {
	said := []string{string(pod.Status.Phase)}
	for _, s := range pod.Status.ContainerStatuses {
		if w := s.State.Waiting; w != nil {
			said = append(said, w.Reason, w.Message)
		}
		if t := s.State.Terminated; t != nil {
			said = append(said, t.Reason, fmt.Sprintf("exit code %d", t.ExitCode), t.Message)
		}
	}
	for _, c := range pod.Status.Conditions {
		if c.Status == corev1.ConditionFalse {
			said = append(said, c.Reason, c.Message)
		}
	}
	said = append(said, pod.Status.Reason, pod.Status.Message)
	return strings.Join(slices.DeleteFunc(said, func(s string) bool { return s == "" }), ", ")
}

func startedAt(pod *corev1.Pod) time.Time {
	for _, s := range pod.Status.ContainerStatuses {
		if t := s.State.Terminated; t != nil {
			return t.StartedAt.Time
		}
	}
	return time.Time{}
}

// readLoad reads what the load printed at its end.
func (c *Connection) readLoad(ctx context.Context, pod *corev1.Pod) (LoadSent, error) {
	stream, err := c.Kubernetes.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{Container: loadTestName}).Stream(ctx)
	if err != nil {
		return LoadSent{}, fmt.Errorf("%w: read the log of the load: %w", fault.ErrUnreachable, err)
	}
	defer stream.Close()
	text, err := io.ReadAll(io.LimitReader(stream, maxLoadLog))
	if err != nil {
		return LoadSent{}, fmt.Errorf("%w: read the log of the load: %w", fault.ErrUnreachable, err)
	}
	return decodeLoad(text)
}

// decodeLoad finds the totals among the lines of a log: the last line of JSON with them. The
// load logs them, too, with a message; the order of both is that of two streams.
func decodeLoad(log []byte) (LoadSent, error) {
	var last *rawLoad
	for line := range strings.Lines(string(log)) {
		var r rawLoad
		if json.Unmarshal([]byte(line), &r) == nil && r.Scheduled != nil && r.Message == nil {
			last = &r
		}
	}
	switch {
	case last == nil:
		return LoadSent{}, fmt.Errorf("%w: the load ended without saying what it saw", fault.ErrUnreachable)
	case last.P99 == nil || last.LagP99 == nil || last.P50 == nil:
		return LoadSent{}, fmt.Errorf("%w: the load generator's image is of an earlier version, which does not say how late it sent; deploy this version first", fault.ErrUnreachable)
	}
	seconds := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	return LoadSent{Success: last.Success, Errors: last.Errors, P50: seconds(*last.P50), P99: seconds(*last.P99), LagP99: seconds(*last.LagP99)}, nil
}

type rawLoad struct {
	Message   *string  `json:"msg"`
	Scheduled *uint64  `json:"scheduled"`
	Success   uint64   `json:"success"`
	Errors    uint64   `json:"errors"`
	P50       *float64 `json:"p50Seconds"`
	P99       *float64 `json:"p99Seconds"`
	LagP99    *float64 `json:"lagP99Seconds"`
}

// ReadyPods counts the pods that the Deployments of a namespace have ready and want, without
// the load generator's.
func (c *Connection) ReadyPods(ctx context.Context, namespace string) (ready, wanted int, err error) {
	found, err := c.Kubernetes.AppsV1().Deployments(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return 0, 0, fmt.Errorf("%w: %w", fault.ErrUnreachable, err)
	}
	found.Items = slices.DeleteFunc(found.Items, func(d appsv1.Deployment) bool { return d.Labels[nameLabel] == watchedByProbe })
	if len(found.Items) == 0 {
		return 0, 0, fmt.Errorf("%w: namespace %s has no Deployment", fault.ErrUnreachable, namespace)
	}
	for _, d := range found.Items {
		ready += int(d.Status.ReadyReplicas)
		wanted += int(d.Status.Replicas)
	}
	return ready, wanted, nil
}
