package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ballast-sre/ballast/src/monitor/internal/app"
)

// asMonitor makes the test binary be the monitor: its life and death can
// only be tested on a process of its own.
const asMonitor = "BALLAST_TEST_AS_MONITOR"

// patience bounds every wait, so generously that a busy machine meets it.
const patience = time.Minute

func TestMain(m *testing.M) {
	if os.Getenv(asMonitor) != "" {
		os.Exit(app.Main(os.Args[1:], os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

// monitor is a running monitor process.
type monitor struct {
	cmd     *exec.Cmd
	stderr  *bytes.Buffer
	address string
	file    string
	client  *http.Client
}

func command(ctx context.Context, t *testing.T, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, exe, args...)
	cmd.Env = append(os.Environ(), asMonitor+"=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	return cmd, &stderr
}

// start returns a monitor that is ready. It is killed at the test's end if
// it still runs.
func start(t *testing.T, args ...string) *monitor {
	t.Helper()
	m := &monitor{
		file: filepath.Join(t.TempDir(), "address"),
		// No kept connections, so that each request is a new one.
		client: &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}},
	}
	args = append([]string{"--listen", "127.0.0.1:0", "--address-file", m.file}, args...)
	m.cmd, m.stderr = command(t.Context(), t, args...)
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if m.cmd.ProcessState == nil {
			_ = m.cmd.Process.Kill() // it may have ended by itself
			_ = m.cmd.Wait()
		}
	})
	eventually(t, "the address file appears", func() error {
		b, err := os.ReadFile(m.file)
		m.address = strings.TrimSpace(string(b))
		return err
	})
	eventually(t, "the monitor is ready", func() error { return m.want("/readyz", http.StatusOK) })
	return m
}

// eventually polls until check passes, and reports its last error.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s: %v", patience, what, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (m *monitor) get(path string) (int, string, error) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+m.address+path, nil)
	if err != nil {
		return 0, "", err
	}
	resp, err := m.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), errors.Join(err, resp.Body.Close())
}

func (m *monitor) want(path string, status int) error {
	got, body, err := m.get(path)
	if err != nil {
		return err
	}
	if got != status {
		return fmt.Errorf("%s: status %d, want %d: %s", path, got, status, body)
	}
	return nil
}

func (m *monitor) signal(t *testing.T, sig os.Signal) {
	t.Helper()
	if err := m.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

func wantExit(t *testing.T, cmd *exec.Cmd, stderr *bytes.Buffer, want int) {
	t.Helper()
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		t.Errorf("exit code %d, want %d; stderr:\n%s", got, want, stderr)
	}
}

// halfRequest opens a connection and sends all of a request but its end.
// The server must wait for it: it is a request that is on its way.
func halfRequest(t *testing.T, address string) net.Conn {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, "GET /api/v1/memory HTTP/1.1\r\nHost: monitor\r\n"); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestOnSIGTERMReadinessGoesOffThenThePortThenTheProcess(t *testing.T) {
	m := start(t, "--drain-pause", "2s", "--interval", "1h")
	m.signal(t, syscall.SIGTERM)

	// The pause: unready, alive, and serving new connections.
	eventually(t, "readiness goes off", func() error { return m.want("/readyz", http.StatusServiceUnavailable) })
	if err := errors.Join(m.want("/healthz", http.StatusOK), m.want("/api/v1/cpu", http.StatusOK), m.want("/metrics", http.StatusOK)); err != nil {
		t.Errorf("in the pause: %v", err)
	}
	slow := halfRequest(t, m.address)

	// Shutdown: no new connection, but the running request is answered.
	eventually(t, "new connections are refused", func() error {
		if _, _, err := m.get("/healthz"); !errors.Is(err, syscall.ECONNREFUSED) {
			return fmt.Errorf("got %w, want %w", err, syscall.ECONNREFUSED)
		}
		return nil
	})
	if _, err := os.Stat(m.file); err != nil {
		t.Errorf("the address file went before the last request: %v", err)
	}
	if _, err := io.WriteString(slow, "\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(slow), nil)
	if err != nil {
		t.Fatalf("the running request was cut: %v", err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("the running request: %s, %v", resp.Status, err)
	}
	wantExit(t, m.cmd, m.stderr, app.ExitOK)
	if _, err := os.Stat(m.file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("address file after the end: %v", err)
	}
	for line := range strings.Lines(m.stderr.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("a log line is no JSON: %s", line)
		}
	}
}

func TestARequestThatOutlivesTheDrainTimeoutIsCutAndSaid(t *testing.T) {
	m := start(t, "--drain-pause", "0s", "--drain-timeout", "100ms")
	halfRequest(t, m.address)
	// The connection is only counted once it was accepted, which a request
	// after it proves.
	if err := m.want("/healthz", http.StatusOK); err != nil {
		t.Fatal(err)
	}
	m.signal(t, syscall.SIGTERM)
	wantExit(t, m.cmd, m.stderr, app.ExitInternal)
	if !strings.Contains(m.stderr.String(), "still running after 100ms") {
		t.Errorf("stderr: %s", m.stderr)
	}
}

func TestASecondSignalEndsTheProcessAtOnce(t *testing.T) {
	for name, signals := range map[string][2]os.Signal{
		"SIGTERM twice":       {syscall.SIGTERM, syscall.SIGTERM},
		"SIGINT then SIGTERM": {syscall.SIGINT, syscall.SIGTERM},
	} {
		t.Run(name, func(t *testing.T) {
			m := start(t, "--drain-pause", "1h")
			m.signal(t, signals[0])
			eventually(t, "readiness goes off", func() error { return m.want("/readyz", http.StatusServiceUnavailable) })
			m.signal(t, signals[1])
			wantExit(t, m.cmd, m.stderr, app.ExitInterrupted)
			if _, err := os.Stat(m.file); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("address file after the end: %v", err)
			}
		})
	}
}

func TestOneServiceOrFour(t *testing.T) {
	m := start(t, "--collectors", "memory")
	if err := errors.Join(m.want("/api/v1/memory", 200), m.want("/api/v1/cpu", 404), m.want("/api/v1/disk", 404), m.want("/api/v1/network", 404)); err != nil {
		t.Error(err)
	}
	_, body, err := m.get("/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for part, want := range map[string]bool{
		"monitor_memory_size_bytes ": true, "process_start_time_seconds ": true, "go_goroutines ": true, "monitor_build_info{": true,
		"monitor_cpu_": false, "monitor_filesystem_": false, "monitor_network_": false,
	} {
		if got := strings.Contains(body, "\n"+part); got != want {
			t.Errorf("metrics with %q: %v, want %v", part, got, want)
		}
	}
	m.signal(t, syscall.SIGKILL)
	wantExit(t, m.cmd, m.stderr, -1)
}

func TestAStartThatFailsSaysWhy(t *testing.T) {
	var lc net.ListenConfig
	taken, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := taken.Close(); err != nil {
			t.Error(err)
		}
	}()
	for name, tc := range map[string]struct {
		args []string
		exit int
		want string
	}{
		"the port is taken":            {[]string{"--listen", taken.Addr().String()}, app.ExitInternal, "the port is taken; choose another with --listen"},
		"the address is not ours":      {[]string{"--listen", "192.0.2.1:0"}, app.ExitInternal, "192.0.2.1"},
		"the address file has no home": {[]string{"--listen", "127.0.0.1:0", "--address-file", "/nonexistent/address"}, app.ExitInternal, "address file"},
		"the collector is unknown":     {[]string{"--collectors", "gpu"}, app.ExitUsage, `unknown collector "gpu"; there are cpu, memory, disk, network`},
		"the flag is unknown":          {[]string{"--gpu"}, app.ExitUsage, "--help"},
		"an argument is not expected":  {[]string{"serve"}, app.ExitUsage, `"serve"`},
	} {
		t.Run(name, func(t *testing.T) {
			cmd, stderr := command(t.Context(), t, tc.args...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			wantExit(t, cmd, stderr, tc.exit)
			if !strings.Contains(stderr.String(), tc.want) {
				t.Errorf("stderr %q does not say %q", stderr, tc.want)
			}
		})
	}
}

func TestHelpAndVersionAreTheProduct(t *testing.T) {
	for _, flag := range []string{"--help", "--version"} {
		cmd, stderr := command(t.Context(), t, flag)
		out, err := cmd.Output()
		if err != nil || !bytes.Contains(out, []byte("monitor")) || stderr.Len() != 0 {
			t.Errorf("%s: %v, stdout %q, stderr %q", flag, err, out, stderr)
		}
	}
}
