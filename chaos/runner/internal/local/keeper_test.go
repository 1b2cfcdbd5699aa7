package local

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// patience bounds waits for real processes and sockets. It is met only when something
// hangs, on a busy machine, too.
const patience = time.Minute

// eventually polls until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

func keep(t *testing.T) (*keeperClient, *runDir) {
	t.Helper()
	dir, err := newRunDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	k, err := startKeeper(t.Context(), self(t), dir, quietLogger(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = k.close() // a test may have killed it
		if err := dir.close(); err != nil {
			t.Error(err)
		}
	})
	return k, dir
}

func TestTheKeeperTellsHowProcessesStartAndEnd(t *testing.T) {
	t.Parallel()
	k, dir := keep(t)
	sh := func(script string) *proc {
		t.Helper()
		p, err := k.spawn(t.Context(), []string{"/bin/sh", "-c", script}, dir.path, filepath.Join(dir.path, "log"))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := sh("echo hello; exit 7")
	<-p.done
	if p.exit.Code != 7 || p.exit.String() != "exit code 7" || p.alive() {
		t.Errorf("exit: %+v", p.exit)
	}
	if got := tail(filepath.Join(dir.path, "log"), 3); got != "hello" {
		t.Errorf("log: %q", got)
	}
	p = sh("sleep 100 & sleep 100")
	if !p.alive() || p.start == 0 {
		t.Errorf("process %d does not live", p.pid)
	}
	if err := p.signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-p.done
	if p.exit.Signal != syscall.SIGTERM {
		t.Errorf("exit: %v", p.exit)
	}
	if err := p.signal(syscall.SIGKILL); err != nil {
		t.Errorf("a signal to a process that has ended: %v", err)
	}
	if _, err := k.spawn(t.Context(), []string{"/nowhere"}, dir.path, filepath.Join(dir.path, "log")); err == nil || !strings.Contains(err.Error(), "/nowhere") {
		t.Errorf("a program that does not exist: %v", err)
	}
	if _, err := k.spawn(t.Context(), []string{"/bin/true"}, dir.path, "/nowhere/log"); err == nil {
		t.Error("a log that cannot be written: no error")
	}
	late := sh("sleep 100")
	if err := k.close(); err != nil {
		t.Error(err)
	}
	<-late.done
	if late.alive() {
		t.Error("a child outlives its keeper")
	}
	if _, err := os.Stat(dir.path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the run's directory is still there: %v", err)
	}
	if _, err := k.spawn(t.Context(), []string{"/bin/true"}, "/", "/dev/null"); !errors.Is(err, fault.ErrUnreachable) {
		t.Errorf("spawn after close: %v", err)
	}
}

func TestAKilledKeeperTakesItsChildrenWithIt(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	e := start(t, func(c *Config) { c.TempRoot = root })
	var pids []int
	for _, p := range e.fleet.all() {
		pids = append(pids, p.state().container.pid)
	}
	if err := e.keeper.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-e.Done():
	case <-time.After(patience):
		t.Fatal("Done is open")
	}
	for _, pid := range pids {
		eventually(t, fmt.Sprintf("process %d is gone", pid), func() bool { return gone(pid) })
	}
	if _, err := e.Plan(t.Context(), "r", nil); !errors.Is(err, fault.ErrUnreachable) {
		t.Errorf("plan: %v", err)
	}
	if err := e.Inject(t.Context(), fault.Plan{}); !errors.Is(err, fault.ErrUnreachable) {
		t.Errorf("inject: %v", err)
	}
	if _, err := e.Effects(t.Context(), fault.Plan{}); !errors.Is(err, fault.ErrUnreachable) {
		t.Errorf("effects: %v", err)
	}
	if err := e.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob(filepath.Join(root, "run-*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// runnerProcess starts a runner in a process of its own and returns it with the
// pids of its keeper and of what that keeps.
func runnerProcess(t *testing.T, root string) (*exec.Cmd, []int) {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), self(t), runnerCommand, root)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, f := range strings.Fields(line) {
		pid, err := strconv.Atoi(f)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	if len(pids) != 5 {
		t.Fatalf("pids: %v", pids)
	}
	return cmd, pids
}

func TestAfterARunnerIsKilledNothingIsLeft(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	cmd, pids := runnerProcess(t, root)
	if got, err := Leftovers(root); err != nil || len(got) > 0 {
		t.Errorf("leftovers of a living run: %v, %v", got, err)
	}
	if got, err := Sweep(t.Context(), root, quietLogger(t)); err != nil || len(got) > 0 || gone(pids[2]) {
		t.Errorf("a sweep beside a living run: %v, %v", got, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		eventually(t, fmt.Sprintf("process %d is gone", pid), func() bool { return gone(pid) })
	}
	if left, err := filepath.Glob(filepath.Join(root, "run-*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestASweepRemovesWhatARunAndItsKeeperLeft(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	cmd, pids := runnerProcess(t, root)
	// The keeper is stopped, so that it cannot clean up; then both are killed. Its
	// children go with it, its directory does not.
	if err := syscall.Kill(pids[0], syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(cmd.Process.Kill(), syscall.Kill(pids[0], syscall.SIGKILL)); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed, as it should be; until then it may hold the lock
	for _, pid := range pids {
		eventually(t, fmt.Sprintf("process %d is gone", pid), func() bool { return gone(pid) })
	}
	dirs, err := filepath.Glob(filepath.Join(root, "run-*"))
	if err != nil || len(dirs) != 1 {
		t.Fatalf("directories: %v, %v", dirs, err)
	}
	// The last thread of a killed process closes its files, some time after the
	// process counts as dead.
	eventually(t, "the lock is free", func() bool {
		used, err := inUse(dirs[0])
		return err == nil && !used
	})
	// A process that nobody's death has ended.
	stray := exec.CommandContext(t.Context(), self(t), StressCommand, runDirFlag+dirs[0], "--run=killed-run/x")
	if err := stray.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- stray.Wait() }()
	// A stranger that only looks.
	stranger := exec.CommandContext(t.Context(), "tail", "-f", filepath.Join(dirs[0], "keeper.log"))
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stranger.Process.Kill(); _ = stranger.Wait() }()

	for _, f := range []func() ([]fault.Residue, error){
		func() ([]fault.Residue, error) { return Leftovers(root) },
		func() ([]fault.Residue, error) { return Sweep(t.Context(), root, quietLogger(t)) },
	} {
		got, err := f()
		if err != nil || len(got) != 2 || got[0].Kind != "process" || got[1].Kind != "directory" || got[0].Run != "killed-run" || got[1].Run != "killed-run" {
			t.Errorf("found %v, %v", got, err)
		}
	}
	if err := <-ended; err == nil {
		t.Error("the stray process ended in peace")
	}
	if got, err := Leftovers(root); err != nil || len(got) > 0 {
		t.Errorf("after the sweep: %v, %v", got, err)
	}
	if gone(stranger.Process.Pid) {
		t.Error("the sweep ended a stranger")
	}
}

func TestTwoEnvironmentsDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	one := start(t, func(c *Config) { c.TempRoot = root; c.Replicas = 1 })
	two := start(t, func(c *Config) { c.TempRoot = root; c.Replicas = 1 })
	cut := parse(t, networkChaos("all", "  action: partition"))
	plan, err := one.Plan(t.Context(), "one", []fault.Fault{cut})
	if err != nil {
		t.Fatal(err)
	}
	if err := one.Inject(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	confirm(t, one, plan)
	clean(t, two)
	healthy(t, two)
	if err := one.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	healthy(t, two)
	clean(t, two)
}

func TestTheKeeperRefusesADirectoryThatIsNoRuns(t *testing.T) {
	precious := t.TempDir()
	var stderr strings.Builder
	if code := KeeperMain(t.Context(), []string{"--run-dir=" + precious}, strings.NewReader(""), &strings.Builder{}, &stderr); code != 64 {
		t.Errorf("code %d", code)
	}
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
}

func TestRunDirOf(t *testing.T) {
	for name, row := range map[string]struct {
		line string
		want string
	}{
		"a monitor":                   {"monitor --listen=x --address-file=/tmp/r/run-1/p-0.addr", "/tmp/r/run-1"},
		"a stressor":                  {"ballast __stress --run-dir=/tmp/r/run-1 --run=a", "/tmp/r/run-1"},
		"a pager":                     {"less /tmp/r/run-1/p.log", ""},
		"another root":                {"ballast __stress --run-dir=/tmp/other/run-1", ""},
		"no run's directory":          {"ballast __stress --run-dir=/tmp/r/precious", ""},
		"a root with the same prefix": {"ballast __stress --run-dir=/tmp/rr/run-1", ""},
		"nothing":                     {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := runDirOf("/tmp/r", strings.Fields(row.line))
			if got != row.want || ok != (row.want != "") {
				t.Errorf("got %q, %v, want %q", got, ok, row.want)
			}
		})
	}
}

// What the keeper says is read from a pipe: nonsense may end the connection, but
// nothing else.
func FuzzKeeperEvents(f *testing.F) {
	f.Add(`{"event":"started","id":1,"pid":5,"start":7}` + "\n" + `{"event":"exited","id":1,"code":1}`)
	f.Add(`{"event":"failed","id":1,"error":"no"}{"event":"failed","id":1}`)
	f.Add(`{"event":"started","id":1,"pid":5}{"event":"started","id":1,"pid":5}`)
	f.Add(`{"event":"?","id":1}`)
	f.Add(`[`)
	f.Fuzz(func(t *testing.T, text string) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		k := &keeperClient{logger: quietLogger(t), lost: make(chan struct{}), read: make(chan struct{}), procs: map[uint64]*proc{}}
		p := &proc{id: 1, keeper: k, started: make(chan error, 1), done: make(chan struct{})}
		k.procs[1] = p
		go k.receive(r)
		_, _ = w.WriteString(text) // it may have stopped reading
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		<-k.read
		<-p.done
	})
}
