//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// left lists what a cluster has left on this machine.
func (n *node) left(ctx context.Context, t *testing.T) []string {
	t.Helper()
	patterns := []string{n.dir() + "*", filepath.Dir(n.dir()) + "/." + n.name + "*"}
	if n.source() {
		patterns = append(patterns, n.groups()...)
	}
	var found []string
	for _, pattern := range patterns {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, paths...)
	}
	for _, pid := range n.processes(t) {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // it may end right now
		found = append(found, fmt.Sprintf("process %d: %s", pid, strings.ReplaceAll(string(line), "\x00", " ")))
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, n.dir()) {
			found = append(found, "mount "+line)
		}
	}
	if !n.source() {
		found = append(found, n.containers(ctx, t, "--all")...)
	}
	return found
}

// dir is the directory of a cluster's state.
func (n *node) dir() string {
	if n.source() {
		return "/var/lib/ballast/" + n.name
	}
	return filepath.Dir(n.kubeconfig)
}

// groups are patterns of the control groups of a source node, with version 1 and 2.
func (n *node) groups() []string {
	return []string{"/sys/fs/cgroup/*/ballast/" + n.name, "/sys/fs/cgroup/ballast/" + n.name}
}

// processes are those of a cluster, as this machine numbers them, in their order. Those
// in containers of Docker are not among them.
func (n *node) processes(t *testing.T) []int {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, p := range all {
		// What has ended has none to read.
		group, _ := os.ReadFile(filepath.Join(p, "cgroup"))
		line, _ := os.ReadFile(filepath.Join(p, "cmdline"))
		environ, _ := os.ReadFile(filepath.Join(p, "environ"))
		if strings.Contains(string(group), "/ballast/"+n.name+"/") || strings.Contains(string(line)+string(environ), n.dir()+"\x00") ||
			strings.Contains(string(line), n.dir()+"/") {
			pid, err := strconv.Atoi(filepath.Base(p))
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

// containers are those that kind made of a cluster.
func (n *node) containers(ctx context.Context, t *testing.T, args ...string) []string {
	t.Helper()
	all := append([]string{"ps", "--quiet", "--filter=label=io.x-k8s.kind.cluster=ballast-" + n.name}, args...)
	out, err := exec.CommandContext(ctx, "docker", all...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}

// kill ends all of a cluster in the worst way, in the worst moment: its runtime has
// just frozen the pods, which version 1 of cgroups does not even let die.
func (n *node) kill(ctx context.Context, t *testing.T) {
	t.Helper()
	if !n.source() {
		if out, err := exec.CommandContext(ctx, "docker", append([]string{"kill"}, n.containers(ctx, t)...)...).CombinedOutput(); err != nil {
			t.Fatalf("docker kill: %v: %s", err, out)
		}
	}
	frozen, err := filepath.Glob("/sys/fs/cgroup/freezer/ballast/" + n.name + "/pods")
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range frozen {
		if err := os.WriteFile(filepath.Join(group, "freezer.state"), []byte("FROZEN"), 0); err != nil {
			t.Fatal(err)
		}
	}
	pids, least := n.processes(t), 2 // on the host of a cluster of kind
	if n.source() {
		least = 5
	}
	if len(pids) < least {
		t.Fatalf("found %d processes to kill: %v", len(pids), pids)
	}
	for _, pid := range slices.Backward(pids) { // process 1 last
		_ = syscall.Kill(pid, syscall.SIGKILL) // it has ended
	}
}

// interrupt starts to bring a bare cluster up, and ends that with a signal at a random
// moment. What it had begun is left as it is.
func (n *node) interrupt(ctx context.Context, t *testing.T, sig syscall.Signal, latest time.Duration) {
	t.Helper()
	after := rand.N(latest)
	cmd := exec.CommandContext(ctx, n.program, "up", "--name="+n.name, "--provider="+n.provider, "--repository="+n.repository, "--environment=")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	// What outlives the program must not keep its output open for ever.
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Signal(sig) }) // it has ended
	err := cmd.Wait()
	timer.Stop()
	t.Logf("%s after %.1f s: %v; it had come to: %s", sig, after.Seconds(), err, lastLine(said.String()))
}

// network is the host's, as far as a node could have changed it.
func network(ctx context.Context, t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, args := range [][]string{{"iptables-save"}, {"ip", "-brief", "link"}, {"ip", "route"}, {"ip", "netns"}, {"sysctl", "-n", "net.ipv4.ip_forward"}} {
		out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
		if err != nil {
			t.Logf("%v: %v", args, err)
		}
		for line := range strings.Lines(string(out)) {
			if !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, ":") { // times and counters
				all.WriteString(line)
			}
		}
	}
	return all.String()
}

// TestSecondCluster starts a second, bare cluster beside the one that runs, kills it,
// repairs it, and looks for what is left when it is gone.
func TestSecondCluster(t *testing.T) {
	skipUnless(t, on.own != nil && os.Getuid() == 0, "root, and a cluster of the tests' own")
	second := newNode(on.own.program, on.own.provider, on.own.repository)
	second.image = on.own.image
	second.WithName(random("n"))
	t.Cleanup(func() {
		if err := second.Destroy(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	var (
		api    *kubernetes.Clientset
		before string
	)
	connectTo := func(ctx context.Context, t *testing.T) {
		t.Helper()
		if _, err := second.Create(ctx, "--environment="); err != nil {
			t.Fatal(err)
		}
		var err error
		if api, err = kubernetes.NewForConfig(second.KubernetesRestConfig()); err != nil {
			t.Fatal(err)
		}
	}
	// undisturbed looks whether the host's network is as it was. Docker gives each of
	// its containers a part of it.
	undisturbed := func(ctx context.Context, t *testing.T) {
		t.Helper()
		if after := network(ctx, t); second.source() && after != before {
			t.Errorf("the host's network has changed:\n%s\nwas\n%s", after, before)
		}
	}
	feature(t, "a second cluster",
		check{"is interrupted at random moments of its start", func(ctx context.Context, t *testing.T) {
			before = network(ctx, t)
			for i := range *cuts {
				second.interrupt(ctx, t, []syscall.Signal{syscall.SIGINT, syscall.SIGKILL, syscall.SIGTERM}[i%3], 15*time.Second)
			}
		}},
		check{"starts beside the first all the same, which goes on", func(ctx context.Context, t *testing.T) {
			began := time.Now()
			connectTo(ctx, t)
			figure(t, "a bare cluster is up", time.Since(began).Seconds(), 60, "s")
			if second.kubeconfig == on.own.kubeconfig {
				t.Error("both have the same kubeconfig")
			}
			for what, client := range map[string]*kubernetes.Clientset{"the first": on.Clientset, "the second": api} {
				if _, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{}); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
			undisturbed(ctx, t)
		}},
		check{"is repaired by another up after everything was killed, and has what it had", func(ctx context.Context, t *testing.T) {
			kept := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "kept"}}
			if _, err := api.CoreV1().ConfigMaps("default").Create(ctx, kept, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			second.kill(ctx, t)
			began := time.Now()
			connectTo(ctx, t)
			figure(t, "it is repaired after everything was killed", time.Since(began).Seconds(), 60, "s")
			if _, err := api.CoreV1().ConfigMaps("default").Get(ctx, "kept", metav1.GetOptions{}); err != nil {
				t.Errorf("what was there before: %v", err)
			}
		}},
		check{"leaves nothing when it is taken down after everything was killed, twice", func(ctx context.Context, t *testing.T) {
			second.kill(ctx, t)
			began := time.Now()
			for range 2 {
				if err := second.Destroy(ctx); err != nil {
					t.Fatal(err)
				}
			}
			figure(t, "it is taken down, twice", time.Since(began).Seconds(), 30, "s")
			if found := second.left(ctx, t); len(found) > 0 {
				t.Errorf("this is left:\n%s", strings.Join(found, "\n"))
			}
			undisturbed(ctx, t)
			if _, err := on.CoreV1().Nodes().List(ctx, metav1.ListOptions{}); err != nil {
				t.Errorf("the first: %v", err)
			}
		}},
	)
}
