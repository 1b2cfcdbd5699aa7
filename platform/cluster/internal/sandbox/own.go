package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The parts of a seeded directory on the machine.
const (
	written = "written" // what programs wrote
	scratch = "scratch" // the kernel's own
	merged  = "merged"  // where programs see it; on the machine nothing is there
)

// Own makes directories that programs in a sandbox may write to. Those above them have
// to be the caller's alone.
func Own(dirs ...string) error {
	for _, dir := range dirs {
		if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
			return fmt.Errorf("sandbox: %w", err)
		}
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("sandbox: %w", err)
		}
		if err := own(dir); err != nil {
			return fmt.Errorf("sandbox: %w", err)
		}
	}
	return nil
}

// Remove removes a directory with all that is in it, also what programs in a sandbox
// made unreadable for their own user, who is the caller when that is not root. It must
// not be used meanwhile.
func Remove(dir string) error {
	err := os.RemoveAll(dir)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() { // what is still in the way, RemoveAll says
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}

func own(path string) error {
	if os.Getuid() != 0 {
		return nil // programs run as the caller, as the machine sees it
	}
	return os.Lchown(path, user, user)
}

// OwnSeed makes the directory of a seed below dir, with these directories in it: those
// of the seed's origin in which programs make files, as they may not in directories
// that are somebody else's. It returns the path for Seed.Dir.
func OwnSeed(dir string, inner ...string) (string, error) {
	path := filepath.Join(dir, merged)
	if _, err := os.Stat(filepath.Join(dir, written)); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("sandbox: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, scratch), 0o700); err != nil {
		return "", fmt.Errorf("sandbox: %w", err)
	}
	// It gets its place when it is whole: later on, what is in it is not the caller's.
	tmp, err := os.MkdirTemp(dir, ".new-")
	if err != nil {
		return "", fmt.Errorf("sandbox: %w", err)
	}
	defer os.RemoveAll(tmp) //nolint:errcheck // it was moved, or the next call makes another
	for _, name := range inner {
		if err := errors.Join(os.Mkdir(filepath.Join(tmp, name), 0o755), own(filepath.Join(tmp, name))); err != nil {
			return "", fmt.Errorf("sandbox: %w", err)
		}
	}
	if err := errors.Join(own(tmp), os.Rename(tmp, filepath.Join(dir, written))); err != nil {
		return "", fmt.Errorf("sandbox: %w", err)
	}
	return path, nil
}
