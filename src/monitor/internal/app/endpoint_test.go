package app

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestASocketThatWasLeftBehindIsReplacedAndATakenOneIsNot(t *testing.T) {
	// Paths of tests can be longer than those of sockets.
	dir, err := os.MkdirTemp("/tmp", "monitor") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	path := filepath.Join(dir, "socket")
	e := endpoint(unixScheme + path)

	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	if err := left.Close(); err != nil {
		t.Fatal(err)
	}
	ln, address, err := e.listen(t.Context())
	if err != nil || address != string(e) {
		t.Fatalf("with one that was left behind: %q, %v", address, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := e.check(t.Context()); err != nil {
		t.Errorf("a check beside it: %v", err)
	}
	if _, _, err := e.listen(t.Context()); err == nil || errors.Is(err, errUsage) || !strings.Contains(err.Error(), "the socket is taken") {
		t.Errorf("with one that is taken: %v", err)
	}
	if err := ln.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after the end: %v", err)
	}
}

func TestWithoutASocketOfSystemdThereIsNothingToListenOn(t *testing.T) {
	t.Setenv("LISTEN_PID", "")
	t.Setenv("LISTEN_FDS", "")
	if _, _, err := endpoint(systemdScheme).listen(t.Context()); !errors.Is(err, errUsage) || !strings.Contains(err.Error(), "socket unit") {
		t.Errorf("got %v", err)
	}
}
