// Package report renders the evidence of runs: for people as HTML and text, for
// machines as JSON and JUnit, and live on a terminal while it comes in.
package report

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// ErrNotWritable is returned when the evidence cannot be stored. Its message
// names the path and what to do; the process exits with 74.
var ErrNotWritable = errors.New("the evidence cannot be written")

// The files that [Write] leaves in its directory.
const (
	HTMLFile  = "report.html"
	JSONFile  = "report.json"
	JUnitFile = "junit.xml"
)

// Write stores report.json, junit.xml and report.html in dir, which it makes if
// need be. Each file is replaced whole or not at all. It tries all three, so that
// one that fails does not cost the others; every error is [ErrNotWritable].
func Write(dir string, r result.Report) error {
	if err := makeDir(dir); err != nil {
		return err
	}
	return errors.Join(
		replace(filepath.Join(dir, JSONFile), r, JSON),
		replace(filepath.Join(dir, JUnitFile), r, JUnit),
		replace(filepath.Join(dir, HTMLFile), r, HTML),
	)
}

// Preflight makes dir and writes a file into it that it removes again, so that a
// run does not find out at its end that its evidence has no place. The error is
// [ErrNotWritable].
func Preflight(dir string) error {
	if err := makeDir(dir); err != nil {
		return err
	}
	for _, name := range []string{HTMLFile, JSONFile, JUnitFile} {
		if info, err := os.Lstat(filepath.Join(dir, name)); err == nil && info.IsDir() {
			return notWritable(filepath.Join(dir, name), syscall.EISDIR)
		}
	}
	// A file's content needs space that its name does not.
	return atomically(filepath.Join(dir, ".preflight"), func(w io.Writer) error {
		_, err := w.Write(make([]byte, 64<<10))
		return err
	}, os.Remove)
}

// JSON writes report.json.
func JSON(w io.Writer, r result.Report) error { return result.Encode(w, r) }

func makeDir(dir string) error {
	if dir == "" {
		return notWritable(`""`, fs.ErrInvalid)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return notWritable(dir, err)
	}
	return nil
}

func replace(path string, r result.Report, render func(io.Writer, result.Report) error) error {
	return atomically(path, func(w io.Writer) error { return render(w, r) }, func(temp string) error {
		return os.Rename(temp, path)
	})
}

// atomically fills a temporary file beside path and hands it to finish. Nothing
// of it stays behind on an error.
func atomically(path string, fill func(io.Writer) error, finish func(temp string) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return notWritable(path, err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
			err = notWritable(path, err)
		}
	}()
	if err := fill(f); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	// Without it a crash of the machine may leave an empty file under the final name.
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return finish(f.Name())
}

func notWritable(path string, err error) error {
	return fmt.Errorf("%w: %s: %w (%s)", ErrNotWritable, path, err, mend(err))
}

func mend(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "free some space there or name another directory with --out"
	case errors.Is(err, syscall.EROFS):
		return "that file system is read-only: name another directory with --out"
	case errors.Is(err, fs.ErrPermission):
		return "make it writable for this user or name another directory with --out"
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR), errors.Is(err, fs.ErrExist):
		return "something else has that name: move it or name another directory with --out"
	default:
		return "name another directory with --out"
	}
}
