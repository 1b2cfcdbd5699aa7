package kind

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"sigs.k8s.io/kind/pkg/apis/config/defaults"

	"github.com/ballast-sre/ballast/platform/cluster/internal/process"
)

func (b *bench) start(t *testing.T) state {
	t.Helper()
	if err := b.Start(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(b.told, "\n"))
	}
	st, err := b.load()
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// living are the processes of the cluster on the host.
func (b *bench) living(t *testing.T) []int {
	t.Helper()
	own, err := b.processes()
	if err != nil {
		t.Fatal(err)
	}
	return own
}

func TestAClusterComesUpAndGoes(t *testing.T) {
	b := newBench(t)
	if b.Running() {
		t.Error("it runs before it was started")
	}
	st := b.start(t)
	if !b.Running() || !slices.Equal(b.made.names, []string{"ballast-x"}) {
		t.Errorf("it does not run: %v", b.made.names)
	}
	if info, err := os.Stat(b.Dir()); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("its directory: %v, %v", info, err)
	}

	// Who is on this machine reaches the repositories, on loopback only.
	url, err := b.GitURL()
	if err != nil || !strings.HasPrefix(url, "http://127.0.0.1:") {
		t.Fatalf("%q, %v", url, err)
	}
	if status, text := ask(t, http.MethodGet, url+"/ballast.git/info/refs"); status != http.StatusOK || text != "repository /ballast.git/info/refs" {
		t.Errorf("%d: %s", status, text)
	}
	// The nodes reach them and the registry at the gateway, and cannot push an image.
	if gateway, err := st.gateway(); err != nil || gateway.Addr() != netip.MustParseAddr("127.0.0.2") {
		t.Errorf("%v, %v", gateway, err)
	}
	if status, text := ask(t, http.MethodGet, "http://"+st.Gateway+"/deploy.git/info/refs"); status != http.StatusOK || text != "repository /deploy.git/info/refs" {
		t.Errorf("%d: %s", status, text)
	}
	if status, text := ask(t, http.MethodPost, "http://"+st.Gateway+"/v2/ballast/monitor/blobs/uploads/"); status != http.StatusUnauthorized {
		t.Errorf("%d: %s", status, text)
	}
	if hosts := read(t, b.in("certs.d", "docker.io", "hosts.toml")); !strings.Contains(hosts, `[host."http://`+st.Gateway+`"]`) {
		t.Errorf("the nodes are told %s", hosts)
	}
	for _, pid := range b.living(t) {
		for _, address := range listening(t, pid) {
			if ip := address.Addr(); ip != loopback() && ip != netip.MustParseAddr("127.0.0.2") {
				t.Errorf("process %d listens on %s", pid, address)
			}
		}
	}

	// What is up stays as it is, whatever image others would be made of.
	b.NodeImage("registry.example/node:v1")
	if again := b.start(t); again != st || len(b.made.configs) != 1 {
		t.Errorf("%+v became %+v, made %d times", st, again, len(b.made.configs))
	}
	if calls := b.called(t, "docker"); !slices.Contains(calls, "start ballast-x-control-plane ballast-x-worker") {
		t.Errorf("nodes that were stopped stay so: %q", calls)
	}

	for _, node := range b.made.configs[0].Nodes {
		if node.Image != defaults.Image {
			t.Errorf("%s was made of %s", node.Role, node.Image)
		}
	}

	living := b.living(t)
	if len(living) < 2 {
		t.Errorf("only %v are known to be its own", living)
	}
	for range 2 { // it may be repeated
		if err := b.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if left := b.living(t); len(left) > 0 || len(b.made.names) > 0 || b.Running() {
			t.Errorf("left: %v, %v", left, b.made.names)
		}
		if _, err := os.Stat(filepath.Dir(b.Dir())); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("its directory is there: %v", err)
		}
	}
}

// listening are the addresses at which a process listens on TCP.
func listening(t *testing.T, pid int) []netip.AddrPort {
	t.Helper()
	own := map[string]bool{}
	descriptors, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range descriptors {
		if to, err := os.Readlink(fd); err == nil {
			own[strings.TrimSuffix(strings.TrimPrefix(to, "socket:["), "]")] = true
		}
	}
	var all []netip.AddrPort
	for _, table := range []string{"tcp", "tcp6"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if err != nil {
			continue // there is no IPv6, or no process any more
		}
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if len(fields) < 10 || fields[3] != "0A" || !own[fields[9]] {
				continue
			}
			host, port, _ := strings.Cut(fields[1], ":")
			number, err := strconv.ParseUint(port, 16, 16)
			if err != nil || len(host) != 8 {
				t.Fatalf("%s: %v", fields[1], err)
			}
			ip, err := strconv.ParseUint(host, 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(ip), byte(ip >> 8), byte(ip >> 16), byte(ip >> 24)}), uint16(number)))
		}
	}
	return all
}

func TestWhatWasKilledIsRepaired(t *testing.T) {
	b := newBench(t)
	st := b.start(t)
	before := b.living(t)
	if err := syscall.Kill(st.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, "its end", func() bool { return !b.Running() })
	orphans := b.living(t)
	if len(orphans) == 0 || len(orphans) >= len(before) {
		t.Fatalf("%v became %v: nothing is left to be found", before, orphans)
	}
	again := b.start(t)
	if again.PID == st.PID || again.GitPort != st.GitPort || again.Gateway != st.Gateway || !b.Running() {
		t.Errorf("%+v became %+v", st, again)
	}
	for _, pid := range orphans {
		if slices.Contains(b.living(t), pid) {
			t.Errorf("process %d of the one before lives", pid)
		}
	}
	// Also what is left of it when it is taken away.
	if err := syscall.Kill(again.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := b.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := b.living(t); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// Its number belongs to somebody else since the machine was switched off.
func TestAProcessOfBeforeTheMachineWasSwitchedOffIsNotOurs(t *testing.T) {
	b := newBench(t)
	stranger := exec.CommandContext(t.Context(), "sleep", "3600")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = stranger.Process.Kill() // it may have been
		_ = stranger.Wait()
	}()
	id, err := process.Of(stranger.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.directory(); err != nil {
		t.Fatal(err)
	}
	before := state{ID: id, Made: true}
	before.Boot = "another"
	if err := b.save(before); err != nil {
		t.Fatal(err)
	}
	if b.Running() {
		t.Error("it is taken for the cluster's")
	}
	if err := b.end(t.Context()); err != nil || !id.Runs() {
		t.Errorf("it runs: %t, %v", id.Runs(), err)
	}
}

func TestAsksForItsEndWithItsRegistry(t *testing.T) {
	b := newBench(t)
	st := b.start(t)
	for _, pid := range b.living(t) {
		if pid != st.PID {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
	}
	until(t, "the end of the process whose registry was killed", func() bool { return !b.Running() })
	if log := read(t, b.in("log", "host.log")); !strings.Contains(log, "registry: signal: killed") {
		t.Errorf("its log: %s", log)
	}
	if again := b.start(t); again.PID == st.PID {
		t.Errorf("%+v", again)
	}
	// A signal that asks is obeyed, and takes the registry along.
	st, err := b.load()
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(st.PID, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	until(t, "its end", func() bool { return len(b.living(t)) == 0 })
}

func TestWhenTheProcessOnTheHostIsStartedAnew(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(t *testing.T, b *bench)
		anew   bool
	}{
		"not when nothing changed": {func(*testing.T, *bench) {}, false},
		"when Docker's network did": {func(t *testing.T, b *bench) {
			b.docker(t, strings.ReplaceAll(inspected, "127.0.0.2", "127.0.0.3"))
		}, true},
		"when the program did": {func(t *testing.T, b *bench) {
			if err := os.Remove(b.in(keptSelf)); err != nil {
				t.Fatal(err)
			}
			write(t, b.in(keptSelf), "another build")
		}, true},
		"when the registry's program did": {func(t *testing.T, b *bench) {
			other := filepath.Join(b.bin, "other")
			if err := errors.Join(os.Mkdir(other, 0o755), os.Rename(filepath.Join(b.bin, "registry"), filepath.Join(other, "registry"))); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"kubectl", "otel-collector"} {
				if err := os.Rename(filepath.Join(b.bin, name), filepath.Join(other, name)); err != nil {
					t.Fatal(err)
				}
			}
			b.programs = programs{bin: other, built: &[]string{}}
		}, true},
		"when the cluster was removed by kind itself": {func(_ *testing.T, b *bench) { b.made.names = nil }, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			st := b.start(t)
			tt.change(t, b)
			again := b.start(t)
			if anew := again.PID != st.PID; anew != tt.anew || again.GitPort != st.GitPort || !b.Running() {
				t.Errorf("%+v became %+v", st, again)
			}
			if !strings.Contains(read(t, b.in("certs.d", "docker.io", "hosts.toml")), again.Gateway) {
				t.Errorf("the nodes are not told of %s", again.Gateway)
			}
		})
	}
}

func TestWhatIsLeftOfAnEarlierCluster(t *testing.T) {
	for name, tt := range map[string]struct {
		before func(t *testing.T, b *bench)
		made   int // times
		says   string
	}{
		"nothing": {func(*testing.T, *bench) {}, 1, ""},
		"nodes that are half made": {func(t *testing.T, b *bench) {
			b.made.names = []string{"ballast-x"}
			write(t, b.in(stateFile), `{"made": false}`)
		}, 1, ""},
		"nodes that are half made, and kind's lock": {func(t *testing.T, b *bench) {
			b.made.names = []string{"ballast-x"}
			write(t, b.in(stateFile), `{"made": false}`)
			write(t, b.Kubeconfig()+".lock", "")
		}, 1, ""},
		"kind's lock alone": {func(t *testing.T, b *bench) {
			write(t, b.in(stateFile), `{"made": false}`)
			write(t, b.Kubeconfig()+".lock", "")
		}, 1, ""},
		"a directory": {func(t *testing.T, b *bench) {
			write(t, b.in(stateFile), `{"made": true, "pid": 1, "start": 1, "gitPort": 1, "gateway": "127.0.0.2:1"}`)
		}, 1, ""},
		"clusters of others":             {func(_ *testing.T, b *bench) { b.made.names = []string{"kind", "ballast-y"} }, 1, ""},
		"nodes that nothing is known of": {func(_ *testing.T, b *bench) { b.made.names = []string{"ballast-x"} }, 0, "Docker has nodes of ballast-x, and"},
		"a state that cannot be read":    {func(t *testing.T, b *bench) { write(t, b.in(stateFile), "{") }, 0, stateFile},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			tt.before(t, b)
			err := b.Start(t.Context())
			if tt.says != "" {
				if err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("%v, want %q", err, tt.says)
				}
			} else if err != nil || !b.Running() {
				t.Errorf("%v", err)
			}
			if len(b.made.configs) != tt.made {
				t.Errorf("made %d times", len(b.made.configs))
			}
			others := slices.DeleteFunc(slices.Clone(b.made.names), func(n string) bool { return n == "ballast-x" })
			if err := b.Stop(t.Context()); tt.says != stateFile && err != nil {
				t.Error(err)
			}
			if !slices.Equal(b.made.names, others) {
				t.Errorf("there are %v, and were %v of others", b.made.names, others)
			}
		})
	}
}

func TestWhatKeepsAClusterFromComingUp(t *testing.T) {
	broken := errors.New("broken")
	for name, tt := range map[string]struct {
		breaks func(t *testing.T, b *bench)
		says   string
		made   int
	}{
		"a component that does not build":       {func(_ *testing.T, b *bench) { b.programs = programs{bin: b.bin, built: &[]string{}, fails: broken} }, "broken", 0},
		"a git that serves no HTTP":             {func(t *testing.T, b *bench) { b.program(t, "git", "echo /nowhere") }, "cluster x: git has no /nowhere/git-http-backend", 0},
		"a Docker whose nodes cannot be listed": {func(_ *testing.T, b *bench) { b.made.fails = broken }, "cluster x: broken", 0},
		"a network that there is not":           {func(t *testing.T, b *bench) { b.docker(t, "[]") }, "there is no network kind of Docker", 1},
		"a network of IPv6": {func(t *testing.T, b *bench) {
			b.docker(t, `[{"Name": "kind", "IPAM": {"Config": [{"Subnet": "fc00::/64"}]}}]`)
		}, "network kind of Docker has no IPv4", 1},
		"a gateway of another machine": {func(t *testing.T, b *bench) {
			b.docker(t, `[{"Name": "kind", "IPAM": {"Config": [{"Subnet": "192.0.2.0/24", "Gateway": "192.0.2.1"}]}}]`)
		}, "192.0.2.1, the gateway of Docker's network, is not an address of this machine", 1},
		"a registry that does not start": {func(t *testing.T, b *bench) { b.program(t, "registry", "echo no room >&2; exit 3") }, "no room", 1},
		"a registry that there is not": {func(t *testing.T, b *bench) {
			if err := os.Remove(filepath.Join(b.bin, "registry")); err != nil {
				t.Fatal(err)
			}
		}, "no such file or directory", 1},
		"a variable that leads kind elsewhere": {func(t *testing.T, _ *bench) { t.Setenv(otherNetwork, "mine") }, "KIND_EXPERIMENTAL_DOCKER_NETWORK is set; unset it", 0},
		"another command": {func(t *testing.T, b *bench) {
			held, err := b.lock()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := held.Close(); err != nil {
					t.Error(err)
				}
			})
		}, "is being changed by another command", 0},
		"a path that is too long for sockets": {func(_ *testing.T, b *bench) { b.dir = filepath.Join(b.dir, strings.Repeat("long", 30)) }, "set XDG_CACHE_HOME to a shorter one", 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			tt.breaks(t, b)
			if err := b.Start(t.Context()); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %q", err, tt.says)
			}
			if len(b.made.configs) != tt.made {
				t.Errorf("made %d times, want %d", len(b.made.configs), tt.made)
			}
			if left := b.living(t); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// kubectl says no once, as it does while an API server starts.
func TestNodesAreWaitedFor(t *testing.T) {
	b := newBench(t)
	b.program(t, "kubectl", "[ -e "+b.bin+"/asked ] && exit 0; touch "+b.bin+"/asked; echo refused >&2; exit 1")
	b.start(t)
	if calls := b.called(t, "kubectl"); len(calls) != 2 || calls[0] != "--kubeconfig="+b.Kubeconfig()+" wait --for=condition=Ready --timeout=2m node/ballast-x-control-plane node/ballast-x-worker" {
		t.Errorf("%q", calls)
	}
	b.program(t, "kubectl", "echo refused >&2; exit 1")
	ctx, cancel := context.WithCancel(t.Context())
	until(t, "an end", func() bool { cancel(); return true })
	if err := b.awaitReady(ctx); err == nil || !strings.Contains(err.Error(), "cluster x is not ready") {
		t.Errorf("%v", err)
	}
}

func TestAddons(t *testing.T) {
	b := newBench(t)
	if err := b.Addons(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a cluster: %v", err)
	}
	st := b.start(t)
	if err := b.Addons(t.Context()); err != nil {
		t.Fatal(err)
	}
	gateway, err := st.gateway()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(gitService(gateway)), read(t, b.in("git.yaml"))); d != "" {
		t.Error(d)
	}
	metrics := filepath.Join(b.repository, filepath.FromSlash(metricsServer))
	if _, err := os.Stat(metrics); err != nil {
		t.Error(err)
	}
	calls := b.called(t, "kubectl")
	if want := "apply --server-side --force-conflicts --field-manager=ballast --filename=" + metrics + " --filename=" + b.in("git.yaml"); !strings.HasSuffix(calls[1], want) {
		t.Errorf("%q, want %q", calls[1], want)
	}
	b.program(t, "kubectl", "echo forbidden >&2; exit 1")
	if err := b.Addons(t.Context()); err == nil || !strings.Contains(err.Error(), "add-ons: kubectl apply: exit status 1: forbidden") {
		t.Errorf("%v", err)
	}
}

func TestImages(t *testing.T) {
	b := newBench(t)
	st := b.start(t)
	if err := b.Images(t.Context()); err != nil {
		t.Fatal(err)
	}
	const there = "/v2/ballast/otel-collector/manifests/v0.165.0"
	if status, text := ask(t, http.MethodGet, "http://"+st.Gateway+there); status != http.StatusOK || !strings.Contains(text, "sha256:") {
		t.Errorf("%d: %s", status, text)
	}
	// Nothing is sent that was sent before, and all of it when the program is another.
	if err := b.end(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.Images(t.Context()); err != nil {
		t.Errorf("what is there was sent again: %v", err)
	}
	write(t, b.in("images"), "of another program")
	if err := b.Images(t.Context()); err == nil || !strings.Contains(err.Error(), collector) {
		t.Errorf("without a registry: %v", err)
	}

	st = b.start(t)
	img, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Push(t.Context(), img, "ballast/monitor:dev"); err != nil {
		t.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if status, text := ask(t, http.MethodGet, "http://"+st.Gateway+"/v2/ballast/monitor/manifests/"+digest.String()); status != http.StatusOK {
		t.Errorf("%d: %s", status, text)
	}
	if err := b.Push(t.Context(), empty.Image, "quay.io/x/y:1"); err == nil {
		t.Error("an image was taken that no node looks for")
	}
}

func TestTheNameOfAnImageInTheRegistry(t *testing.T) {
	for ref, want := range map[string]string{
		"ballast/monitor:dev": "ballast/monitor:dev", "docker.io/ballast/monitor:dev": "ballast/monitor:dev",
		"redis:8": "library/redis:8", "docker.io/redis:8": "library/redis:8", "docker.io/library/redis:8": "library/redis:8",
		"quay.io/prometheus/prometheus:v3": "", "localhost/x:1": "", "localhost:5000/x:1": "", "registry:5000/x:1": "",
	} {
		t.Run(ref, func(t *testing.T) {
			got, err := repository(ref)
			if got != want || (err != nil) != (want == "") {
				t.Errorf("%q, %v, want %q", got, err, want)
			}
		})
	}
}

// The chart's own tag is what the nodes ask for.
func TestTheCollectorIsTheOneOfTheChart(t *testing.T) {
	values := read(t, filepath.Join("..", "..", "helm", "observability", "values.yaml"))
	name, tag, _ := strings.Cut(strings.TrimPrefix(collector, "docker.io/"), ":")
	if !strings.Contains(values, "repository: "+name+"\n      tag: "+tag+"\n") {
		t.Errorf("the chart has not %s:%s", name, tag)
	}
}

func TestLogs(t *testing.T) {
	b := newBench(t)
	b.start(t)
	dest := filepath.Join(t.TempDir(), "logs")
	for range 2 {
		if err := b.Logs(t.Context(), dest); err != nil {
			t.Fatal(err)
		}
	}
	if text := read(t, filepath.Join(dest, "host", "host.log")); !strings.Contains(text, `"msg":"serving"`) {
		t.Errorf("%s", text)
	}
	if text := read(t, filepath.Join(dest, "kind-version.txt")); text != "kind" {
		t.Errorf("%s", text)
	}
	b.made.fails = errors.New("broken")
	if err := b.Logs(t.Context(), dest); err == nil || !strings.Contains(err.Error(), "logs of cluster x: broken") {
		t.Errorf("%v", err)
	}
}

func TestBuildStartsNothing(t *testing.T) {
	b := newBench(t)
	without(t) // and asks nobody
	var built []string
	b.programs = programs{bin: b.bin, built: &built}
	if err := b.Build(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"registry", "kubernetes", "helm", "otel-collector", "chaos-mesh"}, built); d != "" {
		t.Error(d)
	}
	if _, err := os.Stat(b.Dir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	b.programs = programs{bin: b.bin, built: &built, fails: errors.New("broken")}
	if err := b.Build(t.Context()); err == nil || err.Error() != "broken" {
		t.Errorf("%v", err)
	}
}

func TestWhatAFailedCommandTold(t *testing.T) {
	for name, tt := range map[string]struct{ told, want string }{
		"is told":                               {"one\ntwo\n", "one\ntwo\n"},
		"is told without a stack":               {"error: no kubelet\nmain.main\n\tk8s.io/kubernetes@v1.34.4/cmd/kubeadm/kubeadm.go:25\nruntime.goexit\n\truntime/asm_amd64.s:1771", "error: no kubelet\n"},
		"is told with what is only indented":    {"errors occurred:\n\t[ERROR CRI]: no runtime\n", "errors occurred:\n\t[ERROR CRI]: no runtime\n"},
		"is nothing where a stack is all it is": {"main.main\n\tmain.go:1 +0x1d\n", ""},
		"is told of a place without a frame":    {"\tmain.go:1\nend", "end"},
		"is nothing":                            {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := withoutTraces(tt.told); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// It is the library that runs here; only Docker is made up, and ends it where nodes
// would be started.
func TestWhatTheLibraryAsksDockerFor(t *testing.T) {
	b := newBench(t)
	b.program(t, "docker", `case "$1" in
info) echo '{"CgroupVersion":"2","MemoryLimit":true,"PidsLimit":true,"CPUShares":true,"SecurityOptions":[]}' ;;
network) echo 0123456789ab ;;
run) echo "no room for nodes" >&2; exit 1 ;;
esac`)
	named, err := New("x", ".", b.programs, b.report)
	if err != nil {
		t.Fatal(err)
	}
	if all, err := named.kind.List(); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
	const image = "registry.example/node:v1"
	if err := named.kind.create(config(named.own(), image, "/certs.d"), named.Kubeconfig()); err == nil || !strings.HasSuffix(err.Error(), "the end of its output:\nno room for nodes") {
		t.Fatalf("nodes were made of nothing, or it is not told why not: %v", err)
	}
	var nodes []string
	for _, call := range b.called(t, "docker") {
		if !strings.HasPrefix(call, "run ") {
			continue
		}
		_, name, _ := strings.Cut(call, "--name ")
		name, _, _ = strings.Cut(name, " ")
		nodes = append(nodes, name)
		for _, want := range []string{"io.x-k8s.kind.cluster=ballast-x", "/certs.d:/etc/containerd/certs.d:ro", image} {
			if !strings.Contains(call, want) {
				t.Errorf("%s is started without %s: %s", name, want, call)
			}
		}
	}
	slices.Sort(nodes)
	// The first that fails ends the others, which may not have been asked for yet.
	for _, name := range nodes {
		if !slices.Contains([]string{"ballast-x-control-plane", "ballast-x-worker", "ballast-x-worker2"}, name) {
			t.Errorf("a node %s", name)
		}
	}
	if len(nodes) == 0 {
		t.Errorf("no node was asked for: %q", b.called(t, "docker"))
	}
	if err := named.remove(); err != nil {
		t.Errorf("what is not there: %v", err)
	}
}
