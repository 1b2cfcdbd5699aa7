//go:build integration && linux

package integration

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// home is a directory for temporary files that no other test uses. Whatever a
// runner starts inherits its TMPDIR, so that the kernel itself tells which
// processes are a run's, whatever the runner's own books say.
type home struct {
	t   *testing.T
	tmp string
}

func newHome(t *testing.T) *home {
	t.Helper()
	h := &home{t: t, tmp: filepath.Join(t.TempDir(), "tmp")}
	if err := os.Mkdir(h.tmp, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, p := range h.processes() {
			t.Errorf("still there at the end of the test: %s", p)
			_ = syscall.Kill(p.pid, syscall.SIGKILL) // the test has failed already; the next must not suffer
		}
	})
	return h
}

// process is one that a run of this home has started, or its runner.
type process struct {
	pid  int
	args []string
}

func (p process) String() string { return strconv.Itoa(p.pid) + " " + strings.Join(p.args, " ") }

func (p process) is(role string) bool {
	switch role {
	case "monitor":
		return filepath.Base(p.args[0]) == role
	default: // a hidden subcommand of ballast
		return len(p.args) > 1 && p.args[1] == role
	}
}

// processes are the living ones of this home. A zombie has neither memory nor
// files; it is its parent's to reap.
func (h *home) processes() []process {
	h.t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		h.t.Fatal(err)
	}
	var out []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		environ, err := os.ReadFile(filepath.Join("/proc", e.Name(), "environ"))
		if err != nil || !slices.Contains(strings.Split(string(environ), "\x00"), "TMPDIR="+h.tmp) {
			continue // it has ended, or it is another's
		}
		line, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if err != nil || len(line) == 0 {
			continue
		}
		out = append(out, process{pid, strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")})
	}
	return out
}

// only are those processes that play the role.
func (h *home) only(role string) []process {
	h.t.Helper()
	return slices.DeleteFunc(h.processes(), func(p process) bool { return !p.is(role) })
}

// sockets are the listening TCP sockets of the home's processes: their inodes,
// which are never used twice, with the local address.
func (h *home) sockets() map[string]string {
	h.t.Helper()
	listening := listeners(h.t)
	out := map[string]string{}
	for _, p := range h.processes() {
		fds, err := filepath.Glob("/proc/" + strconv.Itoa(p.pid) + "/fd/*")
		if err != nil {
			h.t.Fatal(err)
		}
		for _, fd := range fds {
			link, err := os.Readlink(fd)
			if err != nil {
				continue // closed meanwhile
			}
			inode, ok := strings.CutPrefix(link, "socket:[")
			inode = strings.TrimSuffix(inode, "]")
			if address, listens := listening[inode]; ok && listens {
				out[inode] = address
			}
		}
	}
	return out
}

// listeners are the listening TCP sockets of this machine by inode.
func listeners(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		data, err := os.ReadFile(table)
		if err != nil {
			continue // no IPv6 here
		}
		for _, line := range strings.Split(string(data), "\n") {
			const address, state, inode = 1, 3, 9
			if f := strings.Fields(line); len(f) > inode && f[state] == "0A" {
				out[f[inode]] = f[address]
			}
		}
	}
	return out
}

// files are what lies in the home apart from the two lock files, which hold
// nothing and are every run's.
func (h *home) files() []string {
	h.t.Helper()
	var out []string
	err := filepath.WalkDir(h.tmp, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			if os.IsNotExist(err) {
				return nil // removed while we look: what a clean-up does
			}
			return err
		}
		name := strings.TrimPrefix(path, h.tmp)
		root := "/ballast-" + strconv.Itoa(os.Getuid())
		if !slices.Contains([]string{"", root, root + "/.lock", root + "/.machine"}, name) {
			out = append(out, name)
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

// empty fails the test unless, at the deadline at the latest, no process of this
// home lives, none of the sockets listens and no file is left. It blocks until
// then and returns when it was.
func (h *home) empty(deadline time.Time, sockets map[string]string) time.Time {
	h.t.Helper()
	for {
		processes, files := h.processes(), h.files()
		open := listeners(h.t)
		for inode := range open {
			if _, ours := sockets[inode]; !ours {
				delete(open, inode)
			}
		}
		now := time.Now()
		if len(processes) == 0 && len(files) == 0 && len(open) == 0 {
			return now
		}
		if now.After(deadline) {
			h.t.Errorf("something is left:\nprocesses %v\nfiles %v\nlistening sockets %v", processes, files, open)
			return now
		}
		time.Sleep(20 * time.Millisecond) // the kernel tells nobody of foreign processes' ends
	}
}
