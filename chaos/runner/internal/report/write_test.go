package report

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestWriteLeavesThreeFilesAndNothingElse(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := Preflight(dir); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("Preflight left %v", got)
	}
	for range 2 { // a second time over the first
		if err := Write(dir, fixtures()["all"]); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff([]string{JUnitFile, HTMLFile, JSONFile}, names(t, dir)); d != "" {
		t.Errorf("files (-want +got):\n%s", d)
	}
	f, err := os.Open(filepath.Join(dir, JSONFile))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	got, err := result.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(fixtures()["all"].Normal(), got); d != "" {
		t.Errorf("report.json (-want +got):\n%s", d)
	}
}

func TestNotWritableNamesThePathAndTheMend(t *testing.T) {
	file := filepath.Join(t.TempDir(), "taken")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	occupied := t.TempDir()
	if err := os.Mkdir(filepath.Join(occupied, HTMLFile), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{
		"a file in the way":             filepath.Join(file, "out"),
		"a directory instead of a file": occupied,
		"no name":                       "",
	} {
		t.Run(name, func(t *testing.T) {
			for what, err := range map[string]error{"Preflight": Preflight(dir), "Write": Write(dir, fixtures()["green"])} {
				if !errors.Is(err, ErrNotWritable) {
					t.Fatalf("%s: %v, want ErrNotWritable", what, err)
				}
				if !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "--out") {
					t.Errorf("%s: %q names neither path nor mend", what, err)
				}
			}
		})
	}
	if got := names(t, occupied); len(got) != 3 {
		t.Errorf("one file that fails cost another, or left its temporary one: %v", got)
	}
}

func TestADiskThatFillsUpLeavesTheOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := atomically(path, func(w io.Writer) error {
		_, _ = io.WriteString(w, "half of the n")
		return &fs.PathError{Op: "write", Path: path, Err: syscall.ENOSPC}
	}, func(string) error { t.Error("finished"); return nil })
	if !errors.Is(err, ErrNotWritable) || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "free some space") {
		t.Errorf("error: %v", err)
	}
	if got, _ := os.ReadFile(path); string(got) != "old" {
		t.Errorf("content %q", got)
	}
	if got := names(t, filepath.Dir(path)); len(got) != 1 {
		t.Errorf("left: %v", got)
	}
}

func TestAFullDeviceIsNotWritable(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no /dev/full")
	}
	defer func() { _ = full.Close() }()
	for name, render := range map[string]func(io.Writer, result.Report) error{"html": HTML, "json": JSON, "junit": JUnit, "text": Text} {
		if err := render(full, fixtures()["all"]); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s on a full device: %v", name, err)
		}
	}
}
