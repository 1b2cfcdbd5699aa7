package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// addressFile tells a supervisor which port the service got. The zero value
// is no file; its methods then do nothing.
type addressFile struct{ path string }

// clear removes a file that a killed process left behind, so that nobody
// takes its address for this one's.
func (f addressFile) clear() error {
	if f.path == "" {
		return nil
	}
	if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("address file: remove: %w", err)
	}
	return nil
}

// write puts the address and a newline into the file in one step: a reader
// sees all of it or no file.
func (f addressFile) write(address string) (err error) {
	if f.path == "" {
		return nil
	}
	tmp, err := os.CreateTemp(filepath.Dir(f.path), "."+filepath.Base(f.path)+".*")
	if err != nil {
		return fmt.Errorf("address file: %w; is its directory there and writable?", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}()
	_, err = tmp.WriteString(address + "\n")
	if err := errors.Join(err, tmp.Close()); err != nil {
		return fmt.Errorf("address file: write: %w", err)
	}
	if err := os.Rename(tmp.Name(), f.path); err != nil {
		return fmt.Errorf("address file: %w", err)
	}
	return nil
}
