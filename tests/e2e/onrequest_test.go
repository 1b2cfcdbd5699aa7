//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	requestFile   = "platform/argocd/on-request/experiments.yaml"
	requestTarget = "platform/argocd/environments/sandbox/experiments.yaml"
	requestApp    = "experiments"
)

// experimentJobs are the Jobs of the chart experiments.
func experimentJobs(ctx context.Context, t *testing.T) []batchv1.Job {
	t.Helper()
	list, err := on.BatchV1().Jobs(chaosNamespace).List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=ballast-experiments"})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// TestExperimentsOfAPush asks for experiments on a push. Their Prometheus does not answer, so
// they cannot be judged: nothing is injected, and the test takes seconds.
func TestExperimentsOfAPush(t *testing.T) {
	skipUnless(t, on.deploys != nil, "somewhere to push to: -remote")
	on.deploys.owed(t.Context(), t)
	var commit string
	feature(t, "experiments as part of a push",
		check{"are a Job of that push, which says with which exit code it failed, once", func(ctx context.Context, t *testing.T) {
			text, err := os.ReadFile(filepath.Join(on.deploys.dir, requestFile))
			if err != nil {
				t.Fatal(err)
			}
			on.deploys.addTenant(t, requestTarget, text)
			const list = "          experiments: [monitor-pod-kill]\n"
			on.deploys.edit(t, requestTarget, list, list+"          prometheus: {url: 'http://127.0.0.1:1'}\n")
			commit, _ = on.deploys.push(ctx, t, "Ask for experiments")
			var said string
			took := await(ctx, t, 3*time.Minute, "the Job to fail", func(ctx context.Context) (bool, string) {
				var seen []string
				for _, j := range experimentJobs(ctx, t) {
					for _, c := range j.Status.Conditions {
						if c.Type == batchv1.JobFailed && c.Status == corev1.ConditionTrue {
							said = c.Message
						}
						seen = append(seen, fmt.Sprintf("%s: %s: %s", j.Name, c.Type, c.Message))
					}
				}
				return said != "", strings.Join(seen, "; ")
			})
			t.Logf("failed after %.1f s: %s", took.Seconds(), said)
			if !strings.Contains(said, "exit code 3 ") {
				t.Errorf("it says %q, want that it could not be judged: exit code 3", said)
			}
			jobs := experimentJobs(ctx, t)
			if len(jobs) != 1 || !strings.HasSuffix(jobs[0].Name, "-"+commit[:12]) || jobs[0].Status.Failed != 1 {
				t.Errorf("want one Job that is named by %s and has failed once; there are %d: %v", commit[:12], len(jobs), jobs)
			}
			await(ctx, t, time.Minute, "the application to be degraded", func(ctx context.Context) (bool, string) {
				a, err := applicationOf(ctx, requestApp)
				return err == nil && degraded(a), seeing(err, a.String())
			})
		}},
		check{"hold up no later push, and go when their file goes", func(ctx context.Context, t *testing.T) {
			if err := os.Remove(filepath.Join(on.deploys.dir, requestTarget)); err != nil {
				t.Fatal(err)
			}
			later, _ := on.deploys.push(ctx, t, "Ask for none")
			awaitDeployed(ctx, t, later, 2*time.Minute)
			await(ctx, t, time.Minute, "the Job to go", func(ctx context.Context) (bool, string) {
				jobs := experimentJobs(ctx, t)
				return len(jobs) == 0, fmt.Sprintf("%d Jobs", len(jobs))
			})
		}},
	)
}
