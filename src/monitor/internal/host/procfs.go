package host

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxFile bounds what is read of one file, in bytes: a table of 10,000
// mounts is 2 MB.
const maxFile = 64 << 20

// firstProcess is the process whose namespaces are the host's.
const firstProcess = "1"

// procPath returns the path of a file of the host's procfs.
func (h *Host) procPath(elem ...string) string {
	return filepath.Join(append([]string{h.proc}, elem...)...)
}

// read returns the content of a file of the host's procfs, and its path. It
// never reads another procfs instead. A file that is empty is ErrEmpty.
func (h *Host) read(elem ...string) (string, string, error) {
	path := h.procPath(elem...)
	content, err := readAll(path)
	if elem[0] == firstProcess && errors.Is(err, fs.ErrNotExist) && h.hidden() {
		err = fmt.Errorf("%w: %w", ErrHidden, err)
	}
	if err == nil && strings.TrimSpace(content) == "" {
		err = fmt.Errorf("%s: %w", path, ErrEmpty)
	}
	return content, path, err
}

// hidden says whether a procfs that is one does not show process 1, which
// there always is.
func (h *Host) hidden() bool {
	if _, err := os.Lstat(h.procPath(firstProcess)); !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	var st unix.Statfs_t
	return unix.Statfs(h.proc, &st) == nil && st.Type == unix.PROC_SUPER_MAGIC
}

func readAll(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // it was only read
	content, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return string(content), nil
}

// counters parses fields that are all whole numbers from 0 on.
func counters(fields []string) ([]uint64, error) {
	values := make([]uint64, len(fields))
	for i, f := range fields {
		v, err := strconv.ParseUint(f, 10, 64)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}
