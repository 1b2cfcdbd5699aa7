package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestAddressFileHoldsTheAddressAndNothingElseIsLeft(t *testing.T) {
	dir := t.TempDir()
	f := addressFile{path: filepath.Join(dir, "address")}
	if err := f.write("127.0.0.1:1234"); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(f.path)
	if err != nil || string(got) != "127.0.0.1:1234\n" {
		t.Errorf("got %q, %v", got, err)
	}
	if err := f.clear(); err != nil {
		t.Error(err)
	}
	if err := f.clear(); err != nil {
		t.Errorf("clearing twice: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestAddressFileInAMissingDirectoryIsAnError(t *testing.T) {
	f := addressFile{path: filepath.Join(t.TempDir(), "missing", "address")}
	if err := f.write("127.0.0.1:1234"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
}

func TestAddressFileThatCannotBeReplacedLeavesNoTemporaryFile(t *testing.T) {
	dir := t.TempDir()
	f := addressFile{path: filepath.Join(dir, "address")}
	if err := os.MkdirAll(filepath.Join(f.path, "full"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := f.write("127.0.0.1:1234"); err == nil {
		t.Error("a directory was replaced")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestNoAddressFileIsNoError(t *testing.T) {
	var f addressFile
	if err := errors.Join(f.write("x"), f.clear()); err != nil {
		t.Error(err)
	}
}
