package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ballast-sre/ballast/platform/cluster/internal/process"
)

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
		return nil, fmt.Errorf("node %s: a process of it still runs: %w; run `make down`", n.name, err)
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

func tailOf(path string, lines int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return lastLines(data, lines)
}
