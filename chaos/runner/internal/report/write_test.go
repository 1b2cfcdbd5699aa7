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
	place, err := Reserve(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = place.Close() }()
	if err := place.Prepare(); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("Prepare left %v", got)
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
			for what, err := range map[string]error{"Prepare": prepared(dir), "Write": Write(dir, fixtures()["green"])} {
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

// prepared is what a run finds out before it begins.
func prepared(dir string) error {
	place, err := Reserve(dir)
	if err != nil {
		return err
	}
	return errors.Join(place.Prepare(), place.Close())
}

func TestADiskThatFillsUpLeavesNothingOfAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := writeOut(path, func(w io.Writer) error {
		_, _ = io.WriteString(w, "half of the n")
		return &fs.PathError{Op: "write", Path: path, Err: syscall.ENOSPC}
	})
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

// A second run would overwrite the first one's evidence, or have its own lost.
func TestAPlaceIsForOneRunAtATime(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Skip("this file system has no links:", err)
	}
	first, err := Reserve(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, link, dir + "/."} {
		_, err := Reserve(path)
		if !errors.Is(err, ErrNotWritable) || !strings.Contains(err.Error(), path+": another run uses this directory (wait for it") {
			t.Errorf("a second one at %s: %v", path, err)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := prepared(dir); err != nil {
		t.Errorf("after the first: %v", err)
	}

	// Two that find no directory: the one that makes it later is refused.
	fresh := filepath.Join(t.TempDir(), "out")
	a, errA := Reserve(fresh)
	b, errB := Reserve(fresh)
	if err := errors.Join(errA, errB, a.Prepare()); err != nil {
		t.Fatal(err)
	}
	if err := b.Prepare(); !errors.Is(err, ErrNotWritable) {
		t.Errorf("both have it: %v", err)
	}
	if err := errors.Join(a.Close(), b.Close()); err != nil {
		t.Error(err)
	}
}

func TestVoidReplacesOnlyWhatIsThere(t *testing.T) {
	for name, file := range map[string]string{"nothing": "", "another file": "notes.txt", "a report": JUnitFile} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if file != "" {
				if err := os.WriteFile(filepath.Join(dir, file), []byte("pass"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			place, err := Reserve(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = place.Close() }()
			if err := place.Void(fixtures()["green"]); err != nil {
				t.Fatal(err)
			}
			want := map[string]int{"": 0, "notes.txt": 1, JUnitFile: 3}[file]
			if got := names(t, dir); len(got) != want {
				t.Errorf("files %v, want %d", got, want)
			}
			if content, err := os.ReadFile(filepath.Join(dir, JUnitFile)); err == nil && string(content) == "pass" {
				t.Error("the earlier verdict survived")
			}
		})
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
