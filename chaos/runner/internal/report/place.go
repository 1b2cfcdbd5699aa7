package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// errInUse is the reason why a second run may not write where a first one does.
var errInUse = errors.New("another run uses this directory")

// Place is a directory of evidence that this process alone writes to.
type Place struct {
	dir  string
	lock *os.File // nil while there is no directory yet
}

// Reserve takes the directory for this process until Close, and changes nothing
// in it. It may not exist yet. The error is [ErrNotWritable], also when another
// process has reserved it.
func Reserve(dir string) (*Place, error) {
	p := &Place{dir: dir}
	if dir == "" {
		return nil, notWritable(`""`, fs.ErrInvalid)
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return p, nil //nolint:nilerr // Prepare makes it, or says why it cannot
	}
	return p, p.take()
}

// take locks the directory itself: a file in it would become a part of the evidence.
func (p *Place) take() error {
	if p.lock != nil {
		return nil
	}
	f, err := os.Open(p.dir)
	if err != nil {
		return notWritable(p.dir, err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		_ = f.Close()
		return notWritable(p.dir, errInUse)
	}
	// A file system without locks, as some of the network are, cannot keep two
	// runs apart; that is no reason to have no evidence.
	p.lock = f
	return nil
}

// Prepare makes the directory and finds out whether it takes the evidence. The
// error is [ErrNotWritable].
func (p *Place) Prepare() error {
	if err := makeDir(p.dir); err != nil {
		return err
	}
	if err := p.take(); err != nil {
		return err
	}
	return preflight(p.dir)
}

// Void replaces the evidence of an earlier run, so that nobody takes it for that
// of this one, which does not come to an end. Where there is none, it writes none.
func (p *Place) Void(r result.Report) error {
	for _, name := range []string{HTMLFile, JSONFile, JUnitFile} {
		if info, err := os.Lstat(filepath.Join(p.dir, name)); err == nil && !info.IsDir() {
			return p.Write(r)
		}
	}
	return nil
}

// Write stores the evidence like [Write].
func (p *Place) Write(r result.Report) error { return Write(p.dir, r) }

// Close gives the directory back.
func (p *Place) Close() error {
	if p.lock == nil {
		return nil
	}
	if err := p.lock.Close(); err != nil {
		return fmt.Errorf("give back %s: %w", p.dir, err)
	}
	return nil
}
