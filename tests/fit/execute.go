package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"syscall"
	"time"
)

// grace is how long an interrupted command may take to end: a run that undoes its
// faults, a cluster that is taken down.
const grace = time.Minute

// execute runs a command to its end and returns its exit code, 128 and the signal's
// number when a signal ended it. The command and what it starts are a session of their
// own, for the sake of the meter; its process group is interrupted when ctx ends, and
// the command killed after the grace.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // the command line says what to run
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = grace
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &exit):
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return 128 + int(status.Signal()), nil
		}
		return exit.ExitCode(), nil
	case ctx.Err() != nil:
		return 128 + int(syscall.SIGINT), nil //nolint:nilerr // it ended late, as it was asked to
	}
	return 0, fmt.Errorf("run %s: %w", args[0], err)
}

// lines hands on each line that is written to it, without its end.
type lines struct {
	each func([]byte)
	rest []byte
}

func (l *lines) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		line, rest, found := bytes.Cut(l.rest, []byte("\n"))
		if !found {
			return len(p), nil
		}
		l.each(line)
		l.rest = rest
	}
}

// flush hands on what came after the last end of a line.
func (l *lines) flush() {
	if len(l.rest) > 0 {
		l.each(l.rest)
		l.rest = nil
	}
}
