//go:build e2e

package e2e

import (
	"context"
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

// left is what of a cluster is still on this machine.
func left(t *testing.T, name string) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{"/var/lib/ballast/" + name, "/var/lib/ballast/." + name + "*", "/sys/fs/cgroup/ballast/" + name, "/sys/fs/cgroup/*/ballast/" + name} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, paths...)
	}
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range processes {
		line, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		words := strings.ReplaceAll(string(line), "\x00", " ")
		if strings.Contains(words, "/var/lib/ballast/"+name+"/") {
			found = append(found, filepath.Dir(path)+": "+words)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, "/var/lib/ballast/"+name) {
			found = append(found, "mount "+line)
		}
	}
	return found
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

// TestNode starts a second, bare node beside the one that runs, kills it in the worst
// way, repairs it, and looks for what is left when it is gone.
func TestNode(t *testing.T) {
	skipUnless(t, on.own != nil && os.Getuid() == 0, "root, and a cluster of the tests' own")
	second := newNode(on.own.program, on.own.provider, on.own.repository)
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
	// kill kills every process of the second node at once, process 1 last.
	kill := func(t *testing.T) {
		t.Helper()
		groups, err := filepath.Glob("/sys/fs/cgroup/*/ballast/" + second.name)
		if err != nil {
			t.Fatal(err)
		}
		if len(groups) == 0 {
			groups = []string{"/sys/fs/cgroup/ballast/" + second.name}
		}
		var pids []int
		if err := filepath.Walk(groups[0], func(path string, info os.FileInfo, err error) error {
			if err != nil || info.Name() != "cgroup.procs" {
				return nil //nolint:nilerr // it is gone
			}
			text, _ := os.ReadFile(path)
			for _, field := range strings.Fields(string(text)) {
				if pid, err := strconv.Atoi(field); err == nil {
					pids = append(pids, pid)
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if len(pids) < 5 {
			t.Fatalf("found %d processes to kill: %v", len(pids), pids)
		}
		slices.Sort(pids)
		for _, pid := range slices.Backward(pids) {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it has ended
		}
	}
	feature(t, "a source node",
		check{"starts beside another, which goes on", func(ctx context.Context, t *testing.T) {
			before = network(ctx, t)
			began := time.Now()
			connectTo(ctx, t)
			t.Logf("FIGURE a bare node is up after %.1f s", time.Since(began).Seconds())
			if second.kubeconfig == on.own.kubeconfig {
				t.Error("both have the same kubeconfig")
			}
			for what, client := range map[string]*kubernetes.Clientset{"the first": on.Clientset, "the second": api} {
				if _, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{}); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
			if after := network(ctx, t); after != before {
				t.Errorf("the host's network has changed:\n%s\nwas\n%s", after, before)
			}
		}},
		check{"is repaired by a second up after everything was killed, and has what it had", func(ctx context.Context, t *testing.T) {
			kept := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "kept"}}
			if _, err := api.CoreV1().ConfigMaps("default").Create(ctx, kept, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			kill(t)
			began := time.Now()
			connectTo(ctx, t)
			t.Logf("FIGURE repaired %.1f s after everything was killed", time.Since(began).Seconds())
			if _, err := api.CoreV1().ConfigMaps("default").Get(ctx, "kept", metav1.GetOptions{}); err != nil {
				t.Errorf("what was there before: %v", err)
			}
		}},
		check{"leaves nothing when it is taken down after everything was killed, twice", func(ctx context.Context, t *testing.T) {
			kill(t)
			began := time.Now()
			for range 2 {
				if err := second.Destroy(ctx); err != nil {
					t.Fatal(err)
				}
			}
			t.Logf("FIGURE taken down in %.1f s", time.Since(began).Seconds())
			if found := left(t, second.name); len(found) > 0 {
				t.Errorf("this is left:\n%s", strings.Join(found, "\n"))
			}
			if after := network(ctx, t); after != before {
				t.Errorf("the host's network has changed:\n%s\nwas\n%s", after, before)
			}
			if _, err := on.CoreV1().Nodes().List(ctx, metav1.ListOptions{}); err != nil {
				t.Errorf("the first: %v", err)
			}
		}},
	)
}
