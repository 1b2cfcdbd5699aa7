package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

func TestFewDescriptorsAreShared(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	m := newMonitor(t)
	m.stderr = new(bytes.Buffer)
	m.cmd = exec.CommandContext(t.Context(), "sh", "-c", `ulimit -n 64 && exec "$0" "$@"`, exe, "--listen", "127.0.0.1:0", "--address-file", m.file, "--interval", "100ms")
	m.cmd.Env, m.cmd.Stderr = append(os.Environ(), asMonitor+"=1"), m.stderr
	m.begin(t)
	eventually(t, "the monitor is ready", func() error { return m.want("/readyz", http.StatusOK) })

	for range 100 {
		halfRequest(t, m.address)
	}
	eventually(t, "one more connection is told", func() error {
		status, body, err := m.get("/metrics")
		if status != http.StatusServiceUnavailable || !strings.Contains(body, "--max-connections") {
			return fmt.Errorf("status %d, %s, %w", status, body, err)
		}
		return nil
	})
	// Half a request is given up after five seconds, which makes room.
	eventually(t, "there is room again", func() error { return m.want("/metrics", http.StatusOK) })
	m.signal(t, syscall.SIGKILL)
	wantExit(t, m.cmd, m.stderr, -1)
	if log := m.stderr.String(); strings.Contains(log, "too many open files") || !strings.Contains(log, `"max_connections":30`) {
		t.Errorf("log:\n%s", log)
	}
}
