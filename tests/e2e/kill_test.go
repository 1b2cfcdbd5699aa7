//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ballast-sre/ballast/tests/e2e/loss"
)

// killPace is the load under which pods are killed.
func killPace() pace {
	if *fast {
		return pace{1000, 20 * time.Second}
	}
	return pace{200, 55 * time.Second}
}

const (
	// killLoss bounds what the death of one of three pods may cost: 0.1% of 10,000
	// requests.
	killLoss = 10
	// clockSlack is how exact the times of a death are that a shell on the node takes.
	clockSlack = 20 * time.Millisecond
)

// findProcess prints the process of a container, as the node numbers it.
const findProcess = `
for p in /proc/[0-9]*; do
  if grep -qs "$1" "$p/cgroup"; then echo "${p#/proc/}"; exit; fi
done
echo "no process of container $1" >&2; exit 1`

// watchDeath waits on the node for a process to end, and then for the rules of the node
// to lead nobody to its address any more. With a signal it kills the process first. Each
// line that it prints has a name and the time of the node. It looks seldom, as each look
// costs the pods under load some of their processor, and so the moment of an end has two
// bounds: alive, before the last look that found the process, and ended, after the first
// that did not.
const watchDeath = `
pid=$1 alive=$(date +%s.%N)
echo "told $alive"
[ -z "$3" ] || kill -s "$3" "$pid"
for i in $(seq 1000); do
  now=$(date +%s.%N)
  if ! read -r stat <"/proc/$pid/stat"; then stat=') Z '; fi
  case $stat in *') Z '*|*') X '*) echo "alive $alive"; echo "ended $(date +%s.%N)"; break;; esac
  alive=$now
  sleep 0.03
done
for i in $(seq 50); do
  nsenter --target=1 --net iptables-save --table=nat | grep -q -- "--to-destination $2:" || { echo "unrouted $(date +%s.%N)"; break; }
  sleep 0.2
done`

// times reads the lines of watchDeath.
func times(text string) (map[string]time.Time, error) {
	all := map[string]time.Time{}
	for line := range strings.Lines(text) {
		name, at, _ := strings.Cut(strings.TrimSpace(line), " ")
		seconds, err := strconv.ParseFloat(at, 64)
		if err != nil {
			return nil, fmt.Errorf("a time of the node: %w: %q", err, line)
		}
		whole, part := math.Modf(seconds)
		all[name] = time.Unix(int64(whole), int64(part*float64(time.Second)))
	}
	return all, nil
}

// withdrawal waits in the background for a pod to be no longer ready in the slices of
// the monitor's endpoints. The function that it returns waits for that, at most 30 s,
// and returns when it was; zero, if never.
func withdrawal(ctx context.Context, t *testing.T, pod string) func() time.Time {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	endpoints, err := on.DiscoveryV1().EndpointSlices(monitorNamespace).Watch(ctx, metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=monitor"})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	var (
		at      time.Time
		watched sync.WaitGroup
	)
	watched.Go(func() {
		defer endpoints.Stop()
		seen := false
		for event := range endpoints.ResultChan() {
			s, ok := event.Object.(*discoveryv1.EndpointSlice)
			if !ok {
				continue
			}
			ready := false
			for _, e := range s.Endpoints {
				ready = ready || e.TargetRef != nil && e.TargetRef.Name == pod && (e.Conditions.Ready == nil || *e.Conditions.Ready)
			}
			if seen && !ready {
				at = time.Now()
				return
			}
			seen = seen || ready
		}
	})
	return func() time.Time {
		stop := time.AfterFunc(30*time.Second, cancel)
		defer stop.Stop()
		defer cancel()
		watched.Wait()
		return at
	}
}

// neverRestarted returns a pod of the monitor whose container runs for the first time. The
// kubelet waits 10 s, then 20 s and so on before it starts a container again that has
// ended before, and forgets that after ten minutes: a pod which an earlier test has killed
// would be measured with that wait. The wait is kept by the pod's UID, so where every pod
// has been restarted, one is replaced.
func neverRestarted(ctx context.Context, t *testing.T) corev1.Pod {
	t.Helper()
	fresh := func(p corev1.Pod) bool { return p.Status.ContainerStatuses[0].RestartCount == 0 }
	all := pods(ctx, t, monitorNamespace, monitorPods)
	if i := slices.IndexFunc(all, fresh); i >= 0 {
		return all[i]
	}
	if err := on.CoreV1().Pods(monitorNamespace).Delete(ctx, all[0].Name, metav1.DeleteOptions{}); err != nil {
		t.Fatalf("replace %s, which has been restarted: %v", all[0].Name, err)
	}
	awaitGone(ctx, t, monitorNamespace, []string{all[0].Name})
	awaitPods(ctx, t, monitorNamespace, monitorPods, 3)
	all = pods(ctx, t, monitorNamespace, monitorPods)
	i := slices.IndexFunc(all, fresh)
	if i < 0 {
		t.Fatalf("the pod that replaced a restarted one has been restarted itself")
	}
	return all[i]
}

// killUnderLoad has one pod of the monitor killed while it is under load, and explains
// each request that is lost. die makes it happen, and signal is what the node sends to
// its process, if that is it.
func killUnderLoad(ctx context.Context, t *testing.T, during, signal string, die func(victim corev1.Pod)) {
	t.Helper()
	awaitPods(ctx, t, monitorNamespace, monitorPods, 3)
	victim := neverRestarted(ctx, t)
	_, container, _ := strings.Cut(victim.Status.ContainerStatuses[0].ContainerID, "://")
	began := time.Now()
	g := load(ctx, t, monitorNamespace, loadURL, killPace())
	withdrawn, daemon := withdrawal(ctx, t, victim.Name), daemonOf(ctx, t, victim)
	// Found before anybody kills it, which may take less time than to look for it.
	pid, err := execute(ctx, chaosNamespace, daemon, "chaos-daemon", "sh", "-c", findProcess, "sh", container)
	if err != nil {
		t.Fatalf("find the process of %s: %v", victim.Name, err)
	}
	var (
		text    string
		watched sync.WaitGroup
	)
	watched.Go(func() {
		text, err = execute(ctx, chaosNamespace, daemon, "chaos-daemon", "sh", "-c", watchDeath, "sh", strings.TrimSpace(pid), victim.Status.PodIP, signal)
	})
	t.Cleanup(watched.Wait)
	asked := time.Now()
	die(victim)
	watched.Wait()
	if err != nil {
		t.Fatalf("watch the death of %s: %v", victim.Name, err)
	}
	seen, err := times(text)
	if err != nil {
		t.Fatal(err)
	}
	if signal == "" {
		seen["told"] = asked // by the API, and not by the node
	}
	death := loss.Death{Told: seen["told"], Alive: seen["alive"], Ended: seen["ended"], Withdrawn: withdrawn(), Unrouted: seen["unrouted"]}
	t.Log(death)
	awaitPods(ctx, t, monitorNamespace, monitorPods, 3)
	figure(t, "three pods are ready again after "+during, time.Since(death.Told).Seconds(), 15, "s")
	c := g.result(ctx, t)
	sendLag(ctx, t, began)
	causes := loss.Attribute(c.failed, death, clockSlack)
	t.Log(c)
	t.Log(causes)
	if uint64(causes.Lost()) != c.Errors {
		t.Errorf("%d requests were lost, and the load generator wrote of %d", c.Errors, causes.Lost())
	}
	if n := len(causes.Unexplained); n > 0 {
		t.Errorf("%d requests were lost to something other than the death of %s", n, victim.Name)
	}
	if c.Errors > killLoss {
		t.Errorf("%d requests were lost, more than the %d that %s may cost", c.Errors, killLoss, during)
	}
	figure(t, "requests lost to "+during, float64(c.Errors), killLoss, "requests")
}

// TestPodKillUnderLoad has Chaos Mesh delete a pod without a grace period.
func TestPodKillUnderLoad(t *testing.T) {
	needs(t, "PodChaos/pod-kill")
	skipUnless(t, on.own != nil, "a cluster on this machine, as times are compared")
	feature(t, "a pod that is deleted by force",
		check{"costs few requests, each of which is explained", func(ctx context.Context, t *testing.T) {
			killUnderLoad(ctx, t, "a pod-kill of 1 of 3 replicas", "", func(victim corev1.Pod) {
				inject(ctx, t, "PodChaos", map[string]any{
					"action": "pod-kill", "gracePeriod": int64(0), "mode": "all",
					"selector": map[string]any{"pods": map[string]any{monitorNamespace: []any{victim.Name}}},
				})
				awaitGone(ctx, t, monitorNamespace, []string{victim.Name})
			})
		}},
	)
}

// TestProcessKillUnderLoad kills the process of a pod, without a warning to anybody.
func TestProcessKillUnderLoad(t *testing.T) {
	skipUnless(t, on.own != nil, "a cluster on this machine, as times are compared")
	feature(t, "a process that is killed",
		check{"costs few requests, each of which is explained", func(ctx context.Context, t *testing.T) {
			killUnderLoad(ctx, t, "a SIGKILL of 1 of 3 processes", "KILL", func(corev1.Pod) {})
		}},
	)
}
