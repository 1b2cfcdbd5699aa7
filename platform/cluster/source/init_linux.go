package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// InitMain is process 1 of a node: it makes the place, starts the supervisor, reaps
// orphans and returns when the supervisor has ended. args are those after the
// subcommand's name: the node's directory.
func InitMain(ctx context.Context, args []string, stderr io.Writer) int {
	logger := slog.New(slog.NewJSONHandler(stderr, nil))
	if err := runInit(ctx, args, logger); err != nil {
		logger.Error("the node ends", "error", err)
		return 70
	}
	return 0
}

func runInit(ctx context.Context, args []string, logger *slog.Logger) error {
	if len(args) != 1 || os.Getpid() != 1 {
		return errors.New("this is process 1 of a node; `cluster up` starts it")
	}
	s, err := readSettings(args[0])
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	groups, err := findHierarchies()
	if err != nil {
		return err
	}
	if err := groups.create(s.Name); err != nil {
		return err
	}
	if err := enter(ctx, s); err != nil {
		return err
	}
	files := []*os.File{os.Stdin, os.Stdout, os.Stderr}
	for fd := range inherited {
		files = append(files, os.NewFile(uintptr(lockFD+fd), ""))
	}
	// Started without os/exec, which would wait for it beside the loop below.
	child, err := os.StartProcess(s.Self, []string{s.Self, NodeCommand, args[0]}, &os.ProcAttr{Dir: "/", Files: files, Env: os.Environ()})
	if err != nil {
		return fmt.Errorf("supervisor: %w", err)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	go func() { // ends with the process
		for range stop {
			_ = child.Signal(syscall.SIGTERM) // it has ended already
		}
	}()
	logger.Info("the node is up", "supervisor", child.Pid)
	return reap(child.Pid)
}

// reap waits for orphans until the process with this pid has ended.
func reap(until int) error {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("wait: %w", err)
		case pid == until && status.ExitStatus() == 0:
			return nil
		case pid == until:
			return fmt.Errorf("the supervisor ended: exit code %d, signal %d", status.ExitStatus(), status.Signal())
		}
	}
}
