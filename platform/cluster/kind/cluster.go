package kind

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"sigs.k8s.io/kind/pkg/apis/config/defaults"
	kindcluster "sigs.k8s.io/kind/pkg/cluster"

	"github.com/ballast-sre/ballast/platform/cluster/internal/sandbox"
)

// Programs are built elsewhere: a cluster needs some on the host and one in an image.
type Programs interface {
	// BuildComponents builds what is missing of the components named. It blocks for
	// minutes when there is much.
	BuildComponents(ctx context.Context, names ...string) error
	// Program is the path of a program of a component that was built.
	Program(component, program string) (string, error)
}

// components are what a cluster is built with, in the order in which they are built:
// kubectl, helm and the generator of Chaos Mesh's definitions run on the host, as the
// registry does; the collector goes into an image that no registry has.
func components() []string {
	return []string{"registry", "kubernetes", "helm", "otel-collector", "chaos-mesh"}
}

// Cluster is one cluster of this user. Its zero value is of no use: see New.
type Cluster struct {
	name       string
	dir        string
	repository string
	image      string // of the nodes
	self       string // the program that runs
	programs   Programs
	report     func(format string, args ...any)
	kind       maker
}

// New names a cluster. Nothing is started, and Docker is not asked. name is made of
// small letters, digits and dashes; repository is the checkout that the add-ons are
// read from; report receives the progress, a line each.
func New(name, repository string, programs Programs, report func(format string, args ...any)) (*Cluster, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("directory of the clusters: %w; set HOME or XDG_CACHE_HOME", err)
	}
	repository, err = filepath.Abs(repository)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the program itself: %w", err)
	}
	return &Cluster{
		name: name, dir: filepath.Join(cache, "ballast", "kind", name), repository: repository,
		image: defaults.Image, self: self, programs: programs, report: report,
		kind: library{kindcluster.NewProvider(kindcluster.ProviderWithDocker(), kindcluster.ProviderWithLogger(logger{report}))},
	}, nil
}

// NodeImage names the image of nodes that are not made yet. Without it, it is the one
// that the library was released with, by digest: where no registry of the internet is
// reached, one of your own has another.
func (c *Cluster) NodeImage(ref string) { c.image = ref }

func (c *Cluster) in(elem ...string) string {
	return filepath.Join(append([]string{c.dir}, elem...)...)
}

// own is the cluster's name as kind and Docker know it.
func (c *Cluster) own() string { return "ballast-" + c.name }

// Name is the cluster's name.
func (c *Cluster) Name() string { return c.name }

// Dir is the cluster's directory. It is there from the first Start to Stop.
func (c *Cluster) Dir() string { return c.dir }

// Kubeconfig is the path of a file with which the host reaches the API server as
// its administrator.
func (c *Cluster) Kubeconfig() string { return c.in("kubeconfig") }

// Running says whether the process on the host lives. Docker is not asked.
func (c *Cluster) Running() bool {
	s, err := c.load()
	return err == nil && s.Made && s.Runs()
}

// GitURL is where the host reaches the cluster's repositories.
func (c *Cluster) GitURL() (string, error) {
	s, err := c.load()
	if err != nil {
		return "", err
	}
	return "http://127.0.0.1:" + strconv.Itoa(s.GitPort), nil
}

// lock keeps two commands from changing one cluster at the same time. It does not
// wait: the error says who is to be waited for.
func (c *Cluster) lock() (*os.File, error) {
	root := filepath.Dir(c.dir)
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("directory of the clusters: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(root, "."+c.name+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock of cluster %s: %w", c.name, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("cluster %s is being changed by another command; wait for it", c.name), f.Close())
	}
	return f, nil
}

// longestSocket is what the kernel takes as the path of a socket, without its end.
const longestSocket = 107

// directory makes the cluster's directory, in which sockets have to be possible.
func (c *Cluster) directory() error {
	if longest := c.in("git", ".hook.sock"); len(longest) > longestSocket {
		return fmt.Errorf("cluster %s: %s is too long for the path of a socket; set XDG_CACHE_HOME to a shorter one", c.name, longest)
	}
	if err := os.MkdirAll(c.in("log"), 0o700); err != nil {
		return fmt.Errorf("cluster %s: %w", c.name, err)
	}
	return nil
}

// remove lets kind remove its nodes. It may be repeated.
func (c *Cluster) remove() error {
	if err := c.unlock(); err != nil {
		return fmt.Errorf("cluster %s: %w", c.name, err)
	}
	if err := c.kind.Delete(c.own(), c.Kubeconfig()); err != nil {
		return fmt.Errorf("cluster %s: %w", c.name, err)
	}
	return nil
}

// unlock takes away the file with which kind locks a kubeconfig, and which it leaves
// when it is killed. Nobody else changes ours.
func (c *Cluster) unlock() error { return removeFile(c.Kubeconfig() + ".lock") }

// kubectl runs the program that talks to the cluster.
func (c *Cluster) kubectl(ctx context.Context, args ...string) error {
	program, err := c.programs.Program("kubernetes", "kubectl")
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program, append([]string{"--kubeconfig=" + c.Kubeconfig()}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl %s: %w: %s", args[0], err, lastLines(out, 5))
	}
	return nil
}

// Stop ends the process on the host and removes the cluster and its directory. It
// works whatever state the cluster is in, and may be repeated. What all clusters of
// kind share stays with Docker: the image of the nodes and the network. The error is
// ErrNoDocker when Docker does not answer.
func (c *Cluster) Stop(ctx context.Context) (err error) {
	held, err := c.lock()
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, held.Close(), removeFile(held.Name()))
		if err == nil {
			_ = os.Remove(filepath.Dir(c.dir)) // with the last cluster; others keep it
		}
	}()
	if err := c.end(ctx); err != nil {
		return err
	}
	if err := Answers(ctx); err != nil {
		return err
	}
	if err := c.remove(); err != nil {
		return err
	}
	if err := sandbox.Remove(c.dir); err != nil {
		return fmt.Errorf("cluster %s: %w", c.name, err)
	}
	return nil
}

// Build builds what a cluster is made with and starts nothing.
func (c *Cluster) Build(ctx context.Context) error {
	began := time.Now()
	if err := c.programs.BuildComponents(ctx, components()...); err != nil {
		return err
	}
	c.report("everything is built (%s)", time.Since(began).Round(time.Second))
	return nil
}

// Logs copies the logs of the nodes, of their pods and of the process on the host
// into a directory.
func (c *Cluster) Logs(ctx context.Context, dest string) error {
	if err := Answers(ctx); err != nil {
		return err
	}
	if err := os.MkdirAll(dest, 0o755); err != nil {
		return fmt.Errorf("logs of cluster %s: %w", c.name, err)
	}
	if _, err := os.Stat(c.in("log")); err == nil {
		host := filepath.Join(dest, "host")
		if err := errors.Join(os.RemoveAll(host), os.CopyFS(host, os.DirFS(c.in("log")))); err != nil {
			return fmt.Errorf("logs of cluster %s: %w", c.name, err)
		}
	}
	if err := c.kind.CollectLogs(c.own(), dest); err != nil {
		return fmt.Errorf("logs of cluster %s: %w", c.name, err)
	}
	return nil
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func lastLines(text []byte, n int) string {
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
