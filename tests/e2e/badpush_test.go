//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestBadPush pushes what cannot work, in three ways: what runs goes on, and Argo CD
// reports the mistake. The wave after the monitor's waits. The next push mends each, and
// is not held up by that wait.
func TestBadPush(t *testing.T) {
	skipUnless(t, on.deploys != nil, "somewhere to push to: -remote")
	const nowhere = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	for _, bad := range []struct {
		name, file string
		change     func(t *testing.T)
		// says is what Argo CD shows then.
		says func(a application) bool
	}{
		{"a chart that does not render", monitorFile, func(t *testing.T) { on.deploys.values(t, "mode: neither") }, func(a application) bool {
			return slices.ContainsFunc(a.messages, func(m string) bool {
				return strings.HasPrefix(m, "ComparisonError") && strings.Contains(m, "mode")
			})
		}},
		{"an image that does not exist", monitorFile, func(t *testing.T) {
			on.deploys.values(t, "image: {digest: '"+nowhere+"'}")
		}, degraded},
		{"pods that never become ready", workloadFile, func(t *testing.T) {
			on.deploys.edit(t, workloadFile, "path: /readyz", "path: /nobody-is-here")
		}, degraded},
	} {
		t.Run(strings.ReplaceAll(bad.name, " ", "-"), func(t *testing.T) {
			feature(t, bad.name,
				check{"is said, and what ran goes on serving", func(ctx context.Context, t *testing.T) {
					on.deploys.owed(ctx, t)
					before := imageOf(ctx, t, "monitor")
					began := time.Now()
					awaitPods(ctx, t, monitorNamespace, "app.kubernetes.io/name=probe", 1)
					counted := probed(ctx, t)
					bad.change(t)
					stamp := random("probe")
					on.deploys.edit(t, probeFile, "  project: monitor\n", "  project: monitor\n  info: [{name: stamp, value: "+stamp+"}]\n")
					on.deploys.push(ctx, t, "Push "+bad.name)
					took := await(ctx, t, 2*time.Minute, "Argo CD to say what is wrong", func(ctx context.Context) (bool, string) {
						a, err := applicationOf(ctx, "monitor")
						return err == nil && bad.says(a), seeing(err, a.String())
					})
					a, err := applicationOf(ctx, "monitor")
					if err != nil {
						t.Fatal(err)
					}
					t.Logf("said after %.1f s: %s", took.Seconds(), a)
					record(ctx, t, strings.ReplaceAll(bad.name, " ", "-"), "argocd")
					serving := slices.DeleteFunc(pods(ctx, t, monitorNamespace, monitorPods), func(p corev1.Pod) bool { return !ready(p) })
					if len(serving) != 3 {
						t.Errorf("%d pods serve, want the 3 that did before", len(serving))
					}
					for _, p := range serving {
						if p.Spec.Containers[0].Image != before {
							t.Errorf("pod %s serves %s, want %s as before", p.Name, p.Spec.Containers[0].Image, before)
						}
					}
					got := probed(ctx, t).since(counted)
					sendLag(ctx, t, began)
					if got.lost != 0 || got.success == 0 || got.unsent > 0.05*got.success {
						t.Errorf("meanwhile %g requests failed, %g succeeded and %g were not sent in time, want none, many and few", got.lost, got.success, got.unsent)
					}
					if stamped(ctx, t, "probe", stamp) {
						t.Error("the probe is in the wave after the monitor's, and was changed before that was healthy")
					}
					mended := time.Now()
					on.deploys.restoreFile(ctx, t, bad.file)
					commit, _ := on.deploys.push(ctx, t, "Mend it")
					awaitDeployed(ctx, t, commit, 2*time.Minute)
					figure(t, "push that mends it until it is what runs", time.Since(mended).Seconds(), 90, "s")
					if !stamped(ctx, t, "probe", stamp) {
						t.Error("the probe was not changed when the monitor was mended")
					}
				}},
			)
		})
	}
}

// stamped says whether an application has the stamp among what it says of itself.
func stamped(ctx context.Context, t *testing.T, name, stamp string) bool {
	t.Helper()
	object, err := on.dynamic.Resource(argoResource()).Namespace(argoNamespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	info, _, err := unstructured.NestedSlice(object.Object, "spec", "info")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(fmt.Sprint(info), stamp)
}

func degraded(a application) bool { return a.health == "Degraded" }

// TestProgramThatDoesNotBuild: git push shows the compiler's error, and nothing moves.
func TestProgramThatDoesNotBuild(t *testing.T) {
	skipUnless(t, on.deploys != nil, "somewhere to push to: -remote")
	feature(t, "a program that does not build",
		check{"the pusher sees what the compiler says, and what ran stays", func(ctx context.Context, t *testing.T) {
			on.deploys.owed(ctx, t)
			before := imageOf(ctx, t, "monitor")
			on.deploys.edit(t, "src/monitor/internal/httpapi/version.go", "c.JSON(http.StatusOK, a.cfg.Build)", "c.JSON(http.StatusOK, a.cfg.Bulid)")
			_, answer := on.deploys.push(ctx, t, "Break the program")
			if !strings.Contains(answer, "a.cfg.Bulid undefined") || !strings.Contains(answer, "what runs stays") {
				t.Errorf("git push shows:\n%s\nwant the compiler's line and that what runs stays", answer)
			}
			if after := imageOf(ctx, t, "monitor"); after != before {
				t.Errorf("the monitor runs %s, want %s as before", after, before)
			}
		}},
	)
}
