package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

const (
	diskInterval = 500 * time.Millisecond
	// diskRoom is what has to fit: a log line and an address file for each pod that
	// starts anew, with a margin.
	diskRoom = 64 << 10
)

// watchDisk loses the environment when nothing more can be written to the run's
// directory: a pod that is killed could not start again, which would look as if
// the platform did not heal it. It blocks until then, or until ctx ends.
func (e *Environment) watchDisk(ctx context.Context) {
	tick := time.NewTicker(diskInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := writeRoom(e.dir.path); isFull(err) {
			e.lose(fmt.Errorf("%w: %w", fault.ErrUnreachable, withFix(err)))
			return
		}
	}
}

// writeRoom writes what has to fit into dir. The room of the last time is given
// back only afterwards, so that this time is not written into it.
func writeRoom(dir string) error {
	path := filepath.Join(dir, "room")
	fresh := path + ".new"
	if err := os.WriteFile(fresh, make([]byte, diskRoom), 0o600); err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	return os.Rename(fresh, path)
}

func isFull(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

// withFix adds what to do about a machine that lacks something.
func withFix(err error) error {
	switch {
	case err == nil:
		return nil
	case isFull(err):
		return fmt.Errorf("%w: the disk of the run's directory is full; free some space there or set TMPDIR to another disk", err)
	case errors.Is(err, unix.EROFS), errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: make the directory writable or set TMPDIR to another one", err)
	}
	return err
}
