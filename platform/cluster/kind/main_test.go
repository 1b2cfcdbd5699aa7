package kind

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"

	"github.com/ballast-sre/ballast/tests/golden"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// registryCommand makes the test's own program the registry of a cluster: see
// TestMain.
const registryCommand = "__registry"

// echo are repositories that say which one was asked for.
type echo struct{}

func (echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "repository %s", r.URL.Path)
}

// bench is a cluster whose containers are made up; its process on the host is real.
type bench struct {
	*Cluster
	bin   string // programs that are made up
	made  *made
	calls string // a line for each time that docker or kubectl was called

	mu   sync.Mutex
	told []string
}

// made are clusters as the library would make them.
type made struct {
	names   []string
	configs []*v1alpha4.Cluster
	fails   error
}

func (m *made) List() ([]string, error) { return m.names, m.fails }

func (m *made) create(config *v1alpha4.Cluster, kubeconfig string) error {
	if _, err := os.Stat(kubeconfig + ".lock"); err == nil {
		return errors.New("failed to lock config file")
	}
	if m.fails != nil {
		return m.fails
	}
	m.names, m.configs = append(m.names, config.Name), append(m.configs, config)
	return os.WriteFile(kubeconfig, []byte(kubeconfigOf("https://127.0.0.1:6443")), 0o600)
}

func (m *made) Delete(name, kubeconfig string) error {
	if _, err := os.Stat(kubeconfig + ".lock"); err == nil {
		return errors.New("failed to lock config file")
	}
	m.names = slices.DeleteFunc(m.names, func(n string) bool { return n == name })
	return m.fails
}

func (m *made) CollectLogs(_, dir string) error {
	return errors.Join(m.fails, os.WriteFile(filepath.Join(dir, "kind-version.txt"), []byte("kind"), 0o600))
}

// programs are found in a directory, once they were built.
type programs struct {
	bin   string
	built *[]string
	fails error
}

func (p programs) BuildComponents(_ context.Context, names ...string) error {
	*p.built = append(*p.built, names...)
	return p.fails
}

func (p programs) Program(_, program string) (string, error) {
	return filepath.Join(p.bin, program), nil
}

// inspected is what Docker says of its network; its gateway is an address of any Linux.
const inspected = `[{"Name": "kind", "IPAM": {"Config": [{"Subnet": "127.0.0.0/8", "Gateway": "127.0.0.2"}]}}]`

// newBench names a cluster. What it leaves on the host ends with the test.
func newBench(t *testing.T) *bench {
	t.Helper()
	// The names of tests are too long for paths of sockets.
	root, err := os.MkdirTemp("", "kind-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(root); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("XDG_CACHE_HOME", filepath.Join(root, "cache"))
	bin := filepath.Join(root, "bin")
	b := &bench{bin: bin, made: &made{}, calls: filepath.Join(root, "calls")}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b.program(t, "registry", "exec "+self+" "+registryCommand+` "$@"`)
	b.program(t, "kubectl", "")
	b.program(t, "otel-collector", "")
	b.docker(t, inspected)
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	b.Cluster, err = New("x", filepath.Join("..", "..", ".."), programs{bin: bin, built: &[]string{}}, b.report)
	if err != nil {
		t.Fatal(err)
	}
	// What starts it is all that is copied: the program is large.
	b.program(t, "cluster", "exec "+self+` "$@"`)
	b.kind, b.self = b.made, filepath.Join(bin, "cluster")
	t.Cleanup(func() {
		if err := b.end(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *bench) report(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told = append(b.told, fmt.Sprintf(format, args...))
}

// program writes a program of the shell that notes its calls.
func (b *bench) program(t *testing.T, name, does string) {
	t.Helper()
	path := filepath.Join(b.bin, name)
	write(t, path, "#!/bin/sh\necho "+name+` "$@" >>`+b.calls+"\n"+does+"\n")
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

// docker writes a Docker of one cluster and one network.
func (b *bench) docker(t *testing.T, network string) {
	t.Helper()
	b.program(t, "docker", `case "$1" in
version) echo 28.0.0 ;;
network) echo '`+network+`' ;;
ps) echo ballast-x-control-plane; echo ballast-x-worker ;;
stats)
  echo '{"Name":"ballast-x-worker","MemUsage":"1GiB / 23.4GiB","PIDs":"120"}'
  echo '{"Name":"ballast-x-control-plane","MemUsage":"1.5GiB / 23.4GiB","PIDs":"230"}' ;;
esac`)
}

// called are the calls of a program since the last time.
func (b *bench) called(t *testing.T, program string) []string {
	t.Helper()
	text, err := os.ReadFile(b.calls)
	if err != nil {
		t.Fatal(err)
	}
	var calls []string
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), program+" "); ok {
			calls = append(calls, rest)
		}
	}
	return calls
}

func kubeconfigOf(api string) string {
	return `apiVersion: v1
kind: Config
clusters: [{name: x, cluster: {server: "` + api + `", insecure-skip-tls-verify: true}}]
users: [{name: x, user: {token: of-the-administrator}}]
contexts: [{name: x, context: {cluster: x, user: x}}]
current-context: x
`
}

func compare(t *testing.T, name string, got []byte) {
	t.Helper()
	golden.Compare(t, filepath.Join("testdata", "golden", name), string(got), *update)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// ask sends one request and returns the answer's status and text.
func ask(t *testing.T, method, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// until asks real processes, which no fake clock moves, until they are as they should
// be. The deadline is far off: it is only met when something is wrong.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	ticks := time.NewTicker(5 * time.Millisecond)
	defer ticks.Stop()
	for end := time.Now().Add(time.Minute); !so(); <-ticks.C {
		if time.Now().After(end) {
			t.Fatalf("never came: %s", what)
		}
	}
}

// without leaves a PATH without Docker.
func without(t *testing.T) {
	t.Helper()
	if path, err := exec.LookPath("docker"); err == nil {
		t.Setenv("PATH", t.TempDir())
		if again, err := exec.LookPath("docker"); err == nil {
			t.Fatalf("%s, and then %s", path, again)
		}
	}
}
