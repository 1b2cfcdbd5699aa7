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
	f := &addressFile{path: filepath.Join(dir, "address")}
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
	f := &addressFile{path: filepath.Join(t.TempDir(), "missing", "address")}
	if err := f.write("127.0.0.1:1234"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
}

func TestAddressFileThatCannotBeReplacedLeavesNoTemporaryFile(t *testing.T) {
	dir := t.TempDir()
	f := &addressFile{path: filepath.Join(dir, "address")}
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
	if err := errors.Join(f.prepare(), f.write("x"), f.clear()); err != nil {
		t.Error(err)
	}
}

func TestOnlyAnAddressThatAMonitorLeftIsRemovedAtStart(t *testing.T) {
	for name, tc := range map[string]struct {
		content string
		removed bool
	}{
		"an address":                   {"127.0.0.1:8080\n", true},
		"an address of IPv6":           {"[::1]:8080\n", true},
		"a socket":                     {"unix:/run/monitor.sock\n", true},
		"a socket somewhere":           {"unix:monitor.sock\n", false},
		"two sockets":                  {"unix:/run/a\nunix:/run/b\n", false},
		"an empty file":                {"", false},
		"an address without its end":   {"127.0.0.1:8080", false},
		"two addresses":                {"127.0.0.1:8080\n127.0.0.1:8081\n", false},
		"a password":                   {"root:x:0:0:root:/root:/bin/sh\n", false},
		"a port that there is not":     {"127.0.0.1:65536\n", false},
		"something that looks like it": {"see http://example.org:80\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			f := &addressFile{path: filepath.Join(t.TempDir(), "address")}
			if err := os.WriteFile(f.path, []byte(tc.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := f.prepare(); (err == nil) != tc.removed || err != nil && !errors.Is(err, errUsage) {
				t.Errorf("error %v", err)
			}
			got, err := os.ReadFile(f.path)
			if gone := errors.Is(err, fs.ErrNotExist); gone != tc.removed || !gone && string(got) != tc.content {
				t.Errorf("the file is now %q, %v", got, err)
			}
		})
	}
	f := &addressFile{path: t.TempDir()}
	if err := f.prepare(); !errors.Is(err, errUsage) {
		t.Errorf("a directory: %v", err)
	}
}

func TestAnAddressOfAnotherProcessIsKeptAtTheEnd(t *testing.T) {
	f := &addressFile{path: filepath.Join(t.TempDir(), "address")}
	if err := f.clear(); err != nil {
		t.Error(err)
	}
	other := &addressFile{path: f.path}
	if err := errors.Join(f.write("127.0.0.1:1"), other.write("127.0.0.1:2"), f.clear()); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(f.path); err != nil || string(got) != "127.0.0.1:2\n" {
		t.Errorf("the other's file: %q, %v", got, err)
	}
}
