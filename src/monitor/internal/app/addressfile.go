package app

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode"

	"golang.org/x/sys/unix"
)

// addressFile tells a supervisor which port the service got. Without a path
// there is no file, and its methods do nothing.
type addressFile struct {
	path string
	own  atomic.Pointer[string] // the content that this process wrote
}

// inspect says why the file cannot be used. A file that is there already must
// be one that a killed process left behind; any other is somebody's.
func (f *addressFile) inspect() error {
	if f.path == "" {
		return nil
	}
	dir := filepath.Dir(f.path)
	if err := isDirectory(dir); err != nil {
		return fmt.Errorf("--address-file: %w; name a file in a directory that exists", err)
	}
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return fmt.Errorf("--address-file: directory %s: %w; choose one that can be written", dir, err)
	}
	content, err := f.read()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("--address-file: %w", err)
	case !isAddressLine(content):
		return fmt.Errorf("--address-file %s: the file exists and does not hold a monitor's address; choose another path", f.path)
	}
	return nil
}

// prepare removes what a killed process left behind, so that nobody takes its
// address for this one's. Anything else is a mistake of usage and not touched.
func (f *addressFile) prepare() error {
	if f.path == "" {
		return nil
	}
	if err := f.inspect(); err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	return f.remove()
}

// write puts the address and a newline into the file in one step: a reader
// sees all of it or no file.
func (f *addressFile) write(address string) (err error) {
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
	content := address + "\n"
	_, err = tmp.WriteString(content)
	if err := errors.Join(err, tmp.Close()); err != nil {
		return fmt.Errorf("address file: write: %w", err)
	}
	if err := os.Rename(tmp.Name(), f.path); err != nil {
		return fmt.Errorf("address file: %w", err)
	}
	f.own.Store(&content)
	return nil
}

// clear removes the file if it still holds what this process wrote: another
// one may have taken the path since.
func (f *addressFile) clear() error {
	own := f.own.Load()
	if own == nil {
		return nil
	}
	content, err := f.read()
	if err != nil || content != *own {
		return nil //nolint:nilerr // it is gone, or another's
	}
	return f.remove()
}

func (f *addressFile) remove() error {
	if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("address file: remove: %w", err)
	}
	return nil
}

// read returns the start of the file, which is more than any address. What
// is not a regular file is not opened: a pipe would hang.
func (f *addressFile) read() (string, error) {
	info, err := os.Lstat(f.path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", f.path)
	}
	file, err := os.Open(f.path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }() // it was only read
	content, err := io.ReadAll(io.LimitReader(file, 1<<10))
	return string(content), err
}

func isAddressLine(content string) bool {
	line, ok := strings.CutSuffix(content, "\n")
	if path, socket := strings.CutPrefix(line, unixScheme); ok && socket {
		return filepath.IsAbs(path) && !strings.ContainsFunc(path, unicode.IsControl)
	}
	host, port, err := net.SplitHostPort(line)
	if !ok || err != nil || strings.ContainsAny(host, " \t\r\n/") {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}
