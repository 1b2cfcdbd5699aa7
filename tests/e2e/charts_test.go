//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// helm runs Helm as its user does: the one that fits the cluster, or the PATH's.
func helm(ctx context.Context, t *testing.T, args ...string) error {
	t.Helper()
	program, err := exec.LookPath("helm")
	if on.own != nil {
		for _, dir := range filepath.SplitList(on.own.path) {
			if path := filepath.Join(dir, "helm"); exists(path) {
				program, err = path, nil
			}
		}
	}
	if err != nil {
		t.Skipf("this needs helm on the PATH: %v", err)
	}
	home := t.TempDir() // nobody's settings but ours
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+testenv.EnvConf().KubeconfigFile(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("helm %s: %w: %s", args[0], err, out.String())
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// release is a chart that a test installs beside the platform, under a name of its own.
type release struct{ name, namespace string }

func (r release) flags(ctx context.Context, t *testing.T, sets ...string) []string {
	t.Helper()
	repository, digest, _ := strings.Cut(imageOf(ctx, t, "monitor"), "@")
	testRepository, testDigest, _ := strings.Cut(imageOf(ctx, t, "probe"), "@")
	args := []string{
		"--namespace=" + r.namespace, "--wait", "--timeout=2m",
		"--set=image.repository=" + repository, "--set=image.digest=" + digest,
		"--set=test.image.repository=" + testRepository, "--set=test.image.digest=" + testDigest,
	}
	for _, set := range sets {
		args = append(args, "--set="+set)
	}
	return args
}

// install installs a chart in a namespace of the test's own.
func install(ctx context.Context, t *testing.T, chart string, sets ...string) release {
	t.Helper()
	r := release{random("m"), namespace(ctx, t)}
	if err := helm(ctx, t, append([]string{"install", r.name, chart, "--set=fullnameOverride=" + r.name}, r.flags(ctx, t, sets...)...)...); err != nil {
		t.Fatal(err)
	}
	return r
}

const monitorChart = "../../platform/helm/monitor"

// TestSplit: four services, each with its own collector.
func TestSplit(t *testing.T) {
	collectors := []string{"cpu", "memory", "disk", "network"}
	r := install(t.Context(), t, monitorChart, "mode=split", "replicas=1")
	feature(t, "four services",
		check{"answer each for its own collector, and for no other", func(ctx context.Context, t *testing.T) {
			for _, service := range collectors {
				for _, collector := range collectors {
					text, err := ask(ctx, r.namespace, r.name+"-"+service+":http", "api/v1/"+collector)
					if (err == nil) != (service == collector) {
						t.Errorf("service %s asked for %s: %v %s", service, collector, err, text)
					}
				}
			}
		}},
		check{"are scraped as the one is, under the job that the rules select", func(ctx context.Context, t *testing.T) {
			await(ctx, t, time.Minute, "four targets of job monitor", func(ctx context.Context) (bool, string) {
				var answer struct {
					Result []struct{ Metric map[string]string }
				}
				err := prometheus(ctx, "query", &answer, "query", fmt.Sprintf(`up{job="monitor",namespace=%q} == 1`, r.namespace))
				return err == nil && len(answer.Result) == len(collectors), seeing(err, fmt.Sprint(answer.Result))
			})
		}},
		check{"pass helm test, which asks all four", func(ctx context.Context, t *testing.T) {
			if err := helm(ctx, t, "test", r.name, "--namespace="+r.namespace, "--timeout=2m"); err != nil {
				t.Error(err)
			}
		}},
		check{"fail helm test when one of them serves nobody", func(ctx context.Context, t *testing.T) {
			scale, err := on.AppsV1().Deployments(r.namespace).GetScale(ctx, r.name+"-disk", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			scale.Spec.Replicas = 0
			if _, err := on.AppsV1().Deployments(r.namespace).UpdateScale(ctx, r.name+"-disk", scale, metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
			awaitPods(ctx, t, r.namespace, "app.kubernetes.io/component=disk", 0)
			if err := helm(ctx, t, "test", r.name, "--namespace="+r.namespace, "--timeout=2m"); err == nil {
				t.Error("helm test passes although the disk service has no pod")
			}
		}},
	)
}

// TestAutoscaling: replicas follow the load, up and down again.
func TestAutoscaling(t *testing.T) {
	feature(t, "the autoscaler",
		check{"adds replicas under load, and takes them away after it", func(ctx context.Context, t *testing.T) {
			r := install(ctx, t, monitorChart,
				"autoscaling.enabled=true", "autoscaling.minReplicas=1", "autoscaling.maxReplicas=3", "autoscaling.targetCPUUtilization=100",
				"autoscaling.behavior.scaleDown.stabilizationWindowSeconds=10", "resources.requests.cpu=20m",
				"autoscaling.behavior.scaleDown.policies[0].periodSeconds=5", "autoscaling.behavior.scaleDown.policies[0].type=Pods", "autoscaling.behavior.scaleDown.policies[0].value=2")
			replicas := func(ctx context.Context) (int32, string) {
				h, err := on.AutoscalingV2().HorizontalPodAutoscalers(r.namespace).Get(ctx, r.name, metav1.GetOptions{})
				if err != nil {
					return 0, err.Error()
				}
				return h.Status.CurrentReplicas, fmt.Sprintf("%d replicas, %d desired, metrics %+v, conditions %+v", h.Status.CurrentReplicas, h.Status.DesiredReplicas, h.Status.CurrentMetrics, h.Status.Conditions)
			}
			g := load(ctx, t, r.namespace, fmt.Sprintf("http://%s.%s.svc.cluster.local/api/v1/cpu", r.name, r.namespace), pace{400, time.Minute})
			up := await(ctx, t, 2*time.Minute, "more replicas under load", func(ctx context.Context) (bool, string) {
				n, seen := replicas(ctx)
				return n > 1, seen
			})
			g.result(ctx, t)
			down := await(ctx, t, 3*time.Minute, "one replica after it", func(ctx context.Context) (bool, string) {
				n, seen := replicas(ctx)
				return n == 1, seen
			})
			figure(t, "the autoscaler adds replicas after load has begun", up.Seconds(), 60, "s")
			figure(t, "the autoscaler is down to one replica after load has ended", down.Seconds(), 90, "s")
		}},
	)
}

// TestUpgrade installs the chart as it was before its last change, and upgrades it
// under load to what it is.
func TestUpgrade(t *testing.T) {
	skipUnless(t, on.deploys != nil, "the repository's history: -remote")
	feature(t, "helm upgrade from the chart of an earlier commit", noneLost("helm upgrade", func(ctx context.Context, t *testing.T, p pace) counts {
		t.Helper()
		old, err := on.deploys.before(ctx, t.TempDir(), "platform/helm")
		if err != nil {
			t.Skipf("this needs a commit in which the charts were different: %v", err)
		}
		r := install(ctx, t, filepath.Join(old, "platform/helm/monitor"))
		before := namesOf(pods(ctx, t, r.namespace, ""))
		g := load(ctx, t, r.namespace, fmt.Sprintf("http://%s.%s.svc.cluster.local/api/v1/cpu", r.name, r.namespace), p)
		// Also something of the pods has to change, or nothing would roll.
		if err := helm(ctx, t, append([]string{"upgrade", r.name, monitorChart, "--set=fullnameOverride=" + r.name, "--set=podAnnotations.test=upgrade"}, r.flags(ctx, t)...)...); err != nil {
			t.Fatal(err)
		}
		awaitGone(ctx, t, r.namespace, before)
		return g.result(ctx, t)
	})...)
}

// before exports what a path was before its last change, and returns where.
func (c *checkout) before(ctx context.Context, dir, path string) (string, error) {
	commits, err := c.git(ctx, "log", "--format=%H", "-2", c.base, "--", path)
	if err != nil {
		return "", err
	}
	all := strings.Fields(commits)
	if len(all) < 2 {
		return "", errors.New("there is none")
	}
	archive := filepath.Join(dir, "charts.tar")
	if _, err := c.git(ctx, "archive", "--output="+archive, all[1], "--", path); err != nil {
		return "", err
	}
	if out, err := exec.CommandContext(ctx, "tar", "--extract", "--file="+archive, "--directory="+dir).CombinedOutput(); err != nil {
		return "", fmt.Errorf("tar: %w: %s", err, out)
	}
	return dir, nil
}

// TestPodsRunAsDeclared looks at the processes themselves, from the node.
func TestPodsRunAsDeclared(t *testing.T) {
	feature(t, "pods",
		check{"run as the declared user, on a file system that cannot be written, without a token", func(ctx context.Context, t *testing.T) {
			selector := "app.kubernetes.io/name in (monitor, probe)"
			for _, p := range pods(ctx, t, monitorNamespace, selector) {
				id := p.Status.ContainerStatuses[0].ContainerID
				_, hash, _ := strings.Cut(id, "://")
				const look = `for p in /proc/[0-9]*; do
  grep -qs "$1" "$p/cgroup" || continue
  printf 'pid\t%s\n' "${p#/proc/}"
  printf 'uid\t%s\n' "$(awk '/^Uid:/ { print $2, $3, $4, $5 }' "$p/status")"
  printf 'capabilities\t%s\n' "$(awk '/^CapEff:/ { print $2 }' "$p/status")"
  printf 'seccomp\t%s\n' "$(awk '/^Seccomp:/ { print $2 }' "$p/status")"
  printf 'escalation\t%s\n' "$(awk '/^NoNewPrivs:/ { print $2 }' "$p/status")"
  printf 'root\t%s\n' "$(awk '$5 == "/" { print $6 }' "$p/mountinfo")"
  if [ -e "$p/root/var/run/secrets/kubernetes.io/serviceaccount/token" ]; then echo 'token	yes'; else echo 'token	no'; fi
  exit 0
done
exit 1`
				text, err := beside(ctx, t, p, "sh", "-c", look, "sh", hash)
				if err != nil {
					t.Errorf("pod %s: no process of container %s: %v", p.Name, hash, err)
					continue
				}
				got := map[string]string{}
				for line := range strings.Lines(text) {
					key, value, _ := strings.Cut(strings.TrimSpace(line), "\t")
					got[key] = value
				}
				for key, want := range map[string]string{
					"uid": "65532 65532 65532 65532", "capabilities": "0000000000000000", "seccomp": "2", "escalation": "1", "token": "no",
				} {
					if got[key] != want {
						t.Errorf("pod %s: %s is %q, want %q", p.Name, key, got[key], want)
					}
				}
				if !slices.Contains(strings.Split(got["root"], ","), "ro") {
					t.Errorf("pod %s: its root is mounted %q, want ro", p.Name, got["root"])
				}
			}
		}},
		check{"write nothing but JSON lines", func(ctx context.Context, t *testing.T) {
			for _, p := range pods(ctx, t, monitorNamespace, monitorPods) {
				stream, err := logsOf(ctx, monitorNamespace, p.Name)
				if err != nil {
					t.Fatal(err)
				}
				for line := range strings.Lines(stream) {
					if !json.Valid([]byte(line)) {
						t.Errorf("pod %s wrote %q, want JSON", p.Name, line)
						break
					}
				}
			}
		}},
		check{"have not run out of memory", func(ctx context.Context, t *testing.T) {
			list, err := on.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range list.Items {
				for _, s := range p.Status.ContainerStatuses {
					if s.RestartCount > 0 && s.LastTerminationState.Terminated != nil && s.LastTerminationState.Terminated.Reason == "OOMKilled" {
						t.Errorf("%s/%s ran out of memory", p.Namespace, p.Name)
					}
				}
			}
		}},
	)
}
