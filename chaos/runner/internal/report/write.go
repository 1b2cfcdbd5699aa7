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
// need be. All three are written out before the first replaces an older one, so
// that a disk that is full leaves no mixture of two runs. Every error is
// [ErrNotWritable].
func Write(dir string, r result.Report) error {
	if err := makeDir(dir); err != nil {
		return err
	}
	var (
		files []*written
		errs  []error
	)
	for _, f := range []struct {
		name   string
		render func(io.Writer, result.Report) error
	}{{JSONFile, JSON}, {JUnitFile, JUnit}, {HTMLFile, HTML}} {
		w, err := writeOut(filepath.Join(dir, f.name), func(w io.Writer) error { return f.render(w, r) })
		if err != nil {
			errs = append(errs, err)
			continue
		}
		files = append(files, w)
	}
	whole := len(errs) == 0
	for _, f := range files {
		if whole {
			errs = append(errs, f.replace())
		} else {
			f.discard()
		}
	}
	return errors.Join(errs...)
}

// WriteFile stores one file in dir, which it makes if need be. An older one is replaced once
// fill has written the new one whole. Every error is [ErrNotWritable].
func WriteFile(dir, name string, fill func(io.Writer) error) error {
	if err := makeDir(dir); err != nil {
		return err
	}
	w, err := writeOut(filepath.Join(dir, name), fill)
	if err != nil {
		return err
	}
	return w.replace()
}

// preflight writes a file into dir that it removes again, so that a run does not
// find out at its end that its evidence has no place. The error is [ErrNotWritable].
func preflight(dir string) error {
	for _, name := range []string{HTMLFile, JSONFile, JUnitFile} {
		if info, err := os.Lstat(filepath.Join(dir, name)); err == nil && info.IsDir() {
			return notWritable(filepath.Join(dir, name), syscall.EISDIR)
		}
	}
	// A file's content needs space that its name does not.
	f, err := writeOut(filepath.Join(dir, ".preflight"), func(w io.Writer) error {
		_, err := w.Write(make([]byte, 64<<10))
		return err
	})
	if err == nil {
		f.discard()
	}
	return err
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

// written is a file that is whole and has not got its name yet.
type written struct{ temp, path string }

// replace gives it its name, also when an older file has it.
func (w *written) replace() error {
	if err := os.Rename(w.temp, w.path); err != nil {
		w.discard()
		return notWritable(w.path, err)
	}
	return nil
}

func (w *written) discard() { _ = os.Remove(w.temp) }

// writeOut fills a temporary file beside path. Nothing is left behind on an error.
func writeOut(path string, fill func(io.Writer) error) (_ *written, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return nil, notWritable(path, err)
	}
	w := &written{temp: f.Name(), path: path}
	defer func() {
		if err != nil {
			_ = f.Close()
			w.discard()
			err = notWritable(path, err)
		}
	}()
	if err := fill(f); err != nil {
		return nil, err
	}
	if err := f.Chmod(0o644); err != nil {
		return nil, err
	}
	// Without it a crash of the machine may leave an empty file under the final name.
	if err := f.Sync(); err != nil {
		return nil, err
	}
	return w, f.Close()
}

func notWritable(path string, err error) error {
	return fmt.Errorf("%w: %s: %w (%s)", ErrNotWritable, path, err, mend(err))
}

func mend(err error) string {
	switch {
	case errors.Is(err, errInUse):
		return "wait for it or name another directory with --out"
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
