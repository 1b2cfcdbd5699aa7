//go:build integration && linux

package integration

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ballast-sre/ballast/tests/executable"
)

// broken is a monitor that explains itself and dies.
func broken(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "monitor")
	executable.Write(t, path, "#!/bin/sh\necho starting up\necho 'the flux capacitor is empty' >&2\nexit 7\n", 0o700)
	return path
}

func TestAMonitorThatDiesAtStartIsNamedWithItsLastLines(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	r := h.run("--monitor", broken(t), document(t, podKill))
	x := evidenceOf(t, r)
	if r.code != 3 || x.Verdict != "inconclusive" || x.Reason != "target-unreachable" {
		t.Errorf("exit code %d, %s (%s); want 3, inconclusive (target-unreachable)", r.code, x.Verdict, x.Reason)
	}
	var details string
	for _, f := range x.Findings {
		details += f.Detail
	}
	for _, want := range []string{"exit code 7", "starting up", "the flux capacitor is empty"} {
		if !strings.Contains(details, want) {
			t.Errorf("the findings do not say %q: %s", want, details)
		}
	}
	if verdict := r.await(isVerdict); !strings.Contains(verdict.Summary, "the flux capacitor is empty") {
		t.Errorf("the verdict does not say why: %+v", verdict)
	}
	h.empty(time.Now(), nil)
}

func TestAMissingMonitorIsAMistakeOfUsage(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	missing := filepath.Join(t.TempDir(), "monitor")
	code, stdout, stderr := h.ballast("run", "--out", t.TempDir(), "--monitor", missing, document(t, podKill))
	if code != 64 || stdout != "" || !strings.Contains(stderr, missing) || !strings.Contains(stderr, "make build") {
		t.Errorf("exit code %d, want 64 and a message with the path and the mend: %s%s", code, stdout, stderr)
	}
	h.empty(time.Now(), nil)
}

// mounted mounts a file system in memory, which needs rights that only some
// machines give.
func mounted(t *testing.T, flags uintptr) string {
	t.Helper()
	return mountedAt(t, t.TempDir(), flags, "64k")
}

func mountedAt(t *testing.T, dir string, flags uintptr, size string) string {
	t.Helper()
	if err := unix.Mount("ballast", dir, "tmpfs", flags, "size="+size); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes all that is left of a file system. It returns the file that does.
func fill(t *testing.T, dir string) string {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for {
		if _, err := f.Write(make([]byte, 4096)); errors.Is(err, syscall.ENOSPC) {
			return f.Name()
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestEvidenceWithoutAPlaceIsFoundOutBeforeAnythingStarts(t *testing.T) {
	for _, c := range []struct {
		name  string
		place func(*testing.T) string
		says  string
	}{
		{"its parent is a file", func(t *testing.T) string {
			file := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return filepath.Join(file, "out")
		}, "something else has that name"},
		{"it is a file", func(t *testing.T) string {
			file := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return file
		}, "something else has that name"},
		{"the file system is full", func(t *testing.T) string {
			dir := mounted(t, 0)
			fill(t, dir)
			return dir
		}, "free some space"},
		{"the file system is read-only", func(t *testing.T) string { return mounted(t, unix.MS_RDONLY) }, "read-only"},
		{"the device takes nothing", func(*testing.T) string { return "/dev/full" }, "something else has that name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			out := c.place(t)
			code, stdout, stderr := h.ballast("run", "--format", "json", "--out", out, document(t, podKill))
			if code != 74 || stdout != "" || !strings.Contains(stderr, c.says) || !strings.Contains(stderr, "--out") || !strings.Contains(stderr, out) {
				t.Errorf("exit code %d, want 74 and a message that says %q: %s%s", code, c.says, stdout, stderr)
			}
			if entries, err := os.ReadDir(h.tmp); err != nil || len(entries) > 0 {
				t.Errorf("something was started: %v, %v", entries, err)
			}
		})
	}
}

// A place that fills up during the run costs the evidence, not the verdict.
func TestEvidenceThatCannotBeWrittenAtTheEnd(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	out := filepath.Join(t.TempDir(), "out")
	r := h.run("--out", out, "--monitor", broken(t), document(t, podKill))
	// Between preflight and the verdict, which the fleet's start keeps apart.
	h.keeper()
	if err := errors.Join(os.RemoveAll(out), os.WriteFile(out, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	verdict := r.await(isVerdict)
	if code := r.ended(); code != 74 || verdict.Verdict != "inconclusive" {
		t.Errorf("exit code %d, verdict %s; want 74 and the verdict all the same: %s", code, verdict.Verdict, r.stderr.String())
	}
	h.empty(time.Now(), nil)
}

func TestLoadNamesAPortThatIsTaken(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	h := newHome(t)
	code, stdout, stderr := h.ballast("load", "--duration", "1s", "--listen", l.Addr().String(), "http://"+l.Addr().String())
	if code != 64 || stdout != "" || !strings.Contains(stderr, l.Addr().String()) || !strings.Contains(stderr, "address already in use") || !strings.Contains(stderr, "port 0") {
		t.Errorf("exit code %d, want 64 and a message with the address, the cause and the mend: %s%s", code, stdout, stderr)
	}
}
