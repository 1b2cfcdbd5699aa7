package local

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// A run's directory changes its name as a whole when it begins and when it ends,
// so that whoever looks meanwhile never takes half of it for a leftover.
const (
	runDirPrefix = "run-"
	newDirPrefix = "new-"           // not locked yet
	oldDirPrefix = "old-"           // being removed, the lock last
	lockFile     = "lock"           // held by the runner and its keeper while one of them lives
	runsFile     = "runs"           // the run IDs that this directory has served, one a line
	urlFile      = "prometheus.url" // where the run's Prometheus answers, for those who look on
	rootLockFile = ".lock"
)

// rootDir returns the directory of all runs of this user, made if need be.
func rootDir(root string) (string, error) {
	if root == "" {
		root = filepath.Join(os.TempDir(), "ballast-"+strconv.Itoa(os.Getuid()))
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return "", fmt.Errorf("directory of the runs: %w", err)
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return "", fmt.Errorf("directory of the runs: %w: make it writable or set TMPDIR", err)
	}
	info, err := os.Lstat(root)
	if err != nil {
		return "", fmt.Errorf("directory of the runs: %w", err)
	}
	// The default root lies in a directory that anybody may write to: another
	// user's directory or link there must not receive our files.
	st, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(st.Uid) != os.Getuid() || info.Mode().Perm()&0o022 != 0 {
		return "", fmt.Errorf("directory of the runs %s: want a directory of user %d that nobody else can write to: remove it or set TMPDIR", root, os.Getuid())
	}
	return root, nil
}

// lockRoot keeps creation and removal of run directories apart, so that a sweep
// never sees a directory that is not locked yet. It blocks for as long as
// another process creates or sweeps. Unlock closes the file.
func lockRoot(root string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(root, rootLockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock of the runs' directory: %w", err)
	}
	if err := flock(f, unix.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
	}
	return f, nil
}

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// runDir is the directory of one environment; Lock is held while it is in use.
type runDir struct {
	path string
	lock *os.File
}

// newRunDir makes and locks a directory under root.
func newRunDir(root string) (_ *runDir, err error) {
	unlock, err := lockRoot(root)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock.Close()) }()

	fresh, err := os.MkdirTemp(root, newDirPrefix)
	if err != nil {
		return nil, fmt.Errorf("directory of the run: %w", err)
	}
	path := filepath.Join(root, runDirPrefix+strings.TrimPrefix(filepath.Base(fresh), newDirPrefix))
	lock, err := os.OpenFile(filepath.Join(fresh, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock of the run's directory: %w", err), os.RemoveAll(fresh))
	}
	if err = flock(lock, unix.LOCK_EX|unix.LOCK_NB); err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock of the run's directory: %w", err), lock.Close(), os.RemoveAll(fresh))
	}
	return &runDir{path: path, lock: lock}, nil
}

// note records a run ID, so that a sweep can say whose leftovers it found.
func (d *runDir) note(run fault.RunID) error {
	f, err := os.OpenFile(filepath.Join(d.path, runsFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("note of run %s: %w", run, err)
	}
	_, err = fmt.Fprintln(f, run)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("note of run %s: %w", run, err)
	}
	return nil
}

// noteURL records where the run's Prometheus answers.
func (d *runDir) noteURL(url string) error {
	if err := os.WriteFile(filepath.Join(d.path, urlFile), []byte(url+"\n"), 0o600); err != nil {
		return fmt.Errorf("note of the address of Prometheus: %w", err)
	}
	return nil
}

// close gives up the lock and removes what is left of the directory.
func (d *runDir) close() error {
	return errors.Join(removeRunDir(d.path), d.lock.Close())
}

// removeRunDir removes a run's directory, whose lock this process holds. A
// directory that is missing, or partly removed, is not an error.
func removeRunDir(path string) error {
	old := oldName(path)
	if err := os.Rename(path, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the run's directory: %w", err)
	}
	entries, err := os.ReadDir(old)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, entry := range entries {
		if entry.Name() != lockFile {
			errs = append(errs, os.RemoveAll(filepath.Join(old, entry.Name())))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return os.RemoveAll(old)
}

// oldName is what a run's directory is called while it is removed.
func oldName(path string) string {
	return filepath.Join(filepath.Dir(path), oldDirPrefix+strings.TrimPrefix(filepath.Base(path), runDirPrefix))
}

// runOf names the last run that a directory has served, or "unknown".
func runOf(path string) fault.RunID {
	run := fault.RunID("unknown")
	f, err := os.Open(filepath.Join(path, runsFile))
	if err != nil {
		return run
	}
	defer f.Close() //nolint:errcheck // read only
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if id := strings.TrimSpace(lines.Text()); id != "" {
			run = fault.RunID(id)
		}
	}
	return run
}

// inUse says whether a living runner or keeper holds the directory.
func inUse(path string) (bool, error) {
	f, err := os.OpenFile(filepath.Join(path, lockFile), os.O_RDWR, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("lock of %s: %w", path, err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	err = flock(f, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("lock of %s: %w", path, err)
	}
	return false, nil
}

// tail returns the last lines of a file on one line each, for error messages.
func tail(path string, lines int) string {
	const most = 8 << 10
	f, err := os.Open(path)
	if err != nil {
		return "(no log: " + err.Error() + ")"
	}
	defer f.Close() //nolint:errcheck // read only
	if info, err := f.Stat(); err == nil && info.Size() > most {
		if _, err := f.Seek(-most, 2); err != nil {
			return "(no log: " + err.Error() + ")"
		}
	}
	var last []string
	for s := bufio.NewScanner(f); s.Scan(); {
		last = append(last, s.Text())
		if len(last) > lines {
			last = last[1:]
		}
	}
	if len(last) == 0 {
		return "(it wrote nothing)"
	}
	return strings.Join(last, "\n")
}
