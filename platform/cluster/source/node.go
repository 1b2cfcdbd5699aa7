package source

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ballast-sre/ballast/platform/cluster/internal/hosttools"
	"github.com/ballast-sre/ballast/platform/cluster/internal/process"
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

// state is what a node's directory says of it.
type state struct {
	process.ID        // of process 1, as the host sees it
	APIPort    int    `json:"apiPort"`
	GitPort    int    `json:"gitPort"`
	Version    string `json:"version"` // of Kubernetes
}

func (n *Node) in(elem ...string) string { return filepath.Join(append([]string{n.dir}, elem...)...) }

func (n *Node) load() (state, error) {
	var s state
	data, err := os.ReadFile(n.in("state.json"))
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("%s: %w", n.in("state.json"), err)
	}
	return s, nil
}

func (n *Node) save(s state) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(n.in("state.json"), append(data, '\n'))
}

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

// lock keeps two commands from changing one node at the same time. It does not
// wait: the error says who is to be waited for.
func (n *Node) lock() (*os.File, error) {
	if err := os.MkdirAll(stateRoot, 0o755); err != nil {
		return nil, fmt.Errorf("directory of the clusters: %w; run as root", err)
	}
	f, err := os.OpenFile(filepath.Join(stateRoot, "."+n.name+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock of cluster %s: %w", n.name, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("cluster %s is being changed by another command; wait for it", n.name), f.Close())
	}
	return f, nil
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

// current says whether what runs is what this program would start.
func (n *Node) current() bool {
	self, err := os.Executable()
	if err != nil {
		return false
	}
	own, err := os.ReadFile(self)
	if err != nil {
		return false
	}
	kept, err := os.ReadFile(n.in(KeptSelf))
	return err == nil && bytes.Equal(own, kept)
}

// launch starts process 1 in namespaces of its own. It outlives the caller.
func (n *Node) launch(ctx context.Context) error {
	n.report("starting node %s", n.name)
	// A node that was killed leaves cgroups, and whatever it had in /run is gone.
	groups, err := findHierarchies()
	if err != nil {
		return err
	}
	if err := groups.remove(n.name); err != nil {
		return err
	}
	if err := errors.Join(os.MkdirAll(n.in("log"), 0o755), removeFile(n.in(programStates))); err != nil {
		return fmt.Errorf("node %s: %w", n.name, err)
	}
	if err := os.Chmod(n.dir, 0o700); err != nil {
		return fmt.Errorf("node %s: %w", n.name, err)
	}
	st := state{Version: KubernetesVersion}
	files, err := n.descriptors(&st)
	if err != nil {
		return err
	}
	defer func() {
		for _, f := range files {
			_ = f.Close() // the node has its own
		}
	}()
	conf, err := n.prepare(ctx, st)
	if err != nil {
		return err
	}
	if err := n.writeSettings(conf); err != nil {
		return err
	}
	log, err := os.OpenFile(n.in("log", "node.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("node %s: %w", n.name, err)
	}
	defer log.Close() //nolint:errcheck // the node has its own
	cmd := exec.CommandContext(context.WithoutCancel(ctx), conf.Self, InitCommand, n.dir)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles, cmd.Dir = log, log, files, "/"
	cmd.Env = append(os.Environ(), "PATH="+n.host.Path())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true,
		Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("node %s: start: %w", n.name, err)
	}
	if st.ID, err = process.Of(cmd.Process.Pid); err != nil {
		return fmt.Errorf("node %s ended at once: %w; the end of %s:\n%s", n.name, err, log.Name(), tailOf(log.Name(), 10))
	}
	if err := n.save(st); err != nil {
		return errors.Join(fmt.Errorf("node %s: %w", n.name, err), cmd.Process.Kill())
	}
	return cmd.Process.Release()
}

// descriptors are opened on the host and handed to the node. Ports that the node
// had before it has again, where they are free, so that kubeconfigs and remotes
// stay true.
func (n *Node) descriptors(st *state) (_ []*os.File, err error) {
	files := make([]*os.File, 0, inherited)
	defer func() {
		if err != nil {
			for _, f := range files {
				_ = f.Close() // they were opened here
			}
		}
	}()
	add := func(f *os.File, e error) error {
		if e == nil {
			files = append(files, f)
		}
		return e
	}
	if err := add(os.OpenFile(n.in("alive"), os.O_CREATE|os.O_RDWR, 0o600)); err != nil {
		return nil, fmt.Errorf("node %s: %w", n.name, err)
	}
	if err := unix.Flock(int(files[0].Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, fmt.Errorf("node %s: something of it still runs: %w; run `make down`", n.name, err)
	}
	before, err := n.load()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, port := range []struct{ was, now *int }{{&before.APIPort, &st.APIPort}, {&before.GitPort, &st.GitPort}} {
		f, number, err := loopback(*port.was)
		if err := add(f, err); err != nil {
			return nil, fmt.Errorf("node %s: %w", n.name, err)
		}
		*port.now = number
	}
	if err := add(os.Open("/proc/self/ns/net")); err != nil {
		return nil, fmt.Errorf("node %s: %w", n.name, err)
	}
	return files, nil
}

// programStates is the file in which the supervisor tells what its programs do.
const programStates = "programs.json"

// Programs are the programs of the node, each with its state. Ready are those that
// others may count on.
func (n *Node) Programs() (states map[string]string, ready bool, err error) {
	data, err := os.ReadFile(n.in(programStates))
	if err != nil {
		return nil, false, err
	}
	if err := json.Unmarshal(data, &states); err != nil {
		return nil, false, fmt.Errorf("%s: %w", n.in(programStates), err)
	}
	ready = len(states) > 0
	for _, state := range states {
		ready = ready && state == running
	}
	return states, ready, nil
}

// errEnded says that process 1 of a node ended while it was waited for.
var errEnded = errors.New("has ended")

// awaitReady blocks until the node says that it is ready, and so does each of its
// programs: one that enforces policies is missed by nobody but those whom it protects.
// The error is errEnded when process 1 ends meanwhile.
func (n *Node) awaitReady(ctx context.Context) error {
	const within = 3 * time.Minute
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	kubectl, err := n.Kubectl()
	if err != nil {
		return err
	}
	var last string
	for {
		out, err := run(ctx, "/", kubectl, "--kubeconfig="+n.Kubeconfig(), "get", "nodes", "-o",
			`jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}`)
		last = strings.TrimSpace(string(out))
		if err == nil && last == "True" {
			states, ready, err := n.Programs()
			if err == nil && ready && n.Running() {
				return nil
			}
			last = fmt.Sprintf("%v %v", states, err)
		}
		if !n.Running() {
			return fmt.Errorf("node %s %w; the end of its log:\n%s", n.name, errEnded, tailOf(n.in("log", "node.log"), 20))
		}
		select {
		case <-time.After(300 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("node %s is not ready: %w; last seen: %s; look into %s", n.name, context.Cause(ctx), last, n.in("log"))
		}
	}
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

func tailOf(path string, lines int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return lastLines(data, lines)
}
