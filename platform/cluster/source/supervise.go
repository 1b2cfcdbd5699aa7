package source

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
)

// supervisor keeps programs running: each starts when those before it are ready,
// and again whenever it has ended, later and later up to half a minute.
type supervisor struct {
	logs   string // directory of a log a program
	logger *slog.Logger
	// states is a file in which every program's state can be read; empty is none.
	states string

	mu  sync.Mutex
	now map[string]string
}

// running is the state of a program that others may count on.
const running = "ready"

// tell writes what has become of a program. Nobody can be told that it was not
// written but the log.
func (s *supervisor) tell(program, state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil {
		s.now = map[string]string{}
	}
	s.now[program] = state
	if s.states == "" {
		return
	}
	data, err := json.MarshalIndent(s.now, "", "  ")
	if err == nil {
		err = replaceFile(s.states, data)
	}
	if err != nil {
		s.logger.Error("the states of the programs are not written", "error", err)
	}
}

// replaceFile writes a file that is read meanwhile: whole, or as it was.
func replaceFile(path string, data []byte) error {
	tmp := path + ".new"
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// run blocks until ctx ends, then asks every program to end and waits for it:
// SIGTERM, and after five seconds SIGKILL.
func (s *supervisor) run(ctx context.Context, all []program) error {
	ready := map[string]chan struct{}{}
	for _, p := range all {
		ready[p.name] = make(chan struct{})
		s.tell(p.name, "not started")
	}
	for _, p := range all {
		for _, before := range p.after {
			if ready[before] == nil {
				return fmt.Errorf("program %s starts after %s, which does not exist", p.name, before)
			}
		}
	}
	var work sync.WaitGroup
	for _, p := range all {
		work.Go(func() {
			for _, before := range p.after {
				select {
				case <-ready[before]:
				case <-ctx.Done():
					return
				}
			}
			s.keep(ctx, p, ready[p.name])
		})
	}
	work.Wait()
	return nil
}

// keep runs one program again and again until ctx ends, and closes ready when it
// is for the first time.
func (s *supervisor) keep(ctx context.Context, p program, ready chan struct{}) {
	var once sync.Once
	const most = 30 * time.Second
	wait := time.Second
	for {
		began := time.Now()
		alive, stop := context.WithCancel(ctx)
		var probing sync.WaitGroup
		s.tell(p.name, "started")
		probing.Go(func() {
			if s.await(alive, p) {
				s.tell(p.name, running)
				once.Do(func() { close(ready) })
			}
		})
		err := s.once(ctx, p)
		stop()
		probing.Wait()
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > time.Minute {
			wait = time.Second
		}
		s.tell(p.name, fmt.Sprintf("ended: %v; see %s", err, filepath.Join(s.logs, p.name+".log")))
		s.logger.Warn("a program ended", "program", p.name, "error", err, "restart_in", wait.String())
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		wait = min(2*wait, most)
	}
}

// await blocks until the program is ready, or ctx ends.
func (s *supervisor) await(ctx context.Context, p program) bool {
	began := time.Now()
	for p.ready != nil && p.ready(ctx) != nil {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return false
		}
	}
	s.logger.Info("a program is ready", "program", p.name, "took", time.Since(began).Round(time.Millisecond).String())
	return ctx.Err() == nil
}

// once runs a program to its end. At the end of ctx it is asked to end.
func (s *supervisor) once(ctx context.Context, p program) error {
	log, err := os.OpenFile(filepath.Join(s.logs, p.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // the program has its own descriptor
	cmd := exec.CommandContext(ctx, p.args[0], p.args[1:]...)
	cmd.Env = append(os.Environ(), p.env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir, cmd.ExtraFiles = "/", p.files
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	err = cmd.Run()
	if err == nil {
		return errors.New("it ended by itself")
	}
	return err
}
