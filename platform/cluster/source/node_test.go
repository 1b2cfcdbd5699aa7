package source

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ballast-sre/ballast/platform/cluster/internal/process"
)

// nodeIn is a node whose directory is the test's own.
func nodeIn(t *testing.T) *Node {
	t.Helper()
	return &Node{name: "test", dir: t.TempDir(), report: func(format string, args ...any) { t.Logf(format, args...) }}
}

func TestWhatANodeMayBeNamed(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	for name, valid := range map[string]bool{
		"sandbox":                 true,
		"a":                       true,
		"pr-1234":                 true,
		strings.Repeat("a", 22):   true,
		"":                        false,
		"-":                       false,
		"A":                       false,
		"Sandbox":                 false,
		"1st":                     false,
		"-first":                  false,
		"last-":                   false,
		"under_score":             false,
		"with space":              false,
		"dotted.name":             false,
		"..":                      false,
		"../sandbox":              false,
		"a/b":                     false,
		"a\n":                     false,
		"a\x00":                   false,
		"größe":                   false,
		strings.Repeat("a", 23):   false,
		strings.Repeat("a", 1000): false,
	} {
		t.Run(fmt.Sprintf("%.30q", name), func(t *testing.T) {
			n, err := New(name, ".", t.Logf)
			if valid {
				if err != nil {
					t.Fatal(err)
				}
				if n.Name() != name || n.Dir() != filepath.Join(stateRoot, name) || n.Context() != "ballast-"+name {
					t.Errorf("it is %s in %s with the context %s", n.Name(), n.Dir(), n.Context())
				}
				return
			}
			if !errors.Is(err, ErrName) || !strings.Contains(err.Error(), fmt.Sprintf("%q", name)) {
				t.Errorf("%v, want %v", err, ErrName)
			}
		})
	}
}

func TestWhatANodeIsMadeFrom(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Chdir(filepath.Join("..", "..", ".."))
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	n, err := New("sandbox", ".", t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	// Programs of a node run elsewhere than who started it.
	if want := filepath.Join(here, "platform", "cluster", "components"); n.build.modules != want {
		t.Errorf("components are in %s, want %s", n.build.modules, want)
	}
	for name, find := range map[string]func() (string, error){"kubectl": n.Kubectl, "helm": n.Helm} {
		if path, err := find(); err != nil || filepath.Base(path) != name || !strings.HasPrefix(path, filepath.Join(cache, "ballast")+"/") {
			t.Errorf("%s is %s, %v", name, path, err)
		}
	}
	if path, err := n.Program("etcd", "etcdctl"); err == nil {
		t.Errorf("a program that there is not is %s", path)
	}
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	if _, err := New("sandbox", ".", t.Logf); err == nil || errors.Is(err, ErrName) || !strings.Contains(err.Error(), "set HOME or XDG_CACHE_HOME") {
		t.Errorf("without a home: %v", err)
	}
}

func TestAStateIsKept(t *testing.T) {
	n := nodeIn(t)
	if _, err := n.load(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before there is one: %v", err)
	}
	if _, err := n.GitURL(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its remote before there is one: %v", err)
	}
	want := state{ID: process.ID{PID: 1234, Start: 1 << 63}, APIPort: 40443, GitPort: 40080, Version: KubernetesVersion}
	for range 2 { // the second replaces the first
		if err := n.save(want); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := n.load(); err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	if got, err := n.GitURL(); err != nil || got != "http://127.0.0.1:40080" {
		t.Errorf("its remote is %q, %v", got, err)
	}
	if got := below(t, n.dir); len(got) != 1 {
		t.Errorf("left behind: %q", got)
	}
	write(t, n.in("state.json"), "{")
	if _, err := n.load(); err == nil || !strings.Contains(err.Error(), n.in("state.json")) {
		t.Errorf("one that is broken: %v", err)
	}
	if n.Running() {
		t.Error("a node whose state is broken runs")
	}
	n.dir = filepath.Join(n.dir, "absent")
	if err := n.save(want); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a directory: %v", err)
	}
}

// What a container runtime froze does not end by SIGKILL in version 1 of cgroups, and
// keeps process 1 from ending.
func TestANodeEndsAlsoWhenPartOfItIsFrozen(t *testing.T) {
	const freezer = "/sys/fs/cgroup/freezer"
	if _, err := os.Stat(freezer); err != nil || os.Getuid() != 0 {
		t.Skip("needs root, and a freezer of cgroup version 1: nothing else keeps what was killed")
	}
	n := nodeIn(t)
	n.name = fmt.Sprintf("frozen%d", os.Getpid())
	pod := filepath.Join(freezer, cgroupParent, n.name, "pods", "one")
	if err := os.MkdirAll(pod, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd, id := sleeper(t)
	t.Cleanup(func() { // before its process is waited for
		groups, err := findHierarchies()
		if err := errors.Join(err, groups.thaw(n.name), cmd.Process.Kill(), groups.remove(n.name)); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Error(err)
		}
	})
	for file, text := range map[string]string{"cgroup.procs": strconv.Itoa(id.PID), "freezer.state": "FROZEN"} {
		if err := os.WriteFile(filepath.Join(pod, file), []byte(text), 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.save(state{ID: id}); err != nil {
		t.Fatal(err)
	}
	if err := n.end(t.Context()); err != nil || id.Exists() {
		t.Errorf("it is there: %t, %v", id.Exists(), err)
	}
}

// A node that was killed a moment ago still runs, and what it said last is that all is
// well.
func TestANodeThatEndsWhileItIsAwaitedIsNotReady(t *testing.T) {
	n := nodeIn(t)
	modules := t.TempDir()
	n.build = &builder{modules: modules, cache: t.TempDir()}
	if err := os.Mkdir(filepath.Join(modules, "kubernetes"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(modules, "kubernetes", "go.mod"), "module kubernetes\n")
	kubectl, err := n.Kubectl()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(kubectl), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kubectl, []byte("#!/bin/sh\necho True\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, n.in(programStates), `{"kubelet":"`+running+`"}`)
	cmd, id := sleeper(t)
	if err := n.save(state{ID: id}); err != nil {
		t.Fatal(err)
	}
	if err := n.awaitReady(t.Context()); err != nil {
		t.Errorf("while it runs: %v", err)
	}
	if err := errors.Join(cmd.Process.Kill(), os.MkdirAll(n.in("log"), 0o755)); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if err := n.awaitReady(t.Context()); !errors.Is(err, errEnded) {
		t.Errorf("after it was killed: %v", err)
	}
}

// sleeper is a process that lives until the test ends, or ends it.
func sleeper(t *testing.T) (*exec.Cmd, process.ID) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sleep", "3600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	id, err := process.Of(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return cmd, id
}

func TestEndingANodeKillsItsFirstProcess(t *testing.T) {
	n := nodeIn(t)
	if err := n.end(t.Context()); err != nil {
		t.Errorf("one that never was: %v", err)
	}
	cmd, id := sleeper(t)
	for whose, stranger := range map[string]process.ID{
		"of a node that ended long ago":                              {PID: id.PID, Start: id.Start + 1, Boot: id.Boot},
		"of a node that ended when the machine was switched off":     {PID: id.PID, Start: id.Start, Boot: "another"},
		"of a node that ended long ago, when no boot was remembered": {PID: id.PID, Start: id.Start + 1},
	} {
		if err := n.save(state{ID: stranger}); err != nil {
			t.Fatal(err)
		}
		if n.Running() {
			t.Errorf("the pid %s is somebody else's by now, and taken for the node", whose)
		}
		if err := n.end(t.Context()); err != nil {
			t.Error(err)
		}
		if !id.Runs() {
			t.Fatalf("the pid %s is somebody else's by now, who was killed", whose)
		}
	}
	if err := n.save(state{ID: id}); err != nil {
		t.Fatal(err)
	}
	if !n.Running() {
		t.Error("it does not run")
	}
	for range 2 {
		if err := n.end(t.Context()); err != nil {
			t.Error(err)
		}
		if id.Exists() || n.Running() {
			t.Error("it still runs")
		}
	}
	if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("it ended with %v", err)
	}
}

// freePorts are ports of loopback that nobody listens on. They are none of those
// that the kernel gives away by itself, so that nobody gets them meanwhile.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for port := 20000 + os.Getpid()%10000; len(ports) < n; port++ {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			if port > 32000 {
				t.Fatal(err)
			}
			continue
		}
		ports = append(ports, port)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return ports
}

// portOf is the port that a descriptor listens on.
func portOf(t *testing.T, f *os.File) int {
	t.Helper()
	l, err := net.FileListener(f)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok || !addr.IP.IsLoopback() {
		t.Fatalf("it listens on %s", l.Addr())
	}
	return addr.Port
}

func TestANodeHasItsPortsAgain(t *testing.T) {
	n, ports := nodeIn(t), freePorts(t, 2)
	before := state{APIPort: ports[0], GitPort: ports[1]}
	if err := n.save(before); err != nil {
		t.Fatal(err)
	}
	var first, second state
	files, err := n.descriptors(&first)
	if err != nil {
		t.Fatal(err)
	}
	if first != before {
		t.Errorf("%+v became %+v", before, first)
	}
	if len(files) != inherited {
		t.Fatalf("%d are handed over, want %d", len(files), inherited)
	}
	// They are inherited in this order, by number.
	if got := portOf(t, files[apiFD-lockFD]); got != first.APIPort {
		t.Errorf("the API server is on %d, and said to be on %d", got, first.APIPort)
	}
	if got := portOf(t, files[gitFD-lockFD]); got != first.GitPort {
		t.Errorf("the repositories are on %d, and said to be on %d", got, first.GitPort)
	}
	if link, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", files[hostNetFD-lockFD].Fd())); err != nil || !strings.HasPrefix(link, "net:[") {
		t.Errorf("the host's network is %q, %v", link, err)
	}
	if files, err := n.descriptors(&second); !errors.Is(err, unix.EWOULDBLOCK) || len(files) > 0 || !strings.Contains(err.Error(), "make down") {
		t.Errorf("as long as something runs: %v", err)
	}
	closeAll(files)
	if files, err = n.descriptors(&second); err != nil {
		t.Fatal(err)
	}
	closeAll(files)
	if second != before {
		t.Errorf("%+v became %+v", before, second)
	}
	write(t, n.in("state.json"), "{")
	if _, err := n.descriptors(&second); err == nil {
		t.Error("a broken state is taken for none")
	}
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close() // opened by the test
	}
}

func TestLogsAreCopied(t *testing.T) {
	n, dest := nodeIn(t), filepath.Join("out", "logs") // as `make logs` says it
	t.Chdir(t.TempDir())
	if err := n.Logs(t.Context(), dest); err != nil {
		t.Errorf("a node that has none: %v", err)
	}
	write(t, n.in("var-log", "containers", "x"), "pod")
	tree(t, n.in("var-log", "pods"), "default_x")
	// The log that the runtime keeps is behind a link.
	if err := os.Symlink(n.in("var-log", "containers", "x"), n.in("var-log", "pods", "default_x", "0.log")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"etcd", "etcd, and more"} {
		write(t, n.in("log", "etcd.log"), want)
		if err := n.Logs(t.Context(), dest); err != nil {
			t.Fatal(err)
		}
		if got := read(t, filepath.Join(dest, "node", "etcd.log")); got != want {
			t.Errorf("the node's log is %q, want %q", got, want)
		}
	}
	pod := filepath.Join(dest, "pods", "default_x", "0.log")
	if info, err := os.Lstat(pod); err != nil || !info.Mode().IsRegular() {
		t.Errorf("the pod's log is %v, %v", info, err)
	}
	write(t, filepath.Join(dest, "file"), "")
	if err := n.Logs(t.Context(), filepath.Join(dest, "file")); err == nil {
		t.Error("they were copied into a file")
	}
}

func TestTheEndOfALog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if got := tailOf(path, 2); !strings.Contains(got, "no such file") {
		t.Errorf("of none: %q", got)
	}
	write(t, path, "a\nb\nc\n")
	if got := tailOf(path, 2); got != "b\nc" {
		t.Errorf("it is %q", got)
	}
}
