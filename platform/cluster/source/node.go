package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"github.com/ballast-sre/ballast/platform/cluster/internal/hosttools"
)

// stateRoot is the directory of all nodes of this machine.
const stateRoot = "/var/lib/ballast"

// The hidden subcommands with which the command runs itself again: as process 1 of
// a node, as its supervisor, and as the server of its repositories, whose argument
// is the node's directory and whose descriptor 3 the host's network namespace.
const (
	InitCommand  = "__init"
	NodeCommand  = "__node"
	ServeCommand = "__serve"
)

// The descriptors that process 1 and the supervisor inherit.
const (
	lockFD = 3 + iota // held as long as the node lives
	apiFD             // listens on the host's loopback
	gitFD
	hostNetFD // the host's network namespace, in which images are built
	inherited = iota
)

var validName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,20}[a-z0-9])?$`)

// ErrName is what New says of a name that no cluster can have.
var ErrName = errors.New("want at most 22 small letters, digits and dashes, a letter first and no dash last")

// Node is one node of this machine. Its zero value is of no use: see New.
type Node struct {
	name   string
	dir    string
	report func(format string, args ...any)
	host   *hosttools.Machine
	build  *builder
}

// New names a node. Nothing is started. repository is the checkout whose
// platform/cluster/components pins what the node is built from; report receives
// the progress, a line each. The error is ErrName when the name is at fault.
func New(name, repository string, report func(format string, args ...any)) (*Node, error) {
	if !validName.MatchString(name) {
		return nil, fmt.Errorf("cluster name %q: %w", name, ErrName)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("cache of components: %w; set HOME or XDG_CACHE_HOME", err)
	}
	repository, err = filepath.Abs(repository)
	if err != nil {
		return nil, err
	}
	cache = filepath.Join(cache, "ballast")
	host := hosttools.Here(cache, report)
	return &Node{
		name: name, dir: filepath.Join(stateRoot, name), report: report, host: host,
		build: &builder{modules: filepath.Join(repository, "platform", "cluster", "components"), cache: cache, host: host, report: report},
	}, nil
}

// InstallPackages allows Start and Build to fetch Debian packages that this machine
// lacks. Without it they return an error that names them.
func (n *Node) InstallPackages() { n.host.Install = true }

func (n *Node) in(elem ...string) string { return filepath.Join(append([]string{n.dir}, elem...)...) }

// Name is the cluster's name.
func (n *Node) Name() string { return n.name }

// Kubeconfig is the path of a file with which the host reaches the API server as
// its administrator.
func (n *Node) Kubeconfig() string { return n.in("kubeconfig", "host.conf") }

// Kubectl and Helm are paths of programs that fit the node.
func (n *Node) Kubectl() (string, error) { return n.build.find("kubernetes", "kubectl") }

// Helm is at the version with which Argo CD renders.
func (n *Node) Helm() (string, error) { return n.build.find("helm", "helm") }

// ModuleDir is where the source of a module lies that a component is built from.
func (n *Node) ModuleDir(ctx context.Context, component, module string) (string, error) {
	return n.build.moduleDir(ctx, component, module)
}

// Program is the path of a program of a component.
func (n *Node) Program(component, program string) (string, error) {
	return n.build.find(component, program)
}

// Dir is the node's directory.
func (n *Node) Dir() string { return n.dir }

// Running says whether the node's process 1 lives, and not only what it waits for when
// it was killed.
func (n *Node) Running() bool {
	s, err := n.load()
	return err == nil && s.Runs()
}

// Start builds what is missing, starts the node and blocks until its API server and
// its kubelet are ready: minutes the first time, seconds later on. A node that runs
// is left running. After a crash it goes on with what it had.
func (n *Node) Start(ctx context.Context) (err error) {
	if os.Getuid() != 0 {
		return errors.New("a source node needs root, for its namespaces and cgroups; run as root, or install Docker and use CLUSTER=kind")
	}
	if err := n.host.Ensure(ctx); err != nil {
		return err
	}
	held, err := n.lock()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, held.Close()) }()
	if err := n.build.build(ctx, components()); err != nil {
		return err
	}
	switch {
	case n.Running() && n.current():
		// One that was killed just now may run for another moment.
		if err := n.awaitReady(ctx); !errors.Is(err, errEnded) {
			return err
		}
		n.report("node %s has ended: starting it again", n.name)
	case n.Running():
		n.report("node %s was started by another build of this program: restarting it", n.name)
	}
	// Also what is left of one that was killed.
	if err := n.end(ctx); err != nil {
		return err
	}
	if err := n.launch(ctx); err != nil {
		return err
	}
	return n.awaitReady(ctx)
}

// Stop ends the node and removes all that is left of it. It works whatever state
// the node is in, also when everything of it was killed, and may be repeated.
func (n *Node) Stop(ctx context.Context) (err error) {
	if os.Getuid() != 0 {
		return errors.New("removing a source node needs root; run as root")
	}
	held, err := n.lock()
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, held.Close(), removeFile(held.Name()))
		if err == nil {
			_ = os.Remove(stateRoot) // with the last node; others keep it
		}
	}()
	if err := n.end(ctx); err != nil {
		return err
	}
	groups, err := findHierarchies()
	if err != nil {
		return err
	}
	if err := groups.remove(n.name); err != nil {
		return err
	}
	if err := os.RemoveAll(n.dir); err != nil {
		return fmt.Errorf("node %s: %w", n.name, err)
	}
	return nil
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !gone(err) {
		return err
	}
	return nil
}

// end kills process 1, and with it everything of the node, and waits until all of it
// is gone. Not even SIGKILL ends what is frozen, as a container runtime does for a
// moment with a container that it changes: that is let go on, so that it can end.
func (n *Node) end(ctx context.Context) error {
	s, err := n.load()
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for s.Exists() {
		if err := syscall.Kill(s.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("node %s: %w", n.name, err)
		}
		groups, frozen := findHierarchies()
		if frozen == nil {
			frozen = groups.thaw(n.name)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("node %s: process %d lives after SIGKILL: %w", n.name, s.PID, errors.Join(ctx.Err(), frozen))
		}
	}
	return nil
}

// Logs copies the logs of the node's programs and pods into a directory. What an
// earlier call copied there is overwritten.
func (n *Node) Logs(ctx context.Context, dest string) error {
	dest, err := filepath.Abs(dest)
	if err != nil {
		return fmt.Errorf("logs of node %s: %w", n.name, err)
	}
	if err := os.MkdirAll(dest, 0o755); err != nil {
		return fmt.Errorf("logs of node %s: %w", n.name, err)
	}
	for from, to := range map[string]string{n.in("log"): "node", n.in("var-log", "pods"): "pods"} {
		if !exists(from) {
			continue
		}
		if out, err := run(ctx, "/", "cp", "-rLT", from, filepath.Join(dest, to)); err != nil {
			return fmt.Errorf("logs of node %s: %w: %s", n.name, err, out)
		}
	}
	return nil
}

// GitURL is where the host reaches the node's repositories.
func (n *Node) GitURL() (string, error) {
	s, err := n.load()
	if err != nil {
		return "", err
	}
	return "http://127.0.0.1:" + strconv.Itoa(s.GitPort), nil
}
