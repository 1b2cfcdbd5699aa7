package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// machineLock is held shared by every run under way on this machine, and alone
// by one that would starve the others.
const machineLock = ".machine"

// Reserve waits until this machine has room for a run: beside others, or alone
// when exclusive. It blocks until then or until ctx ends, which is ErrBusy when
// its deadline has passed. The lock is released by calling release, or by the
// end of this process, however that comes. tempRoot is as in Config.
func Reserve(ctx context.Context, tempRoot string, exclusive bool) (release func() error, err error) {
	root, err := rootDir(tempRoot)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(root, machineLock), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("reserve the machine: %w", err)
	}
	how := unix.LOCK_SH
	if exclusive {
		how = unix.LOCK_EX
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := flock(f, how|unix.LOCK_NB)
		if err == nil {
			return f.Close, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("reserve the machine: lock %s: %w", f.Name(), err), f.Close())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("%w: waiting for the machine: %w", fault.ErrBusy, ctx.Err()), f.Close())
		}
	}
}
