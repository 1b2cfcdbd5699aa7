package local

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/tests/executable"
)

// start starts an environment that is quick to test: scrapes are frequent.
func start(t *testing.T, change func(*Config)) *Environment {
	t.Helper()
	cfg := Config{
		Monitor: monitor(t), Self: self(t), TempRoot: t.TempDir(), Rate: 50,
		Scrape: 200 * time.Millisecond, Evaluation: 200 * time.Millisecond,
		Logger: quietLogger(t),
	}
	if change != nil {
		change(&cfg)
	}
	e, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return e
}

func TestAnEnvironmentIsWholeWhenStartReturnsAndGoneAfterClose(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	e := start(t, func(c *Config) { c.TempRoot = root })

	client, err := prom.New(prom.Config{URL: e.PrometheusURL()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for expr, want := range map[string]float64{
		`count(up == 1)`: 5,
		`count(up{job="monitor",namespace="default"} == 1)`:                              3,
		`count(up{job="gateway"} == 1)`:                                                  1,
		`gateway_backends_ready`:                                                         3,
		`count(count by (le) (probe_request_duration_seconds_bucket))`:                   13,
		`count(probe_request_duration_seconds_bucket)`:                                   13,
		`count(probe_requests_total)`:                                                    2,
		`sum(increase(probe_requests_total{outcome="error"}[20s] offset 20s))`:           0,
		`round(rate(probe_requests_total{outcome="success"}[20s] offset 20s) / 50, 0.1)`: 1,
	} {
		// On a busy machine a scrape may be late: it comes.
		eventually(t, fmt.Sprintf("%s = %v", expr, want), func() bool {
			s, err := client.Instant(t.Context(), expr, time.Time{})
			return err == nil && s.V == want
		})
	}
	if at, err := os.ReadFile(filepath.Join(e.Dir(), "prometheus.url")); err != nil || strings.TrimSpace(string(at)) != e.PrometheusURL() {
		t.Errorf("where Prometheus answers: %q, %v", at, err)
	}
	var pids []int
	for _, p := range e.fleet.all() {
		pids = append(pids, p.state().container.pid)
	}
	pids = append(pids, e.keeper.cmd.Process.Pid)
	if got, err := Leftovers(root); err != nil || len(got) != 0 {
		t.Errorf("leftovers of a living run: %v, %v", got, err)
	}
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-e.Done():
	default:
		t.Error("Done is open after Close")
	}
	if err := e.Close(t.Context()); err != nil {
		t.Errorf("second close: %v", err)
	}
	for _, pid := range pids {
		if !gone(pid) {
			t.Errorf("process %d lives on", pid)
		}
	}
	if entries, err := filepath.Glob(filepath.Join(root, "run-*")); err != nil || len(entries) != 0 {
		t.Errorf("left in %s: %v, %v", root, entries, err)
	}
}

// gone is true when no process has the pid, save a zombie that nobody has reaped.
func gone(pid int) bool {
	_, err := startTime(pid)
	return err != nil
}

func TestStartSaysWhatDidNotStart(t *testing.T) {
	t.Parallel()
	script := func(body string) string {
		path := filepath.Join(t.TempDir(), "monitor.sh")
		executable.Write(t, path, "#!/bin/sh\n"+body, 0o700)
		return path
	}
	notADir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(notADir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	open := t.TempDir()
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	badRules := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(badRules, []byte("groups: [{name: a, rules: [{record: b, expr: 'sum('}]}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		change func(*Config)
		want   []string
	}{
		"a monitor that is missing": {
			func(c *Config) { c.Monitor = "/nowhere/monitor" }, []string{"/nowhere/monitor", "make build"},
		},
		"a monitor that dies at start": {
			func(c *Config) { c.Monitor = script("echo out of cheese >&2\nexit 3\n") },
			[]string{"monitor ended at start", "exit code 3", ".log", "out of cheese"},
		},
		"a monitor that is killed at start": {
			func(c *Config) { c.Monitor = script("kill -9 $$\n") }, []string{"signal killed", "it wrote nothing"},
		},
		"a monitor that is not a program": {
			func(c *Config) { c.Monitor = notADir }, []string{notADir, "permission"},
		},
		"a root that is a file": {
			func(c *Config) { c.TempRoot = notADir }, []string{notADir, "TMPDIR"},
		},
		"a root that anybody can write to": {
			func(c *Config) { c.TempRoot = open }, []string{open, "nobody else"},
		},
		"rules that do not parse": {
			func(c *Config) { c.RuleFiles = []string{badRules} }, []string{badRules},
		},
		"no pods": {
			func(c *Config) { c.Replicas = -1 }, []string{"replicas -1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			cfg := Config{Monitor: self(t), Self: self(t), TempRoot: root, Logger: quietLogger(t)}
			row.change(&cfg)
			e, err := Start(t.Context(), cfg)
			if err == nil {
				_ = e.Close(t.Context())
				t.Fatal("it started")
			}
			for _, want := range row.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q\nlacks %q", err, want)
				}
			}
			if left, err := filepath.Glob(filepath.Join(root, "run-*")); err != nil || len(left) != 0 {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}
