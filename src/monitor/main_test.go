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
	m := listening(t, args...)
	eventually(t, "the monitor is ready", func() error { return m.want("/readyz", http.StatusOK) })
	return m
}

// listening is start without the wait for readings.
func listening(t *testing.T, args ...string) *monitor {
	t.Helper()
	m := newMonitor(t)
	args = append([]string{"--listen", "127.0.0.1:0", "--address-file", m.file}, args...)
	m.cmd, m.stderr = command(t.Context(), t, args...)
	m.begin(t)
	return m
}

// newMonitor returns a monitor with a file for its address; it does not start it.
func newMonitor(t *testing.T) *monitor {
	t.Helper()
	return &monitor{
		file: filepath.Join(t.TempDir(), "address"),
		// No kept connections, so that each request is a new one.
		client: &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}},
	}
}

// begin starts the command, which is killed when the test ends, and waits for its address.
func (m *monitor) begin(t *testing.T) {
	t.Helper()
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
	if _, err := io.WriteString(conn, "GET /api/v1/memory HTTP/1.1\r\nHost: localhost\r\n"); err != nil {
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

func TestAStreamDoesNotHoldTheDrain(t *testing.T) {
	m := start(t, "--interval", "100ms", "--drain-pause", "100ms", "--drain-timeout", "1h")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+m.address+"/api/v1/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := new(http.Client).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	var events []string
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			if events = append(events, name); len(events) == 3 {
				m.signal(t, syscall.SIGTERM)
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Errorf("the stream was cut: %v", err)
	}
	if n := len(events); n < 4 || events[0] != "snapshot" || events[n-1] != "end" {
		t.Errorf("events %v", events)
	}
	wantExit(t, m.cmd, m.stderr, app.ExitOK)
}

func TestTheHistoryGrowsWhileTheMonitorRuns(t *testing.T) {
	m := start(t, "--interval", "100ms", "--history-memory", "1MiB")
	eventually(t, "three samples", func() error {
		_, body, err := m.get("/api/v1/history?series=memory.used_percent")
		if err != nil {
			return err
		}
		var got struct {
			Series []struct{ Samples [][2]float64 }
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil || len(got.Series) != 1 || len(got.Series[0].Samples) < 3 {
			return fmt.Errorf("history %s, %w", body, err)
		}
		return nil
	})
	without := start(t, "--history-memory", "0")
	if err := without.want("/api/v1/history", http.StatusNotFound); err != nil {
		t.Error(err)
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
	kept := filepath.Join(t.TempDir(), "kept")
	if err := os.WriteFile(kept, []byte("somebody's\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args []string
		exit int
		want string
	}{
		"the port is taken":            {[]string{"--listen", taken.Addr().String()}, app.ExitInternal, "the port is taken; choose another with --listen"},
		"the address is not ours":      {[]string{"--listen", "192.0.2.1:0"}, app.ExitUsage, "192.0.2.1"},
		"the address file has no home": {[]string{"--listen", "127.0.0.1:0", "--address-file", "/nonexistent/address"}, app.ExitUsage, "--address-file: stat /nonexistent"},
		"the port is none":             {[]string{"--listen", ":abc"}, app.ExitUsage, `--listen ":abc": port "abc" does not exist`},
		"the host's procfs is nowhere": {[]string{"--host-proc", "/nonexistent"}, app.ExitUsage, "--host-proc: stat /nonexistent"},
		"the host's root is a file":    {[]string{"--host-root", "/dev/null"}, app.ExitUsage, "--host-root: /dev/null is not a directory"},
		"the address file is another":  {[]string{"--listen", "127.0.0.1:0", "--address-file", kept}, app.ExitUsage, "--address-file " + kept + ": the file exists and does not hold a monitor's address"},
		"the collector is unknown":     {[]string{"--collectors", "gpu"}, app.ExitUsage, `unknown collector "gpu"; there are cpu, memory, disk, network, cgroup, system`},
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

// put writes a file of a procfs in one step, so that nobody reads half.
func put(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path+"~", []byte(content), 0o600), os.Rename(path+"~", path))
	if err != nil {
		t.Fatal(err)
	}
}

// cpu is the part of /api/v1/cpu that tests look at.
type cpu struct {
	State string `json:"state"`
	Data  struct {
		Percent *struct{ Busy float64 }
		Cores   []struct{ Seconds *struct{ User float64 } }
		Load    *struct{}
	} `json:"data"`
	Unreadable []struct{ Path, Reason string } `json:"unreadable"`
}

func TestAProcessorThatComesBackCostsOneInterval(t *testing.T) {
	proc := t.TempDir()
	row := func(user, idle int) { put(t, proc, "stat", fmt.Sprintf("cpu  1 2 3 4\ncpu0 %d 0 0 %d\n", user, idle)) }
	row(90050, 250)
	m := listening(t, "--host-proc", proc, "--interval", "100ms", "--collectors", "cpu")
	see := func(what string, ok func(cpu) bool) cpu {
		t.Helper()
		var got cpu
		eventually(t, what, func() error {
			_, body, err := m.get("/api/v1/cpu")
			if err != nil {
				return err
			}
			got = cpu{}
			if err := json.Unmarshal([]byte(body), &got); err != nil || !ok(got) {
				return fmt.Errorf("%s: %w", body, err)
			}
			return nil
		})
		return got
	}
	user := func(c cpu, want float64) bool {
		return len(c.Data.Cores) == 1 && c.Data.Cores[0].Seconds != nil && c.Data.Cores[0].Seconds.User == want
	}
	eventually(t, "the first attempt", func() error { return m.want("/api/v1/cpu", http.StatusServiceUnavailable) })
	row(5, 5)
	if got := see("the counters as they are", func(c cpu) bool { return user(c, 0.05) }); got.Data.Percent != nil {
		t.Errorf("an interval over a reset has a figure: %+v", got.Data.Percent)
	}
	row(105, 105)
	see("half busy", func(c cpu) bool { return user(c, 1.05) && c.Data.Percent.Busy == 50 })
	row(155, 305)
	got := see("right again", func(c cpu) bool { return user(c, 1.55) && c.Data.Percent.Busy == 20 })
	if got.Data.Load != nil || len(got.Unreadable) != 1 || got.Unreadable[0].Reason != "missing" || got.Unreadable[0].Path != filepath.Join(proc, "loadavg") {
		t.Errorf("without a loadavg: %+v", got)
	}
	_, body, err := m.get("/metrics")
	if err != nil || !strings.Contains(body, "\nmonitor_cpu_busy_ratio 0.2\n") || strings.Contains(body, "monitor_load1") ||
		!strings.Contains(body, `monitor_collector_unreadable{collector="cpu",path="`+proc+`/loadavg",reason="missing"} 1`) {
		t.Errorf("metrics: %v\n%s", err, body)
	}
	m.signal(t, syscall.SIGKILL)
	wantExit(t, m.cmd, m.stderr, -1)
	if n := strings.Count(m.stderr.String(), "loadavg"); n != 1 {
		t.Errorf("the log names loadavg %d times, want once:\n%s", n, m.stderr)
	}
}

func TestAReaderThatStopsOnEveryFileStopsNoAnswer(t *testing.T) {
	proc := t.TempDir()
	for _, name := range []string{"stat", "meminfo", "diskstats", "1/mountinfo", "1/net/dev"} {
		put(t, proc, name, "")
		path := filepath.Join(proc, name)
		// To open a pipe that nobody writes to takes for ever.
		if err := errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	m := listening(t, "--host-proc", proc, "--interval", "100ms", "--collect-timeout", "200ms", "--drain-pause", "0s")
	eventually(t, "every collector of the host says that it hangs", func() error {
		_, body, err := m.get("/metrics")
		for _, name := range []string{"cpu", "memory", "disk", "network", "system"} {
			if !strings.Contains(body, "\nmonitor_collector_success{collector=\""+name+"\"} 0\n") {
				err = errors.Join(err, errors.New(name+" did not give up"))
			}
		}
		return err
	})
	for range 20 {
		if err := errors.Join(m.want("/metrics", 200), m.want("/healthz", 200), m.want("/api/v1/cpu", 503), m.want("/readyz", 503)); err != nil {
			t.Fatal(err)
		}
	}
	m.signal(t, syscall.SIGTERM)
	wantExit(t, m.cmd, m.stderr, app.ExitOK)
}

func TestClientsThatNeverReadHarmNobody(t *testing.T) {
	m := start(t)
	const request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
	for range 16 {
		var d net.Dialer
		conn, err := d.DialContext(t.Context(), "tcp", m.address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if err := conn.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		// It ends at its deadline, once nothing is taken any more.
		_, _ = io.WriteString(conn, strings.Repeat(request, 20_000))
	}
	for range 50 {
		if err := errors.Join(m.want("/metrics", 200), m.want("/api/v1/cpu", 200)); err != nil {
			t.Fatal(err)
		}
	}
	m.signal(t, syscall.SIGKILL)
	wantExit(t, m.cmd, m.stderr, -1)
}

func TestOneConnectionMoreThanAllowedIsToldSo(t *testing.T) {
	m := start(t, "--max-connections", "3", "--drain-pause", "0s", "--drain-timeout", "1s")
	var held []net.Conn
	for range 3 {
		held = append(held, halfRequest(t, m.address))
	}
	eventually(t, "the cap is said", func() error {
		status, body, err := m.get("/healthz")
		if status != http.StatusServiceUnavailable || !strings.Contains(body, "--max-connections") {
			return fmt.Errorf("status %d, %s, %w", status, body, err)
		}
		return nil
	})
	_ = held[0].Close()
	eventually(t, "there is room again", func() error { return m.want("/healthz", http.StatusOK) })
	m.signal(t, syscall.SIGKILL)
	wantExit(t, m.cmd, m.stderr, -1)
}
