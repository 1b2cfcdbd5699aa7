//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"

	"github.com/ballast-sre/ballast/internal/image"
)

// Where the platform keeps its parts.
const (
	monitorNamespace       = "monitor"
	observabilityNamespace = "observability"
	chaosNamespace         = "chaos-testing"
	argoNamespace          = "argocd"
	monitorPods            = "app.kubernetes.io/name=monitor,app.kubernetes.io/instance=monitor"
)

// namespace makes a namespace that ends with the test.
func namespace(ctx context.Context, t *testing.T) string {
	t.Helper()
	name := random("e2e")
	_, err := on.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(ctx)
		if err := on.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			t.Errorf("remove namespace %s: %v", name, err)
		}
	})
	return name
}

// pods are those of a namespace that are not on their way out.
func pods(ctx context.Context, t testing.TB, ns, selector string) []corev1.Pod {
	t.Helper()
	list, err := on.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(list.Items, func(p corev1.Pod) bool { return p.DeletionTimestamp != nil })
}

func ready(p corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

func namesOf(pods []corev1.Pod) []string {
	var names []string
	for _, p := range pods {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return names
}

// awaitPods blocks until there are exactly so many pods and all are ready.
func awaitPods(ctx context.Context, t *testing.T, ns, selector string, want int) {
	t.Helper()
	// A node starts a pod in a second or two, one after another.
	within := max(time.Minute, time.Duration(want)*5*time.Second)
	await(ctx, t, within, fmt.Sprintf("%d ready pods of %s", want, selector), func(ctx context.Context) (bool, string) {
		all := pods(ctx, t, ns, selector)
		var seen []string
		fine := len(all) == want
		for _, p := range all {
			fine = fine && ready(p)
			seen = append(seen, fmt.Sprintf("%s %s ready=%t", p.Name, p.Status.Phase, ready(p)))
		}
		return fine, strings.Join(seen, ", ")
	})
}

// execute runs a command in a container.
func execute(ctx context.Context, ns, pod, container string, command ...string) (string, error) {
	req := on.CoreV1().RESTClient().Post().Resource("pods").Namespace(ns).Name(pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: container, Command: command, Stdout: true, Stderr: true}, scheme.ParameterCodec)
	run, err := remotecommand.NewSPDYExecutor(on.config, "POST", req.URL())
	if err != nil {
		return "", err
	}
	var out, complaint bytes.Buffer
	if err := run.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: &out, Stderr: &complaint}); err != nil {
		return out.String(), fmt.Errorf("%w: %s", err, lastLine(complaint.String()))
	}
	return out.String(), nil
}

// logsOf is what a pod wrote until now.
func logsOf(ctx context.Context, ns, pod string) (string, error) {
	stream, err := on.CoreV1().Pods(ns).GetLogs(pod, &corev1.PodLogOptions{}).Stream(ctx)
	if err != nil {
		return "", err
	}
	defer stream.Close()
	text, err := io.ReadAll(stream)
	return string(text), err
}

// beside runs a command beside the processes of a pod's node, with root's rights there:
// in the daemon of Chaos Mesh, which is privileged and sees every process.
func beside(ctx context.Context, t *testing.T, pod corev1.Pod, command ...string) (string, error) {
	t.Helper()
	return execute(ctx, chaosNamespace, daemonOf(ctx, t, pod), "chaos-daemon", command...)
}

// daemonOf is the daemon of Chaos Mesh on a pod's node.
func daemonOf(ctx context.Context, t *testing.T, pod corev1.Pod) string {
	t.Helper()
	daemons := pods(ctx, t, chaosNamespace, "app.kubernetes.io/component=chaos-daemon")
	i := slices.IndexFunc(daemons, func(d corev1.Pod) bool { return d.Spec.NodeName == pod.Spec.NodeName })
	if i < 0 {
		t.Fatalf("there is no daemon of Chaos Mesh on node %s", pod.Spec.NodeName)
	}
	return daemons[i].Name
}

// Custom resources, as the dynamic client names them.
func argoResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "applications"}
}

func chaosResource(kind string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "chaos-mesh.org", Version: "v1alpha1", Resource: strings.ToLower(kind)}
}

// field is a text somewhere in an object, empty when there is none.
func field(object *unstructured.Unstructured, path ...string) string {
	text, _, _ := unstructured.NestedString(object.Object, path...) // of another type is as good as absent
	return text
}

// hardened is what a pod of a test runs as: no more than the platform's own.
func hardened(name, ref string, args ...string) *corev1.Pod {
	yes, no, user := true, false, int64(image.Nobody)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": name}},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever, AutomountServiceAccountToken: &no, EnableServiceLinks: &no, TerminationGracePeriodSeconds: new(int64),
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: &yes, RunAsUser: &user, RunAsGroup: &user, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name: "main", Image: ref, Args: args,
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		},
	}
}

// start creates a pod that ends with the test.
func start(ctx context.Context, t *testing.T, ns string, pod *corev1.Pod) {
	t.Helper()
	if _, err := on.CoreV1().Pods(ns).Create(ctx, pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := on.CoreV1().Pods(ns).Delete(context.WithoutCancel(ctx), pod.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			t.Errorf("remove pod %s: %v", pod.Name, err)
		}
	})
}

// awaitGone blocks until none of these pods is there, not even on its way out.
func awaitGone(ctx context.Context, t *testing.T, ns string, names []string) {
	t.Helper()
	await(ctx, t, time.Minute, fmt.Sprintf("%s to be gone", strings.Join(names, ", ")), func(ctx context.Context) (bool, string) {
		list, err := on.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err.Error()
		}
		left := slices.DeleteFunc(namesOf(list.Items), func(name string) bool { return !slices.Contains(names, name) })
		return len(left) == 0, strings.Join(left, ", ")
	})
}

// awaitPhase blocks until a pod is where it should be.
func awaitPhase(ctx context.Context, t *testing.T, ns, pod string, within time.Duration, want ...corev1.PodPhase) corev1.PodPhase {
	t.Helper()
	var phase corev1.PodPhase
	await(ctx, t, within, fmt.Sprintf("pod %s to be %v", pod, want), func(ctx context.Context) (bool, string) {
		p, err := on.CoreV1().Pods(ns).Get(ctx, pod, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		phase = p.Status.Phase
		seen := string(phase)
		for _, s := range p.Status.ContainerStatuses {
			if s.State.Waiting != nil {
				seen += ": " + s.State.Waiting.Reason + ": " + s.State.Waiting.Message
			}
		}
		return slices.Contains(want, phase), seen
	})
	return phase
}

// receiver makes the image of the program that stands at the other end, puts it onto
// the cluster and returns its name.
func receiver(ctx context.Context, t *testing.T) string {
	t.Helper()
	skipUnless(t, on.own != nil, "a cluster that images can be loaded onto; -kubeconfig names one that was there before")
	dir := t.TempDir()
	bin := filepath.Join(dir, "receiver")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", bin, "./receiver")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the receiver: %v: %s", err, out)
	}
	files, err := image.Files(append(image.Accounts(), image.Program(bin, "/receiver"))...)
	if err != nil {
		t.Fatal(err)
	}
	img, err := image.Build(image.Config{Arch: runtime.GOARCH, Entrypoint: []string{"/receiver"}, User: fmt.Sprint(image.Nobody)}, files)
	if err != nil {
		t.Fatal(err)
	}
	layout := filepath.Join(dir, "layout")
	if err := image.SaveLayout(img, layout); err != nil {
		t.Fatal(err)
	}
	ref := "ballast/receiver:" + random("e2e")
	if err := on.own.LoadImage(ctx, layout, ref); err != nil {
		t.Fatal(err)
	}
	return ref
}

// imageOf is the image that a deployment beside the monitor runs, by digest.
func imageOf(ctx context.Context, t *testing.T, deployment string) string {
	t.Helper()
	d, err := on.AppsV1().Deployments(monitorNamespace).Get(ctx, deployment, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return d.Spec.Template.Spec.Containers[0].Image
}
