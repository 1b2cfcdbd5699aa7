package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

const (
	// keeperLog is what the keeper itself has to say, in the run's directory.
	keeperLog          = "keeper.log"
	keeperWriteTimeout = 2 * time.Second
	keeperEndTimeout   = 5 * time.Second
)

// keeperClient is the runner's end of the keeper. Its methods are safe for
// concurrent use.
type keeperClient struct {
	cmd    *exec.Cmd
	logger *slog.Logger
	in     *os.File
	lost   chan struct{} // closed when the keeper is gone or no longer understood
	read   chan struct{} // closed when the reader has ended

	mu    sync.Mutex
	next  uint64
	procs map[uint64]*proc
}

// exit is how a process ended.
type exit struct {
	Code   int
	Signal syscall.Signal
	Lost   bool // the keeper went first: nothing is known
}

func (e exit) String() string {
	switch {
	case e.Lost:
		return "lost with its keeper"
	case e.Signal != 0:
		return "signal " + e.Signal.String()
	}
	return fmt.Sprintf("exit code %d", e.Code)
}

// proc is one process of the keeper.
type proc struct {
	id     uint64
	keeper *keeperClient

	started chan error // one value
	pid     int        // these are set before started
	start   uint64     // clock ticks since the machine's start
	since   time.Time  // when the keeper told of it

	done chan struct{} // closed when it has ended
	exit exit          // set before done
}

// startKeeper runs self as the keeper of dir. Close ends it.
func startKeeper(ctx context.Context, self string, dir *runDir, logger *slog.Logger) (*keeperClient, error) {
	inR, inW, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("keeper: %w", err)
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("keeper: %w", err), inR.Close(), inW.Close())
	}
	log, err := os.OpenFile(filepath.Join(dir.path, keeperLog), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("keeper's log: %w", err), inR.Close(), inW.Close(), outR.Close(), outW.Close())
	}
	// It outlives ctx on purpose: it ends when its stdin does.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), self, KeeperCommand, "--run-dir="+dir.path, "--lock-fd=3") //nolint:gosec // our own binary
	cmd.Stdin, cmd.Stdout, cmd.Stderr = inR, outW, log
	cmd.ExtraFiles = []*os.File{dir.lock}
	// A session of its own: Ctrl-C on the terminal goes to the runner alone.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	if e := errors.Join(inR.Close(), outW.Close(), log.Close()); e != nil && err == nil {
		logger.Warn("keeper's pipes", "error", e)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the keeper: %w", err), inW.Close(), outR.Close())
	}
	k := &keeperClient{
		cmd: cmd, logger: logger, in: inW,
		lost: make(chan struct{}), read: make(chan struct{}),
		procs: map[uint64]*proc{},
	}
	go k.receive(outR)
	return k, nil
}

// receive reads events until the keeper is gone; close waits for it.
func (k *keeperClient) receive(out *os.File) {
	defer close(k.read)
	defer out.Close() //nolint:errcheck // read only
	dec := json.NewDecoder(out)
	for {
		var e event
		if err := dec.Decode(&e); err != nil {
			break // EOF: it ended. Anything else: it is no longer understood.
		}
		k.mu.Lock()
		p, ok := k.procs[e.ID]
		if ok && e.Type != eventStarted {
			delete(k.procs, e.ID)
		}
		k.mu.Unlock()
		if !ok {
			k.logger.Error("the keeper reported an unknown process", "event", e.Type, "id", e.ID)
			continue
		}
		switch e.Type {
		case eventStarted:
			if p.pid == 0 { // told twice, it is the first that counts
				p.pid, p.start, p.since = e.PID, e.Start, time.Now()
				p.started <- nil
			}
		case eventFailed:
			select {
			case p.started <- errors.New(e.Error):
			default:
			}
			close(p.done)
		default: // eventExited
			p.exit = exit{Code: e.Code, Signal: e.Signal}
			close(p.done)
		}
	}
	k.mu.Lock()
	close(k.lost)
	for id, p := range k.procs {
		p.exit = exit{Lost: true}
		close(p.done)
		delete(k.procs, id)
	}
	k.mu.Unlock()
}

// spawn starts a process and returns when it runs. Its output is appended to log.
func (k *keeperClient) spawn(ctx context.Context, args []string, dir, log string) (*proc, error) {
	k.mu.Lock()
	k.next++
	p := &proc{id: k.next, keeper: k, started: make(chan error, 1), done: make(chan struct{})}
	select {
	case <-k.lost:
		k.mu.Unlock()
		return nil, errKeeperLost()
	default:
	}
	k.procs[p.id] = p
	err := k.sendLocked(request{Op: opSpawn, ID: p.id, Args: args, Dir: dir, Log: log})
	if err != nil {
		delete(k.procs, p.id)
	}
	k.mu.Unlock()
	if err != nil {
		return nil, err
	}
	select {
	case err := <-p.started:
		if err != nil {
			return nil, err
		}
		return p, nil
	case <-k.lost:
		return nil, errKeeperLost()
	case <-ctx.Done():
		// The keeper handles requests in order: this reaches it after the spawn.
		p.kill()
		return nil, fmt.Errorf("start %s: %w", args[0], ctx.Err())
	}
}

func errKeeperLost() error {
	return fmt.Errorf("%w: the keeper of its processes is gone", fault.ErrUnreachable)
}

func (k *keeperClient) sendLocked(r request) error {
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("keeper: %w", err)
	}
	if err := k.in.SetWriteDeadline(time.Now().Add(keeperWriteTimeout)); err != nil {
		return fmt.Errorf("%w: keeper: %w", fault.ErrUnreachable, err)
	}
	if _, err := k.in.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("%w: keeper: %w", fault.ErrUnreachable, err)
	}
	return nil
}

// close ends the keeper, and with it everything that it keeps, and waits for it.
// A keeper that does not end by itself is killed, its children with it.
func (k *keeperClient) close() error {
	if err := k.in.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		k.logger.Warn("keeper's stdin", "error", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- k.cmd.Wait() }()
	var err error
	select {
	case err = <-ended:
	case <-time.After(keeperEndTimeout):
		err = fmt.Errorf("the keeper did not end within %s", keeperEndTimeout)
		if e := k.cmd.Process.Kill(); e != nil {
			k.logger.Warn("kill the keeper", "error", e)
		}
		err = errors.Join(err, <-ended)
	}
	<-k.read
	if err != nil {
		return fmt.Errorf("keeper: %w", err)
	}
	return nil
}

// signal asks for a signal to the process's group. That the process is gone is
// no error.
func (p *proc) signal(sig syscall.Signal) error {
	p.keeper.mu.Lock()
	defer p.keeper.mu.Unlock()
	return p.keeper.sendLocked(request{Op: opSignal, ID: p.id, Signal: sig})
}

// kill is for clean-up: that the keeper is gone means that the process is, too.
func (p *proc) kill() {
	if err := p.signal(syscall.SIGKILL); err != nil {
		p.keeper.logger.Debug("kill", "pid", p.pid, "error", err)
	}
}

// alive says whether the very process still runs, by its pid and start time.
func (p *proc) alive() bool {
	start, err := startTime(p.pid)
	return err == nil && start == p.start
}

// String names the process for people.
func (p *proc) String() string {
	return fmt.Sprintf("process %d (started %s)", p.pid, p.since.Format("15:04:05.000"))
}
