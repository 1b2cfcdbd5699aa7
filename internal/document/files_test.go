package document

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFiles(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	for _, name := range []string{"b.yaml", "a.yml", "sub/c.yaml", "README.md", "A.YAML", ".hidden.yaml", ".git/x.yaml", "odd.yaml/d.yaml"} {
		write(t, dir, name, "a: 1\n")
	}
	write(t, outside, "e.yaml", "a: 1\n")
	for link, target := range map[string]string{
		"loop": dir, "sub/up": "..", "linked.yaml": filepath.Join(outside, "e.yaml"), "folder.yaml": outside, "dangling.yaml": "gone",
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Skip("this file system has no links:", err)
		}
	}
	tests := map[string]struct {
		path string
		want []string
	}{
		"a directory with its folders":   {dir, []string{"a.yml", "b.yaml", "dangling.yaml", "linked.yaml", "odd.yaml/d.yaml", "sub/c.yaml"}},
		"a file of any name":             {filepath.Join(dir, "README.md"), []string{"README.md"}},
		"a hidden file that is given":    {filepath.Join(dir, ".hidden.yaml"), []string{".hidden.yaml"}},
		"a hidden folder that is given":  {filepath.Join(dir, ".git"), []string{".git/x.yaml"}},
		"a link to a directory is given": {filepath.Join(dir, "loop", "sub"), []string{"loop/sub/c.yaml"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			found, err := Files(tt.path)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, file := range found.Files {
				rel, err := filepath.Rel(dir, file)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, filepath.ToSlash(rel))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if _, err := Files(filepath.Join(dir, "gone")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a path that does not exist: %v, want fs.ErrNotExist", err)
	}
}

func TestFilesSaysWhatItSkips(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	for _, name := range []string{"a.yaml", "sub/B.YAML", "c.Yml", ".hidden.YAML", "README.MD"} {
		write(t, dir, name, "a: 1\n")
	}
	for link, target := range map[string]string{"linked": outside, "linked.yaml": outside, "..data": outside} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Skip("this file system has no links:", err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.yaml"), 0o600); err != nil {
		t.Skip("there are no named pipes here:", err)
	}
	found, err := Files(dir)
	if err != nil {
		t.Fatal(err)
	}
	const (
		link = "a link to a directory is not followed; name the directory itself"
		ext  = "only .yaml and .yml in lower case are read; rename it"
	)
	want := []Skipped{
		{filepath.Join(dir, "c.Yml"), ext},
		{filepath.Join(dir, "linked"), link},
		{filepath.Join(dir, "linked.yaml"), link},
		{filepath.Join(dir, "pipe.yaml"), "it is not a regular file"},
		{filepath.Join(dir, "sub", "B.YAML"), ext},
	}
	if diff := cmp.Diff(want, found.Skipped); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A directory that this user may not read is a problem with its whole path, and
// does not hide the others.
func TestFilesNamesEveryUnreadableDirectory(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root reads every directory")
	}
	dir := t.TempDir()
	for _, name := range []string{"a/x.yaml", "b/c/x.yaml", "d.yaml"} {
		write(t, dir, name, "a: 1\n")
	}
	closed := []string{filepath.Join(dir, "a"), filepath.Join(dir, "b", "c")}
	for _, path := range closed {
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(path, 0o700) }) //nolint:errcheck // TempDir's own clean-up would fail
	}
	for path, want := range map[string][]string{dir: closed, closed[1]: closed[1:], filepath.Join(closed[0], "x.yaml"): {filepath.Join(closed[0], "x.yaml")}} {
		_, err := Files(path)
		var problems Problems
		if !errors.As(err, &problems) || len(problems) != len(want) {
			t.Errorf("%s: %v, want problems of %q", path, err, want)
			continue
		}
		for i, p := range problems {
			if p.File != want[i] || p.Message != "cannot be read: permission denied; make it readable or leave it out" {
				t.Errorf("%s: %s, want %s", path, p, want[i])
			}
		}
	}
}

func TestReadRefuses(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "large.yaml", strings.Repeat("#", MaxBytes+1))
	write(t, dir, "largest.yaml", strings.Repeat("#", MaxBytes))
	for path, want := range map[string]string{
		filepath.Join(dir, "large.yaml"): "the file has 1048577 bytes; split it, at most 1048576 are read",
		filepath.Join(dir, "gone.yaml"):  "cannot be read: stat " + filepath.Join(dir, "gone.yaml") + ": no such file or directory",
		dir:                              "is not a regular file; give a file or a directory",
		os.DevNull:                       "is not a regular file; give a file or a directory",
	} {
		if _, problem := Read(path); problem == nil || problem.File != path || problem.Message != want {
			t.Errorf("%s: %+v, want %q", path, problem, want)
		}
	}
	if data, problem := Read(filepath.Join(dir, "largest.yaml")); problem != nil || len(data) != MaxBytes {
		t.Errorf("of the largest file %d bytes were read, %+v", len(data), problem)
	}
}
