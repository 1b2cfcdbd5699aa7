package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"sigs.k8s.io/yaml"

	"github.com/ballast-sre/ballast/internal/image"
	"github.com/ballast-sre/ballast/platform/cluster/kind"
)

func TestByWhatAClusterIsMade(t *testing.T) {
	both := []string{bySource, byKind}
	for name, tt := range map[string]struct {
		asked  string
		has    []string
		docker bool
		want   string
		says   string
	}{
		"by source without Docker":                     {"", nil, false, bySource, ""},
		"by kind with Docker":                          {"", nil, true, byKind, ""},
		"by source that was asked for":                 {bySource, nil, true, bySource, ""},
		"by kind that was asked for":                   {byKind, nil, false, byKind, ""},
		"by source that made it, with Docker":          {"", []string{bySource}, true, bySource, ""},
		"by kind that made it, with Docker gone":       {"", []string{byKind}, false, byKind, ""},
		"by source that made it and was asked for":     {bySource, []string{bySource}, true, bySource, ""},
		"by kind that made it and was asked for":       {byKind, []string{byKind}, false, byKind, ""},
		"by that of two which was asked for":           {byKind, both, false, byKind, ""},
		"by the other of two which was asked for":      {bySource, both, true, bySource, ""},
		"by neither of two when none was asked for":    {"", both, true, "", "there are two clusters of this name; say source or kind"},
		"by kind where source made one of this name":   {byKind, []string{bySource}, true, "", "there is a cluster of this name already, made by source; take another --name"},
		"by source where kind made one of this name":   {bySource, []string{byKind}, true, "", "there is a cluster of this name already, made by kind; take another --name"},
		"by something else":                            {"k3d", nil, true, "", `--provider "k3d": want source or kind`},
		"by something else where there is one already": {"k3d", []string{byKind}, true, "", `--provider "k3d": want source or kind`},
		"by kind in other letters":                     {"Kind", nil, true, "", `--provider "Kind": want source or kind`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := provider(tt.asked, tt.has, func() bool {
				if tt.asked != "" || len(tt.has) > 0 {
					t.Error("Docker was asked, which need not be")
				}
				return tt.docker
			})
			if got != tt.want || (err != nil) != (tt.says != "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%q, %v, want %q, %q", got, err, tt.want, tt.says)
			}
		})
	}
}

func TestKindWithoutDocker(t *testing.T) {
	const says = "cluster: CLUSTER=kind needs a running Docker; CLUSTER=source needs none ("
	for name, args := range map[string][]string{
		"up": {"up"}, "down": {"down"}, "logs": {"logs", t.TempDir()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PATH", t.TempDir())
			code, stdout, stderr := cluster(t, append(args, "--provider=kind", "--name=never-started-by-any1")...)
			if code != exitInternal || stdout != "" || !strings.HasPrefix(stderr, says) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("exit code %d: %s%s", code, stdout, stderr)
			}
			left, err := filepath.Glob(filepath.Join(os.Getenv("XDG_CACHE_HOME"), "ballast", "kind", "*"))
			if err != nil || len(left) > 0 {
				t.Errorf("something was begun: %v, %v", left, err)
			}
		})
	}
	t.Run("status", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		code, stdout, stderr := cluster(t, "status", "--provider=kind", "--name=never-started-by-any1")
		if code != exitOK || stdout != "cluster never-started-by-any1 does not run; `make up` starts it\n" || stderr != "" {
			t.Errorf("exit code %d: %s%s", code, stdout, stderr)
		}
	})
}

// made are programs of a directory: there is nothing to build.
type made string

func (made) BuildComponents(context.Context, ...string) error { return nil }

func (m made) Program(_, program string) (string, error) {
	return filepath.Join(string(m), program), nil
}

// A cluster whose containers are made up. Its process on the host, the repositories
// and what is pushed to them are real, and so is the command line.
func TestAClusterOfKindFromTheHost(t *testing.T) {
	if _, err := gitServer(t.Context()); err != nil {
		t.Skip(err)
	}
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
	t.Setenv("HOME", filepath.Join(root, "home"))
	t.Setenv("XDG_CACHE_HOME", filepath.Join(root, "cache"))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin, calls := filepath.Join(root, "bin"), filepath.Join(root, "calls")
	script := func(name, text string) {
		t.Helper()
		write(t, filepath.Join(bin, name), "#!/bin/sh\n"+text+"\n")
		if err := os.Chmod(filepath.Join(bin, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script("kubectl", "")
	script("docker", `echo "$@" >>`+calls+`
case "$*" in
*Label*) echo ballast-x ;;
ps*) echo ballast-x-control-plane ;;
network*) echo '[{"Name": "kind", "IPAM": {"Config": [{"Subnet": "127.0.0.0/8", "Gateway": "127.0.0.2"}]}}]' ;;
stats*) echo '{"Name":"ballast-x-control-plane","MemUsage":"1GB / 23.4GiB","PIDs":"230"}' ;;
esac`)
	if err := os.Symlink(self, filepath.Join(bin, "registry")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))

	api := newAPIServer(t)
	checkout := filepath.Join("..", "..", "..", "..")
	k, err := kind.New("x", checkout, made(bin), func(format string, args ...any) { t.Logf(format, args...) })
	if err != nil {
		t.Fatal(err)
	}
	// As kind and an earlier command left it.
	write(t, filepath.Join(k.Dir(), "state.json"), `{"made": true}`)
	write(t, filepath.Join(k.Dir(), "certs.d", "docker.io", "hosts.toml"), "")
	write(t, filepath.Join(k.Dir(), "log", "host.log"), "")
	write(t, k.Kubeconfig(), api.kubeconfig())
	command := func(args ...string) (code int, stdout, stderr string) {
		t.Helper()
		var out, err bytes.Buffer
		code = Main(append(args, "--name=x", "--repository="+checkout), strings.NewReader(""), &out, &err)
		return code, out.String(), err.String()
	}
	t.Cleanup(func() { // whatever becomes of the command line
		if err := k.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	if err := k.Start(t.Context()); err != nil {
		t.Fatal(err)
	}

	t.Run("where to push to", func(t *testing.T) {
		code, stdout, stderr := command("remote")
		if code != exitOK || !strings.HasPrefix(stdout, "http://ballast@127.0.0.1:") || !strings.HasSuffix(stdout, "/ballast.git\n") || stderr != "" {
			t.Errorf("exit code %d: %s%s", code, stdout, stderr)
		}
	})
	t.Run("what a shell needs", func(t *testing.T) {
		code, stdout, stderr := command("env")
		if code != exitOK || !strings.HasPrefix(stdout, "export KUBECONFIG="+k.Kubeconfig()+"\nexport PATH=") || stderr != "" {
			t.Errorf("exit code %d: %s%s", code, stdout, stderr)
		}
	})
	t.Run("what it takes", func(t *testing.T) {
		code, stdout, stderr := command("memory")
		if code != exitOK || !strings.Contains(stdout, "ballast-x-control-plane  1074") || !strings.Contains(stdout, "in all ") || stderr != "" {
			t.Errorf("exit code %d: %s%s", code, stdout, stderr)
		}
	})
	t.Run("that source made none of this name", func(t *testing.T) {
		code, _, stderr := command("status", "--provider=source") // which is harmless where it is let through
		if code != exitUsage || !strings.Contains(stderr, "made by kind") {
			t.Errorf("exit code %d: %s", code, stderr)
		}
	})
	t.Run("an image without a push", func(t *testing.T) {
		layout := filepath.Join(root, "layout")
		if err := image.SaveLayout(empty.Image, layout); err != nil {
			t.Fatal(err)
		}
		if code, _, stderr := command("load-image", layout, "ballast/monitor:dev"); code != exitOK {
			t.Errorf("exit code %d: %s", code, stderr)
		}
		if code, _, stderr := command("load-image", layout, "quay.io/ballast/monitor:dev"); code != exitInternal || !strings.Contains(stderr, "give it a name without a host") {
			t.Errorf("exit code %d: %s", code, stderr)
		}
	})
	t.Run("a push", func(t *testing.T) {
		_, remote, _ := command("remote")
		remote = strings.TrimSpace(remote)
		tree := filepath.Join(root, "tree")
		write(t, filepath.Join(tree, "README.md"), "nothing that could be built\n")
		run := func(args ...string) (string, error) {
			cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=x", "-c", "user.email=x@x.invalid"}, args...)...)
			cmd.Dir = tree
			cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_GLOBAL=/dev/null", "LC_ALL=C.UTF-8")
			out, err := cmd.CombinedOutput()
			return string(out), err
		}
		for _, args := range [][]string{{"init", "--quiet"}, {"add", "--all"}, {"commit", "--quiet", "--message", "x"}} {
			if out, err := run(args...); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		}
		for name, remote := range map[string]string{"without a": remote, "with a wrong": strings.Replace(remote, "ballast@", "ballast:wrong@", 1)} {
			if out, err := run("push", remote, "HEAD:refs/heads/main"); err == nil {
				t.Errorf("a push %s password: %s", name, out)
			}
		}
		// `up` does as much for its own checkout.
		var added, reported bytes.Buffer
		if code := Main([]string{"remote", "--add", "--name=x", "--repository=" + tree}, strings.NewReader(""), &added, &reported); code != exitOK || added.String() != remote+"\n" {
			t.Fatalf("exit code %d: %s%s", code, &added, &reported)
		}
		out, err := run("push", "local-x", "HEAD:refs/heads/main")
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		// The pusher sees what the builder says, and Argo CD is notified all the same.
		if !strings.Contains(out, "remote: the recipe of the images does not build") || !strings.Contains(out, "remote: Argo CD is notified") {
			t.Errorf("%s", out)
		}
		// The applications are looked at all the time.
		told := slices.DeleteFunc(api.told(), func(request string) bool { return strings.HasSuffix(request, "/applications ") })
		if !slices.Equal(told, []string{"/api/v1/namespaces/argocd/services/argocd-webhook:http/proxy/api/webhook http://git.ballast-system.svc/ballast"}) {
			t.Errorf("told: %q", told)
		}
		// Pods read it at the gateway.
		state := read(t, filepath.Join(k.Dir(), "state.json"))
		_, gateway, _ := strings.Cut(state, `"gateway": "`)
		gateway, _, _ = strings.Cut(gateway, `"`)
		if !strings.HasPrefix(gateway, "127.0.0.2:") {
			t.Fatalf("%s", state)
		}
		if out, err := run("ls-remote", "http://"+gateway+"/ballast.git"); err != nil || !strings.Contains(out, "refs/heads/main") {
			t.Errorf("%v: %s", err, out)
		}
	})
	t.Run("its end", func(t *testing.T) {
		for range 2 {
			if code, stdout, stderr := command("down", "--provider=kind"); code != exitOK || stdout != "" || stderr != "" {
				t.Errorf("exit code %d: %s%s", code, stdout, stderr)
			}
		}
		if _, err := os.Stat(k.Dir()); !os.IsNotExist(err) {
			t.Errorf("%v", err)
		}
		if text := read(t, calls); !strings.Contains(text, "rm -f -v ballast-x-control-plane\n") {
			t.Errorf("Docker was asked for %s", text)
		}
	})
}

// apiServer is as much of one as a webhook goes through.
type apiServer struct {
	*httptest.Server
	mu    sync.Mutex
	paths []string
}

func newAPIServer(t *testing.T) *apiServer {
	t.Helper()
	s := &apiServer{}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("Authorization") != "Bearer of-the-administrator" {
			t.Errorf("%v, %v", err, r.Header)
		}
		var push struct {
			Repository struct {
				URL string `json:"html_url"`
			}
		}
		if err := yaml.Unmarshal(body, &push); err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.paths = append(s.paths, r.URL.Path+" "+push.Repository.URL)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *apiServer) told() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.paths)
}

func (s *apiServer) kubeconfig() string {
	return fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: x, cluster: {server: %q, insecure-skip-tls-verify: true}}]
users: [{name: x, user: {token: of-the-administrator}}]
contexts: [{name: x, context: {cluster: x, user: x}}]
current-context: x
`, s.URL)
}
