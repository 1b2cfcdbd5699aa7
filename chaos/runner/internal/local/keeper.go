package local

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
)

// KeeperCommand and StressCommand are the hidden subcommands with which ballast
// runs itself again.
const (
	KeeperCommand = "__keeper"
	StressCommand = "__stress"
)

// reapTimeout bounds how long the keeper waits for killed children. A process in
// an uninterruptible system call can outlive its SIGKILL.
const reapTimeout = 3 * time.Second

// KeeperMain is the keeper: it spawns and signals processes as its stdin asks,
// reports them on stdout, and blocks until stdin ends, a terminating signal
// comes or ctx is done. Then it kills every process group that it started, reaps
// them, removes the run's directory and returns the exit code. args are those
// after the subcommand's name.
func KeeperMain(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	logger := slog.New(slog.NewJSONHandler(stderr, nil))
	flags := flag.NewFlagSet(KeeperCommand, flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("run-dir", "", "directory of the run, removed at the end")
	lockFD := flags.Int("lock-fd", 0, "inherited descriptor of the directory's lock")
	if err := flags.Parse(args); err != nil {
		return 64
	}
	if !strings.HasPrefix(filepath.Base(*dir), runDirPrefix) {
		logger.Error("the keeper removes its run directory: refusing anything else", "run_dir", *dir)
		return 64
	}
	if *lockFD > 0 {
		// Children must not hold the lock: it says that the run is alive.
		syscall.CloseOnExec(*lockFD)
		defer runtime.KeepAlive(os.NewFile(uintptr(*lockFD), lockFile))
	}
	// The runner may die between two events. Writing to its closed pipe must not
	// kill the keeper before it has cleaned up.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer stop()

	k := newKeeper(stdout, logger)
	err := k.serve(ctx, stdin)
	if err != nil {
		logger.Error("keeper ends", "error", err)
	}
	if err := errors.Join(k.killAll(), removeRunDir(*dir)); err != nil {
		logger.Error("clean up", "error", err)
		return 70
	}
	return 0
}

// keeper is the parent of the fleet's processes.
type keeper struct {
	logger *slog.Logger
	forks  chan func()

	out sync.Mutex
	enc *json.Encoder

	mu       sync.Mutex
	children map[uint64]*exec.Cmd
	closed   bool
	waits    sync.WaitGroup
}

func newKeeper(stdout io.Writer, logger *slog.Logger) *keeper {
	k := &keeper{
		logger:   logger,
		forks:    make(chan func()),
		enc:      json.NewEncoder(stdout),
		children: map[uint64]*exec.Cmd{},
	}
	// Pdeathsig fires when the thread that forked ends, not the process. So one
	// thread forks everything, and lives until the process ends.
	go func() {
		runtime.LockOSThread()
		for fork := range k.forks {
			fork()
		}
		select {} // never give the thread back: its end would kill the children
	}()
	return k
}

// serve answers requests until stdin ends or ctx is done. The end of stdin returns nil.
func (k *keeper) serve(ctx context.Context, stdin io.Reader) error {
	done := make(chan error, 1)
	go func() { // ends with stdin, at the latest with the process
		lines := bufio.NewReader(stdin)
		dec := json.NewDecoder(lines)
		for {
			var r request
			err := dec.Decode(&r)
			if errors.Is(err, io.EOF) {
				done <- nil
				return
			}
			if err != nil {
				done <- fmt.Errorf("request: %w", err)
				return
			}
			k.handle(ctx, r)
		}
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return nil
	}
}

func (k *keeper) handle(ctx context.Context, r request) {
	switch r.Op {
	case opSpawn:
		if err := k.spawn(ctx, r); err != nil {
			k.tell(event{Type: eventFailed, ID: r.ID, Error: err.Error()})
		}
	case opSignal:
		k.mu.Lock()
		if c, ok := k.children[r.ID]; ok { // not reaped, so its pid is still its own
			if err := syscall.Kill(-c.Process.Pid, r.Signal); err != nil {
				k.logger.Warn("signal", "pid", c.Process.Pid, "signal", r.Signal, "error", err)
			}
		}
		k.mu.Unlock()
	default:
		k.logger.Error("unknown request", "op", r.Op)
	}
}

func (k *keeper) spawn(ctx context.Context, r request) error {
	if len(r.Args) == 0 {
		return errors.New("spawn: no program given")
	}
	log, err := os.OpenFile(r.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("log of %s: %w", r.Args[0], err)
	}
	defer log.Close() //nolint:errcheck // the child has its own descriptor

	// Ending is killAll's business: it must reach whole process groups.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), r.Args[0], r.Args[1:]...) //nolint:gosec // the runner names the program
	cmd.Dir = r.Dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}

	k.mu.Lock()
	if k.closed {
		k.mu.Unlock()
		return errors.New("spawn: the keeper is ending")
	}
	forked := make(chan error, 1)
	k.forks <- func() { forked <- cmd.Start() }
	if err := <-forked; err != nil {
		k.mu.Unlock()
		return fmt.Errorf("start %s: %w", r.Args[0], err)
	}
	k.children[r.ID] = cmd
	k.waits.Add(1)
	k.mu.Unlock()

	start, err := startTime(cmd.Process.Pid)
	if err != nil {
		// It ended already; the exit event says how.
		k.logger.Warn("start time", "pid", cmd.Process.Pid, "error", err)
	}
	k.tell(event{Type: eventStarted, ID: r.ID, PID: cmd.Process.Pid, Start: start})
	go k.reap(r.ID, cmd)
	return nil
}

// reap waits for one child; killAll waits for reap.
func (k *keeper) reap(id uint64, cmd *exec.Cmd) {
	defer k.waits.Done()
	// The pid must stay taken until the child is off the books, or a signal could
	// reach a stranger: so look first, reap under the lock.
	waitExited(cmd.Process.Pid)
	k.mu.Lock()
	err := cmd.Wait()
	delete(k.children, id)
	k.mu.Unlock()

	e := event{Type: eventExited, ID: id, PID: cmd.Process.Pid, Code: cmd.ProcessState.ExitCode()}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		e.Error = err.Error()
	}
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		e.Signal = ws.Signal()
	}
	k.tell(e)
}

// tell writes one event. A runner that is gone hears nothing, and stdin says so.
func (k *keeper) tell(e event) {
	k.out.Lock()
	defer k.out.Unlock()
	if err := k.enc.Encode(e); err != nil {
		k.logger.Warn("report to the runner", "event", e.Type, "error", err)
	}
}

// killAll ends every child's process group and waits until they are reaped.
func (k *keeper) killAll() error {
	k.mu.Lock()
	k.closed = true
	for _, c := range k.children {
		// ESRCH cannot be: the child is not reaped.
		if err := syscall.Kill(-c.Process.Pid, syscall.SIGKILL); err != nil {
			k.logger.Warn("kill", "pid", c.Process.Pid, "error", err)
		}
	}
	k.mu.Unlock()
	reaped := make(chan struct{})
	go func() { k.waits.Wait(); close(reaped) }()
	select {
	case <-reaped:
		return nil
	case <-time.After(reapTimeout):
		return fmt.Errorf("children are alive %s after SIGKILL", reapTimeout)
	}
}

// startTime is when a process started, in clock ticks since the machine did: with
// the pid it names a process for good. (The time of day would not: it moves when
// the clock is set.) A process that has ended, reaped or not, is an error.
func startTime(pid int) (uint64, error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return 0, fmt.Errorf("process %d: %w", pid, err)
	}
	stat, err := p.Stat()
	if err != nil {
		return 0, fmt.Errorf("process %d: %w", pid, err)
	}
	if stat.State == "Z" {
		return 0, fmt.Errorf("process %d: %w", pid, os.ErrProcessDone)
	}
	return stat.Starttime, nil
}
