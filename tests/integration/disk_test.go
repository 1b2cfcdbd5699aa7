//go:build integration && linux

package integration

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/shirou/gopsutil/v3/disk"
	"golang.org/x/sys/unix"
)

// diskReader reads a file of its own past the page cache.
type diskReader struct {
	path   string
	before uint64 // reads of all disks so far
}

func newDiskReader(t *testing.T) *diskReader {
	t.Helper()
	return &diskReader{path: filepath.Join(t.TempDir(), "read"), before: diskReads(t)}
}

// read writes the file, takes it out of the page cache and reads it from the disk.
func (d *diskReader) read(t *testing.T) {
	t.Helper()
	f, err := os.Create(d.path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	written := make([]byte, 1<<20)
	if _, err := f.Write(written); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
	if _, err := f.ReadAt(written, 0); err != nil {
		t.Fatal(err)
	}
}

// reached is true if any disk was read since the reader was made. A file system in memory
// reads none.
func (d *diskReader) reached(t *testing.T) bool {
	t.Helper()
	return diskReads(t) > d.before
}

func diskReads(t *testing.T) (all uint64) {
	t.Helper()
	counters, err := disk.IOCounters()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range counters {
		all += c.ReadCount
	}
	return all
}
