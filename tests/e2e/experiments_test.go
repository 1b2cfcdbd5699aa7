//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const (
	runnerAccount = "ballast-runner"
	runLabel      = "ballast.dev/run"
)

// runner is the program ballast, with the rights of its role on the cluster and no others.
type runner struct{ program, kubeconfig, root string }

// newRunner builds the program and makes a kubeconfig for its service account.
func newRunner(ctx context.Context, t *testing.T) runner {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	r := runner{program: filepath.Join(dir, "ballast"), kubeconfig: filepath.Join(dir, "kubeconfig"), root: root}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", r.program, "./chaos/runner")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build ballast: %v: %s", err, out)
	}
	hour := int64(3600)
	token, err := on.CoreV1().ServiceAccounts(chaosNamespace).CreateToken(ctx, runnerAccount,
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &hour}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := clientcmdapi.NewConfig()
	cfg.Clusters["e2e"] = &clientcmdapi.Cluster{Server: on.config.Host, CertificateAuthorityData: on.config.CAData, CertificateAuthority: on.config.CAFile}
	cfg.AuthInfos["runner"] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	cfg.Contexts["runner"] = &clientcmdapi.Context{Cluster: "e2e", AuthInfo: "runner"}
	if err := clientcmd.WriteToFile(*cfg, r.kubeconfig); err != nil {
		t.Fatal(err)
	}
	return r
}

// command is a subcommand on the cluster; nothing is run yet.
func (r runner) command(ctx context.Context, args ...string) *exec.Cmd {
	all := append(slices.Clone(args[:1]), "--target=cluster", "--kubeconfig="+r.kubeconfig, "--context=runner")
	cmd := exec.CommandContext(ctx, r.program, append(all, args[1:]...)...)
	cmd.Dir = r.root
	return cmd
}

// outcome is how one experiment of a run ended.
type outcome struct {
	Name     string  `json:"name"`
	Verdict  string  `json:"verdict"`
	Reason   string  `json:"reason"`
	Summary  string  `json:"summary"`
	Overhead float64 `json:"overhead"`
}

// run runs experiments and returns how each ended, and the exit code.
func (r runner) run(ctx context.Context, t *testing.T, files ...string) ([]outcome, int) {
	t.Helper()
	out := t.TempDir()
	text, err := r.command(ctx, append([]string{"run", "--verbose", "--out=" + out}, files...)...).CombinedOutput()
	code := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", text)
	return readOutcomes(t, out), code
}

func readOutcomes(t *testing.T, out string) []outcome {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(out, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Experiments []outcome `json:"experiments"`
	}
	if err := json.Unmarshal(data, &report); err != nil {
		t.Fatal(err)
	}
	return report.Experiments
}

// experimentFile is one of the catalogue: of those that run on every target, or of those
// that only a cluster can do.
func (r runner) experimentFile(name string) string {
	file := filepath.Join("chaos", "experiments", "monitor-"+name+".yaml")
	if _, err := os.Stat(filepath.Join(r.root, file)); err != nil {
		return filepath.Join("chaos", "cluster-experiments", "monitor-"+name+".yaml")
	}
	return file
}

// left lists the objects of runs that are still there.
func left(ctx context.Context) ([]string, error) {
	var all []string
	for _, kind := range []string{"PodChaos", "NetworkChaos", "StressChaos", "TimeChaos", "IOChaos", "DNSChaos", "HTTPChaos"} {
		list, err := on.dynamic.Resource(chaosResource(kind)).List(ctx, metav1.ListOptions{LabelSelector: runLabel})
		if err != nil {
			return nil, err
		}
		for _, o := range list.Items {
			all = append(all, kind+" "+o.GetNamespace()+"/"+o.GetName())
		}
	}
	return all, nil
}

// nothingLeft looks at the objects of runs and, from the nodes, at the network and the
// processes of every pod of the monitor.
func nothingLeft(ctx context.Context, t *testing.T) {
	t.Helper()
	objects, err := left(ctx)
	if err != nil || len(objects) > 0 {
		t.Errorf("objects of runs are left: %v, %v", objects, err)
	}
	for _, p := range pods(ctx, t, monitorNamespace, monitorPods) {
		for key := range p.Annotations {
			if strings.HasPrefix(key, "chaos-mesh-") {
				t.Errorf("pod %s has the annotation %s", p.Name, key)
			}
		}
		text, err := beside(ctx, t, p, "sh", "-c", inPods)
		if err != nil || strings.TrimSpace(text) != "" {
			t.Errorf("left on the node of %s: %v\n%s", p.Name, err, text)
		}
	}
}

// inPods prints what Chaos Mesh leaves in the network of any process of the monitor: jumps
// into the chains of a fault, and queueing disciplines; and its stressors. The chains and
// their sets of addresses stay until the pod ends, as Chaos Mesh never deletes one; without
// a jump they do nothing.
const inPods = `
grep -l '^stress-ng\|^memStress' /proc/[0-9]*/comm 2>/dev/null
for p in /proc/[0-9]*; do
  [ "$(cat $p/comm 2>/dev/null)" = monitor ] || continue
  pid=${p#/proc/}
  nsenter -t $pid -n iptables-save 2>/dev/null | grep -i 'CHAOS-.*-j'
  nsenter -t $pid -n tc qdisc show 2>/dev/null | grep -i 'netem\|tbf'
done
true
`

// TestExperiments runs a part of the catalogue, one of each kind that is possible here.
func TestExperiments(t *testing.T) {
	r := newRunner(t.Context(), t)
	forgetful(t.Context(), t)
	var checks []check
	part := []string{"pod-kill", "container-kill", "network-partition", "network-delay", "clock-shift", "cpu-stress", "memory-stress"}
	if everything() {
		part = append(part, "node-drain") // its budget lets the pods go one by one
	}
	unhealthy := ""
	for _, name := range part {
		x, err := read(filepath.Join(r.root, r.experimentFile(name)))
		if err != nil {
			t.Fatal(err)
		}
		verdict, reason := x.verdict(capabilities(t.Context(), t))
		checks = append(checks, check{fmt.Sprintf("monitor-%s is judged: %s %s", name, verdict, reason), func(ctx context.Context, t *testing.T) {
			if unhealthy != "" { // each would wait as long as that one did
				t.Fatalf("%s found the monitor unhealthy before its fault", unhealthy)
			}
			if r.judged(ctx, t, name, verdict, reason) == "baseline-unhealthy" {
				unhealthy = name
			}
			nothingLeft(ctx, t)
		}})
	}
	checks = append(checks, check{"are seen: as events on the workload, and in the metrics of the guard", seenFromOutside})
	feature(t, "experiments on the cluster", checks...)
}

// seenFromOutside looks for what TestExperiments left for others to see.
func seenFromOutside(ctx context.Context, t *testing.T) {
	for _, reason := range []string{"FaultInjected", "Verdict"} {
		await(ctx, t, 10*time.Second, "an event "+reason+" on the monitor", func(ctx context.Context) (bool, string) {
			events, err := on.EventsV1().Events(monitorNamespace).List(ctx, metav1.ListOptions{LabelSelector: runLabel})
			if err != nil {
				return false, err.Error()
			}
			var notes []string
			found := false
			for _, e := range events.Items {
				found = found || e.Reason == reason && e.Regarding.Kind == "Deployment" && e.Regarding.Name == "monitor"
				notes = append(notes, e.Reason+" on "+e.Regarding.Kind+"/"+e.Regarding.Name)
			}
			return found, strings.Join(notes, ", ")
		})
	}
	await(ctx, t, 30*time.Second, "the verdict of monitor-pod-kill in the guard's metrics", func(ctx context.Context) (bool, string) {
		var answer struct {
			Result []struct {
				Value [2]any `json:"value"`
			} `json:"result"`
		}
		err := prometheus(ctx, "query", &answer, "query", `ballast_experiment_verdict{experiment="monitor-pod-kill",verdict="pass"}`)
		return err == nil && len(answer.Result) == 1 && answer.Result[0].Value[1] == "1", seeing(err, fmt.Sprint(answer.Result))
	})
}

// judged runs one experiment of the catalogue and compares its verdict. One whose
// instrument starved, as its own measurements say, is run once more, and both are told.
// It returns the reason of the last verdict.
func (r runner) judged(ctx context.Context, t *testing.T, name, verdict, reason string) (why string) {
	t.Helper()
	neverRestarted(ctx, t) // the runner draws it first
	got, code := r.run(ctx, t, r.experimentFile(name))
	if len(got) == 1 && got[0].Reason == "instrument-unfit" {
		t.Logf("STARVED monitor-%s is run once more: %s", name, got[0].Summary)
		got, code = r.run(ctx, t, r.experimentFile(name))
	}
	if len(got) == 1 {
		why = got[0].Reason
	}
	want := map[string]int{"pass": 0, "inconclusive": 3}[verdict]
	if len(got) != 1 || got[0].Verdict != verdict || got[0].Reason != reason || code != want {
		t.Errorf("exit code %d: %+v; want %s %s, exit code %d", code, got, verdict, reason, want)
		return why
	}
	if verdict == "pass" {
		bound := 5.
		if name == "cpu-stress" || name == "memory-stress" {
			bound = 30 // a kubelet measures what containers use every 10 to 20 s
		}
		figure(t, "the runner's own time in monitor-"+name, got[0].Overhead, bound, "s")
	}
	return why
}

// begin starts an experiment and blocks until its fault is there.
func (r runner) begin(ctx context.Context, t *testing.T, file string) *session {
	t.Helper()
	s := r.start(ctx, t, file)
	await(ctx, t, time.Minute, "the fault to be injected", func(ctx context.Context) (bool, string) {
		select {
		case <-s.gone:
			t.Fatalf("the runner ended before: %s", s.log)
		default:
		}
		objects, err := left(ctx)
		return len(objects) > 0, seeing(err, "no object of a run")
	})
	return s
}

// awaitNoneLeft blocks until no object of a run is there.
func awaitNoneLeft(ctx context.Context, t *testing.T, within time.Duration) time.Duration {
	t.Helper()
	return await(ctx, t, within, "every object of a run to be gone", func(ctx context.Context) (bool, string) {
		objects, err := left(ctx)
		return err == nil && len(objects) == 0, seeing(err, strings.Join(objects, ", "))
	})
}

// TestRunnerThatEnds: whatever becomes of the runner, its fault goes.
func TestRunnerThatEnds(t *testing.T) {
	r := newRunner(t.Context(), t)
	file := r.experimentFile("network-partition")
	forgetful(t.Context(), t)
	feature(t, "a runner that ends under fault",
		check{"takes its fault away when it is interrupted", func(ctx context.Context, t *testing.T) {
			s := r.begin(ctx, t, file)
			s.signal(t, syscall.SIGINT)
			began := time.Now()
			got, code := s.end(t, time.Minute)
			figure(t, "the runner has ended after SIGINT", time.Since(began).Seconds(), 15, "s")
			if code != 3 || len(got) != 1 || got[0].Reason != "interrupted" {
				t.Errorf("exit code %d: %+v", code, got)
			}
			nothingLeft(ctx, t)
		}},
		check{"has its fault taken away by the guard when it is killed", func(ctx context.Context, t *testing.T) {
			s := r.begin(ctx, t, file)
			s.signal(t, syscall.SIGKILL)
			s.end(t, time.Minute)
			figure(t, "the guard has removed the fault of a runner that was killed", awaitNoneLeft(ctx, t, time.Minute).Seconds(), 30, "s")
			nothingLeft(ctx, t)
			awaitPods(ctx, t, monitorNamespace, monitorPods, 3)
		}},
		check{"ends within seconds when the kill switch is set, and does not begin while it is", func(ctx context.Context, t *testing.T) {
			s := r.begin(ctx, t, file)
			reset := setKillSwitch(ctx, t)
			began := time.Now()
			figure(t, "the kill switch has removed the fault", awaitNoneLeft(ctx, t, time.Minute).Seconds(), 5, "s")
			got, code := s.end(t, time.Minute)
			t.Logf("the runner ended %.1f s after the switch", time.Since(began).Seconds())
			if code != 4 || len(got) != 1 || got[0].Verdict != "aborted" || got[0].Reason != "kill-switch" {
				t.Errorf("exit code %d: %+v", code, got)
			}
			if got, code := r.run(ctx, t, file); code != 3 || len(got) != 1 || got[0].Reason != "kill-switch" {
				t.Errorf("while it is set: exit code %d: %+v", code, got)
			}
			reset()
			nothingLeft(ctx, t)
			awaitPods(ctx, t, monitorNamespace, monitorPods, 3)
		}},
	)
}

// setKillSwitch sets the kill switch; reset takes it away again, at the end of the test
// at the latest.
func setKillSwitch(ctx context.Context, t *testing.T) (reset func()) {
	t.Helper()
	maps := on.CoreV1().ConfigMaps(chaosNamespace)
	_, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name: "ballast-kill-switch", Annotations: map[string]string{"ballast.dev/kill": "e2e"},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	reset = func() {
		if err := maps.Delete(context.WithoutCancel(ctx), "ballast-kill-switch", metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			t.Error(err)
		}
	}
	t.Cleanup(reset)
	return reset
}
