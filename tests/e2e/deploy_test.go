//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// The files of the checkout that tests change.
const (
	monitorFile       = "platform/argocd/environments/sandbox/monitor.yaml"
	probeFile         = "platform/argocd/environments/sandbox/probe.yaml"
	workloadFile      = "platform/helm/monitor/templates/workload.yaml"
	observabilityFile = "platform/argocd/environments/sandbox/observability.yaml"
)

// edit replaces a text in a file of the checkout, which has to be there once.
func (c *checkout) edit(t *testing.T, path, old, replacement string) {
	t.Helper()
	file := filepath.Join(c.dir, path)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), old); n != 1 {
		t.Fatalf("%s holds %q %d times, want it once: the test has to follow the file", path, old, n)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), old, replacement, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// values adds lines to the values of the monitor's application.
func (c *checkout) values(t *testing.T, lines ...string) {
	t.Helper()
	const before = "        valuesObject:\n"
	c.edit(t, monitorFile, before, before+"          "+strings.Join(lines, "\n          ")+"\n")
}

// push commits what was changed and pushes it: the deploy. It returns the commit, and
// what the cluster answered.
func (c *checkout) push(ctx context.Context, t *testing.T, message string) (commit, answer string) {
	t.Helper()
	for _, args := range [][]string{{"add", "--all"}, {"commit", "--quiet", "--message", message}} {
		if _, err := c.git(ctx, args...); err != nil {
			t.Fatal(err)
		}
	}
	commit, err := c.git(ctx, "rev-parse", "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	answer, err = c.git(ctx, "push", c.remote, "HEAD:main")
	if err != nil {
		t.Fatal(err)
	}
	return commit, answer
}

// restore pushes what was there before any test, unless that is there, and waits
// until it runs.
func (c *checkout) restore(ctx context.Context, t *testing.T) {
	t.Helper()
	if _, err := c.git(ctx, "read-tree", "--reset", "-u", c.base); err != nil {
		t.Fatal(err)
	}
	if _, err := c.git(ctx, "clean", "-fdxq"); err != nil {
		t.Fatal(err)
	}
	changed, err := c.git(ctx, "diff", "--name-only", "--cached", "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	if changed == "" {
		return
	}
	commit, _ := c.push(ctx, t, "Go back to what was")
	awaitDeployed(ctx, t, commit, 3*time.Minute)
}

// owed restores at the end of a test, whether it passed or not.
func (c *checkout) owed(ctx context.Context, t *testing.T) {
	t.Helper()
	t.Cleanup(func() { c.restore(context.WithoutCancel(ctx), t) })
}

// mark changes the program of the monitor so that this version answers with its name.
func (c *checkout) mark(t *testing.T, version string) {
	t.Helper()
	const code = "c.JSON(http.StatusOK, a.cfg.Build)"
	c.edit(t, "src/monitor/internal/httpapi/version.go", code,
		fmt.Sprintf("v := struct {\n\t\tBuild\n\t\tMark string `json:\"mark\"`\n\t}{a.cfg.Build, %q}\n\tc.JSON(http.StatusOK, v)", version))
}

// awaitMark blocks until clients are served by the version of that name.
func awaitMark(ctx context.Context, t *testing.T, version string, since time.Time, within time.Duration) time.Duration {
	t.Helper()
	await(ctx, t, within, "version "+version+" to serve", func(ctx context.Context) (bool, string) {
		body, err := ask(ctx, monitorNamespace, "monitor:http", "version")
		return err == nil && strings.Contains(string(body), `"mark":"`+version+`"`), seeing(err, string(body))
	})
	return time.Since(since)
}

// pushesServing is how many pushes serve, and healed how often Argo CD healed the monitor, as
// Prometheus has it of the repositories of the tests' own cluster.
func pushesServing(ctx context.Context, t *testing.T) float64 {
	t.Helper()
	return counted(ctx, t, `ballast_pushes_total{outcome="serving"}`)
}

func healed(ctx context.Context, t *testing.T) float64 {
	t.Helper()
	return counted(ctx, t, `ballast_drift_healed_total{application="monitor"}`)
}

// counted is the value of a counter in the cluster's Prometheus.
func counted(ctx context.Context, t *testing.T, counter string) float64 {
	t.Helper()
	var answer struct{ Result []struct{ Value [2]any } }
	if err := prometheus(ctx, "query", &answer, "query", counter); err != nil {
		t.Fatal(err)
	}
	if len(answer.Result) == 0 {
		return 0 // not scraped yet
	}
	n, err := strconv.ParseFloat(fmt.Sprint(answer.Result[0].Value[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestPushDeploys measures the way from `git push` to what clients get.
func TestPushDeploys(t *testing.T) {
	skipUnless(t, on.deploys != nil, "somewhere to push to: -remote")
	version := random("v")
	feature(t, "git push deploys",
		check{"a push that changes the program is built, and serves", func(ctx context.Context, t *testing.T) {
			on.deploys.mark(t, version)
			before := pushesServing(ctx, t)
			began := time.Now()
			commit, answer := on.deploys.push(ctx, t, "Change the program")
			pushed := time.Since(began)
			serving := awaitMark(ctx, t, version, began, time.Minute)
			awaitDeployed(ctx, t, commit, time.Minute)
			t.Logf("git push returned after %.1f s, rolled out after %.1f s", pushed.Seconds(), time.Since(began).Seconds())
			figure(t, "push with a build until the new version serves", serving.Seconds(), 45, "s")
			if !strings.Contains(answer, "monitor: sha256:") {
				t.Errorf("git push does not show the image's digest: %s", answer)
			}
			if on.own != nil {
				await(ctx, t, time.Minute, "the repositories to say that the push serves", func(ctx context.Context) (bool, string) {
					now := pushesServing(ctx, t)
					return now > before, fmt.Sprintf("%g pushes serve, %g before", now, before)
				})
			}
		}},
		check{"what runs is the digest that the builder recorded", func(ctx context.Context, t *testing.T) {
			ref := imageOf(ctx, t, "monitor")
			_, digest, pinned := strings.Cut(ref, "@")
			if !pinned {
				t.Fatalf("the monitor's image is %s, want one by digest", ref)
			}
			for _, p := range pods(ctx, t, monitorNamespace, monitorPods) {
				if got := p.Status.ContainerStatuses[0].ImageID; !strings.HasSuffix(got, digest) {
					t.Errorf("pod %s runs %s, want %s", p.Name, got, digest)
				}
			}
		}},
		check{"a push that changes no program serves, also when it comes right after another", func(ctx context.Context, t *testing.T) {
			const times = 3
			var served []time.Duration
			for i := range times {
				stamp := fmt.Sprintf("%s-%d", version, i)
				on.deploys.restoreFile(ctx, t, monitorFile)
				on.deploys.values(t, fmt.Sprintf("podAnnotations: {ballast.dev/stamp: %s}", stamp))
				began := time.Now()
				commit, _ := on.deploys.push(ctx, t, "Change the environment")
				pushed := time.Since(began)
				await(ctx, t, time.Minute, "a ready pod of the new revision", func(ctx context.Context) (bool, string) {
					var seen []string
					for _, p := range pods(ctx, t, monitorNamespace, monitorPods) {
						if p.Annotations["ballast.dev/stamp"] == stamp && ready(p) {
							return true, ""
						}
						seen = append(seen, p.Name+"="+p.Annotations["ballast.dev/stamp"])
					}
					return false, strings.Join(seen, ", ")
				})
				serving := time.Since(began)
				awaitDeployed(ctx, t, commit, time.Minute)
				t.Logf("git push returned after %.1f s, served after %.1f s, rolled out after %.1f s", pushed.Seconds(), serving.Seconds(), time.Since(began).Seconds())
				served = append(served, serving)
			}
			starts := podStarts(ctx, t, 5)
			slices.Sort(served)
			slices.Sort(starts)
			t.Logf("%s and %s are the medians of pushes and of starts of a pod", served[len(served)/2], starts[len(starts)/2])
			figure(t, "the median push with the image there until the new version serves, compared with the start of a pod",
				served[len(served)/2].Seconds()/starts[len(starts)/2].Seconds(), 6, "times")
		}},
		check{"going back is a push, too", func(ctx context.Context, t *testing.T) { on.deploys.restore(ctx, t) }},
	)
}

// restoreFile makes one file what it was before any test.
func (c *checkout) restoreFile(ctx context.Context, t *testing.T, path string) {
	t.Helper()
	if _, err := c.git(ctx, "checkout", "--quiet", c.base, "--", path); err != nil {
		t.Fatal(err)
	}
}

// tally is what the probe has counted up to now; it runs as long as the platform.
type tally struct {
	success, lost float64
	unsent        float64 // by the probe itself, which did not come to it in time
}

func probed(ctx context.Context, t *testing.T) tally {
	t.Helper()
	text, err := ask(ctx, monitorNamespace, "probe:metrics", "metrics")
	if err != nil {
		t.Fatal(err)
	}
	var c tally
	for line := range strings.Lines(string(text)) {
		var value float64
		if _, err := fmt.Sscanf(line, `probe_requests_total{outcome="success",probe="monitor"} %g`, &value); err == nil {
			c.success = value
		}
		if _, err := fmt.Sscanf(line, `probe_requests_total{outcome="error",probe="monitor"} %g`, &value); err == nil {
			c.lost += value
		}
		if _, err := fmt.Sscanf(line, `probe_request_failures_total{probe="monitor",reason="unsent"} %g`, &value); err == nil {
			c.unsent = value
		}
	}
	if c.success == 0 {
		t.Fatalf("the probe counts no success:\n%s", text)
	}
	c.lost -= c.unsent
	return c
}

func (c tally) since(before tally) tally {
	return tally{c.success - before.success, c.lost - before.lost, c.unsent - before.unsent}
}

// heal changes by hand how many replicas the monitor has, and returns how long it took
// until they were again what git says.
func heal(ctx context.Context, t *testing.T) time.Duration {
	t.Helper()
	scale, err := on.AppsV1().Deployments(monitorNamespace).GetScale(ctx, "monitor", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := scale.Spec.Replicas
	patch := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, want+1)
	began := time.Now()
	if _, err := on.AppsV1().Deployments(monitorNamespace).Patch(ctx, "monitor", types.MergePatchType, patch, metav1.PatchOptions{}, "scale"); err != nil {
		t.Fatal(err)
	}
	await(ctx, t, 30*time.Second, "the replicas that git says", func(ctx context.Context) (bool, string) {
		s, err := on.AppsV1().Deployments(monitorNamespace).GetScale(ctx, "monitor", metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		return s.Spec.Replicas == want, fmt.Sprintf("%d replicas", s.Spec.Replicas)
	})
	took := time.Since(began)
	t.Logf("healed after %.2f s", took.Seconds())
	return took
}

// podStarts are how long pods take to run, one after another, each while the one before it
// goes: what the same machine does through the same API server without Argo CD.
func podStarts(ctx context.Context, t *testing.T, times int) []time.Duration {
	t.Helper()
	ref, ns := imageOf(ctx, t, "monitor"), namespace(ctx, t)
	var all []time.Duration
	for range times {
		pod := hardened(random("start"), ref, "--listen=127.0.0.1:8080")
		began := time.Now()
		start(ctx, t, ns, pod)
		awaitPhase(ctx, t, ns, pod.Name, 30*time.Second, corev1.PodRunning)
		all = append(all, time.Since(began))
		if err := on.CoreV1().Pods(ns).Delete(ctx, pod.Name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// TestDriftIsHealed changes by hand what git says, ten times in a row.
func TestDriftIsHealed(t *testing.T) {
	feature(t, "drift",
		check{"is healed, also the tenth time in a row", func(ctx context.Context, t *testing.T) {
			const times = 10
			before := healed(ctx, t)
			var heals []time.Duration
			for range times {
				heals = append(heals, heal(ctx, t))
			}
			if on.own != nil {
				await(ctx, t, time.Minute, fmt.Sprintf("the repositories to have counted %d heals", times), func(ctx context.Context) (bool, string) {
					n := healed(ctx, t) - before
					return n >= times, fmt.Sprintf("%g", n)
				})
			}
			starts := podStarts(ctx, t, times)
			// Each heal but the first meets the pods that the one before it starts and stops.
			slices.Sort(heals)
			slices.Sort(starts)
			t.Logf("%s and %s are the medians of heals and of starts of a pod", heals[times/2], starts[times/2])
			figure(t, "the median heal of drift, compared with the start of a pod", heals[times/2].Seconds()/starts[times/2].Seconds(), 2, "times")
			// One that waits before it tries again would wait longer each time.
			figure(t, fmt.Sprintf("the slowest of %d heals of drift in a row", times), heals[times-1].Seconds(), 10, "s")
		}},
		check{"is healed after the cluster was brought up again, which changes no setting", func(ctx context.Context, t *testing.T) {
			skipUnless(t, on.own != nil, "a cluster that this run brought up")
			settings := func() string {
				s, err := on.CoreV1().ConfigMaps(argoNamespace).Get(ctx, "argocd-cm", metav1.GetOptions{})
				if err != nil {
					t.Fatal(err)
				}
				return s.ResourceVersion
			}
			before := settings()
			if _, err := on.own.Create(ctx); err != nil {
				t.Fatal(err)
			}
			if after := settings(); after != before {
				t.Errorf("Argo CD's settings are version %s now, and were %s", after, before)
			}
			heal(ctx, t)
		}},
		check{"what was deleted comes back", func(ctx context.Context, t *testing.T) {
			began := time.Now()
			if err := on.CoreV1().Services(monitorNamespace).Delete(ctx, "monitor", metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			await(ctx, t, 30*time.Second, "the service", func(ctx context.Context) (bool, string) {
				_, err := on.CoreV1().Services(monitorNamespace).Get(ctx, "monitor", metav1.GetOptions{})
				return err == nil, seeing(err, "it is there")
			})
			figure(t, "a deleted service is back", time.Since(began).Seconds(), 2, "s")
			awaitPods(ctx, t, monitorNamespace, monitorPods, 3)
		}},
	)
}
