package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ballast-sre/ballast/src/monitor/internal/app"
)

// shortDir returns a directory whose sockets have paths that are short enough.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "monitor") //nolint:usetesting // those of tests can be too long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// overSocket makes requests go to a socket, whatever their host.
func (m *monitor) overSocket(path string) {
	m.address = "localhost"
	m.client.Transport = &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}}
}

func TestASocketIsServedAndRemovedAtTheEnd(t *testing.T) {
	path := filepath.Join(shortDir(t), "socket")
	m := listening(t, "--listen", "unix:"+path, "--drain-pause", "0s")
	if m.address != "unix:"+path {
		t.Errorf("the address file holds %q", m.address)
	}
	m.overSocket(path)
	eventually(t, "the monitor is ready", func() error { return m.want("/readyz", http.StatusOK) })
	if err := m.want("/api/v1/cpu", http.StatusOK); err != nil {
		t.Error(err)
	}
	m.signal(t, syscall.SIGTERM)
	wantExit(t, m.cmd, m.stderr, app.ExitOK)
	for _, left := range []string{path, m.file} {
		if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s after the end: %v", left, err)
		}
	}
}

// A shell stands for systemd: it names itself, as it becomes the monitor.
func TestASocketThatSystemdPassesIsServed(t *testing.T) {
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	tcp, ok := ln.(*net.TCPListener)
	if !ok {
		t.Fatalf("a listener is a %T", ln)
	}
	socket, err := tcp.File()
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "address")
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, exe, "--listen", "systemd:", "--address-file", file, "--drain-pause", "0s")
	cmd.Env = append(os.Environ(), asMonitor+"=1", "LISTEN_FDS=1")
	cmd.ExtraFiles = []*os.File{socket} // descriptor 3, where systemd puts it
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(socket.Close(), ln.Close()); err != nil {
		t.Fatal(err)
	}
	m := &monitor{cmd: cmd, stderr: &stderr, address: address, client: &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill() // it may have ended by itself
			_ = cmd.Wait()
		}
	})
	eventually(t, "the monitor is ready", func() error { return m.want("/readyz", http.StatusOK) })
	if got, err := os.ReadFile(file); err != nil || strings.TrimSpace(string(got)) != address {
		t.Errorf("the address file holds %q, %v; want %s", got, err, address)
	}
	m.signal(t, syscall.SIGTERM)
	wantExit(t, cmd, &stderr, app.ExitOK)
}
