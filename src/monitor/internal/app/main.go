// Package app is the monitor's command line, wiring and life: it is the
// only package that knows flags, signals and exit codes.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes, after sysexits.h where it has one.
const (
	ExitOK          = 0
	ExitUsage       = 64
	ExitInternal    = 70
	ExitInterrupted = 130
)

// errUsage marks errors that the caller mends by changing the command line
// or the environment.
var errUsage = errors.New("usage")

// errSecondSignal reports that the process was told twice to end.
var errSecondSignal = errors.New("second signal: ending without draining")

// Main runs the monitor until it fails or is told to end by SIGTERM or
// SIGINT, and returns the exit code. After the first signal it drains and
// returns 0; a second one makes it return 130 at once, whatever is still
// going on. Help and version go to stdout, JSON logs and errors to stderr.
func Main(args []string, stdout, stderr io.Writer) int {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)
	return run(context.Background(), args, stdout, stderr, signals)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer, signals <-chan os.Signal) int {
	stop := newStopper(ctx, signals)
	defer stop.release()

	cmd := newCommand(func(cfg config) error { return serveUntil(cfg, stderr, stop) })
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.ExecuteContext(stop.first)
	switch {
	case err == nil:
		return ExitOK
	case errors.Is(err, errSecondSignal):
		return ExitInterrupted
	}
	fmt.Fprintf(stderr, "monitor: %v\n", err)
	if errors.Is(err, errUsage) {
		fmt.Fprintln(stderr, "monitor --help lists the flags")
		return ExitUsage
	}
	return ExitInternal
}
