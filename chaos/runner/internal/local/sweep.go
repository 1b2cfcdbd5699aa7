package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

const (
	runDirFlag   = "--run-dir="
	sweepTimeout = 5 * time.Second
)

// Leftovers finds what dead runs of this user have left under tempRoot (empty:
// the default): processes and directories. It changes nothing.
func Leftovers(tempRoot string) ([]fault.Residue, error) {
	root, err := rootDir(tempRoot)
	if err != nil {
		return nil, err
	}
	found, err := find(root, false)
	if err != nil {
		return nil, err
	}
	return found.residues(), nil
}

// Sweep finds what Leftovers finds and removes it: processes first, by SIGKILL,
// then directories. It returns what it found, removed or not; the error says
// what is still there. It never touches a run that is alive.
func Sweep(ctx context.Context, tempRoot string, logger *slog.Logger) (_ []fault.Residue, err error) {
	root, err := rootDir(tempRoot)
	if err != nil {
		return nil, err
	}
	unlock, err := lockRoot(root)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock.Close()) }()

	found, err := find(root, true)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, p := range found.processes {
		if err := p.end(ctx); err != nil {
			errs = append(errs, err)
			continue
		}
		logger.Info("swept", "kind", "process", "pid", p.pid, "run", p.run)
	}
	for _, d := range found.directories {
		if err := os.RemoveAll(d.path); err != nil {
			errs = append(errs, fmt.Errorf("sweep: %w", err))
			continue
		}
		logger.Info("swept", "kind", "directory", "path", d.path, "run", d.run)
	}
	return found.residues(), errors.Join(errs...)
}

// leftovers are what dead runs have left.
type leftovers struct {
	directories []deadDir
	processes   []strayProcess
}

type deadDir struct {
	path string
	run  fault.RunID
}

type strayProcess struct {
	pid   int
	start uint64 // with the pid, the process for good
	run   fault.RunID
	line  string // its command line
}

func (l leftovers) residues() []fault.Residue {
	var out []fault.Residue
	for _, p := range l.processes {
		out = append(out, fault.Residue{Run: p.run, Kind: "process", Name: strconv.Itoa(p.pid), Detail: p.line})
	}
	for _, d := range l.directories {
		out = append(out, fault.Residue{Run: d.run, Kind: "directory", Name: filepath.Base(d.path), Detail: d.path})
	}
	return out
}

// find looks under root. Under the root's lock no directory is just begun or
// removed by a living run without being locked, so that locked also finds what a
// run that was killed in such a moment has left.
func find(root string, locked bool) (leftovers, error) {
	var found leftovers
	entries, err := os.ReadDir(root)
	if err != nil {
		return found, fmt.Errorf("leftovers: %w", err)
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		path := filepath.Join(root, entry.Name())
		dead, err := isDead(path, locked)
		if err != nil {
			return found, err
		}
		if dead {
			found.directories = append(found.directories, deadDir{path, runOf(path)})
		}
	}
	found.processes, err = strays(root)
	return found, err
}

// isDead reports whether a directory is a run's and nobody's any more.
func isDead(path string, locked bool) (bool, error) {
	name := filepath.Base(path)
	switch {
	case strings.HasPrefix(name, runDirPrefix):
	case strings.HasPrefix(name, newDirPrefix):
		return locked, nil
	case strings.HasPrefix(name, oldDirPrefix):
		if _, err := os.Lstat(filepath.Join(path, lockFile)); errors.Is(err, fs.ErrNotExist) && !locked {
			return false, nil // its last moment
		}
	default:
		return false, nil
	}
	used, err := inUse(path)
	if used || err != nil {
		return false, err
	}
	// Between the listing and the look at its lock a living run may have ended; and one
	// that was ending may have come to its last moment.
	last := path
	if strings.HasPrefix(name, oldDirPrefix) && !locked {
		last = filepath.Join(path, lockFile)
	}
	_, err = os.Lstat(last)
	return err == nil, nil
}

// strays are processes of this user whose command line names a run's directory
// under root in the way that ours do, and whose run is dead.
func strays(root string) ([]strayProcess, error) {
	procs, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("leftovers: %w", err)
	}
	var out []strayProcess
	for _, entry := range procs {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			continue // it has ended
		}
		if st, ok := info.Sys().(*syscall.Stat_t); !ok || int(st.Uid) != os.Getuid() {
			continue
		}
		line, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline"))
		if err != nil {
			continue // it has ended
		}
		dir, ok := runDirOf(root, strings.Split(string(line), "\x00"))
		if !ok {
			continue
		}
		used, err := inUse(dir)
		if err == nil && !used {
			used, err = inUse(oldName(dir))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if used {
			continue
		}
		start, err := startTime(pid)
		if err != nil || endsByItself(pid, start) {
			continue
		}
		out = append(out, strayProcess{
			pid: pid, start: start, run: runOf(dir),
			line: strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " ")),
		})
	}
	return out, nil
}

// endsByItself waits a moment for a process whose run is gone: a keeper that has
// removed its directory has yet to exit.
func endsByItself(pid int, start uint64) bool {
	for range 20 {
		if now, err := startTime(pid); err != nil || now != start {
			return true
		}
		time.Sleep(25 * time.Millisecond) // the kernel tells nobody of a foreign process's end
	}
	return false
}

// runDirOf returns the run's directory that a command line was given by one of
// our own flags. A pager that looks at a log there is no process of a run.
func runDirOf(root string, args []string) (string, bool) {
	for _, arg := range args {
		for _, flag := range []string{runDirFlag, addressFlag} {
			value, ok := strings.CutPrefix(arg, flag+root+"/")
			if !ok || !strings.HasPrefix(value, runDirPrefix) {
				continue
			}
			name, _, _ := strings.Cut(value, "/")
			return filepath.Join(root, name), true
		}
	}
	return "", false
}

// end kills the process and waits until it is gone.
func (p strayProcess) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		// The pid may have been reused since it was found.
		start, err := startTime(p.pid)
		if err != nil || start != p.start {
			return nil // what cannot be looked at is gone
		}
		if err := syscall.Kill(p.pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("sweep process %d: %w", p.pid, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("sweep process %d: it is alive %s after SIGKILL", p.pid, sweepTimeout)
		}
	}
}

// stressors are the stressor processes of this environment that still run.
func (e *Environment) stressors() ([]fault.Residue, error) {
	procs, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, fmt.Errorf("stressors: %w", err)
	}
	var out []fault.Residue
	for _, path := range procs {
		line, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		args := strings.Split(string(line), "\x00")
		if len(args) < 4 || args[1] != StressCommand || args[2] != runDirFlag+e.dir.path {
			continue
		}
		key := strings.TrimPrefix(args[3], "--run=")
		out = append(out, fault.Residue{
			Run: runOfKey(key), Kind: "process", Name: filepath.Base(filepath.Dir(path)),
			Detail: "stressor of " + key,
		})
	}
	return out, nil
}
