package app

import (
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	"go.uber.org/goleak"

	"github.com/ballast-sre/ballast/src/monitor/internal/host"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// parse runs the command line up to where it would serve.
func parse(t *testing.T, args ...string) (config, error) {
	t.Helper()
	var got config
	cmd := newCommand(func(cfg config) error { got = cfg; return nil })
	cmd.SetArgs(append([]string{}, args...)) // nil would mean those of the test binary
	cmd.SetOut(io.Discard)
	cmd.SetErr(io.Discard)
	err := cmd.ExecuteContext(t.Context())
	return got, err
}

func TestDefaultsAreSafe(t *testing.T) {
	t.Setenv("HOST_PROC", "")
	t.Setenv("HOST_SYS", "")
	t.Setenv("HOST_ROOT", "")
	got, err := parse(t)
	if err != nil {
		t.Fatal(err)
	}
	want := config{
		Listen:     "127.0.0.1:8080",
		Collectors: []string{"cpu", "memory", "disk", "network", "cgroup", "system"},
		Interval:   5 * time.Second, CollectTimeout: 2 * time.Second, MaxConnections: 1024, HistoryMemory: 8 << 20,
		DrainPause: 3 * time.Second, DrainTimeout: 10 * time.Second,
		LogLevel: slog.LevelInfo,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("config (-want +got):\n%s", d)
	}
}

func TestAVariableStandsForAFlagAndTheFlagWins(t *testing.T) {
	t.Setenv("MONITOR_DRAIN_PAUSE", "7s")
	t.Setenv("MONITOR_COLLECTORS", "network,cpu")
	t.Setenv("MONITOR_INTERVAL", "1s")
	t.Setenv("MONITOR_LOG_LEVEL", "warn")
	proc := t.TempDir()
	t.Setenv("HOST_PROC", proc)
	// What Kubernetes sets for a Service called monitor.
	t.Setenv("MONITOR_SERVICE_HOST", "10.0.0.1")
	t.Setenv("MONITOR_PORT", "tcp://10.0.0.1:80")
	got, err := parse(t, "--interval", "2s")
	if err != nil {
		t.Fatal(err)
	}
	if got.DrainPause != 7*time.Second || got.Interval != 2*time.Second || got.LogLevel != slog.LevelWarn || got.HostProc != proc {
		t.Errorf("config: %+v", got)
	}
	if d := cmp.Diff([]sample.Name{sample.CPU, sample.Network}, got.names()); d != "" {
		t.Errorf("collectors in their usual order (-want +got):\n%s", d)
	}
}

func TestSelectionsMatchWholeNamesAndHaveVariables(t *testing.T) {
	t.Setenv("MONITOR_MOUNTS_EXCLUDE", "/mnt/.*")
	cfg, err := parse(t, "--interfaces-include", "eth0|wlan.*")
	if err != nil {
		t.Fatal(err)
	}
	f, err := cfg.filters()
	if err != nil {
		t.Fatal(err)
	}
	if i := f.Interfaces.Include; !i.MatchString("eth0") || !i.MatchString("wlan1") || i.MatchString("eth01") || i.MatchString("veth0") {
		t.Errorf("interfaces: %s", i)
	}
	if m := f.Mounts.Exclude; !m.MatchString("/mnt/a") || m.MatchString("/srv/mnt/a") || f.Mounts.Include != nil || f.Disks != (host.Filter{}) {
		t.Errorf("filters: %+v", f)
	}
}

func TestUsageErrorsNameTheThingAndTheMend(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		env  map[string]string
		want []string
	}{
		"an unknown flag":                 {args: []string{"--port", "1"}, want: []string{"--port"}},
		"an argument":                     {args: []string{"serve"}, want: []string{`"serve"`, "only flags"}},
		"an unknown collector":            {args: []string{"--collectors", "cpu,gpu"}, want: []string{`"gpu"`, "cpu, memory, disk, network, cgroup, system"}},
		"a collector named twice":         {args: []string{"--collectors", "cpu,cpu"}, want: []string{`"cpu"`, "twice"}},
		"no collector":                    {args: []string{"--collectors", ""}, want: []string{"at least one"}},
		"an address without a port":       {args: []string{"--listen", "localhost"}, want: []string{"--listen", "HOST:PORT"}},
		"a socket without a directory":    {args: []string{"--listen", "unix:monitor.sock"}, want: []string{"--listen", "from / on"}},
		"a socket in no directory":        {args: []string{"--listen", "unix:/nonexistent/monitor.sock"}, want: []string{"--listen", "/nonexistent"}},
		"a socket that is a file":         {args: []string{"--listen", "unix:/etc/hosts"}, want: []string{"--listen", "/etc/hosts", "not a socket"}},
		"a socket with too long a name":   {args: []string{"--listen", "unix:/" + strings.Repeat("x", 108)}, want: []string{"--listen", "107"}},
		"a socket of systemd by name":     {args: []string{"--listen", "systemd:monitor"}, want: []string{"--listen", "systemd:"}},
		"a port that there is not":        {args: []string{"--listen", ":abc"}, want: []string{"--listen", `"abc"`}},
		"a port that is too high":         {args: []string{"--listen", "127.0.0.1:65536"}, want: []string{"--listen", "65535"}},
		"a number without a unit":         {args: []string{"--interval", "5"}, want: []string{"--interval", "unit"}},
		"an interval that is load":        {args: []string{"--interval", "1ms"}, want: []string{"--interval 1ms", "100ms"}},
		"a timeout that no CPU can meet":  {args: []string{"--collect-timeout", "10ms"}, want: []string{"--collect-timeout 10ms"}},
		"an expression that is none":      {args: []string{"--disks-include", "sd[", "--interfaces-exclude", "*"}, want: []string{`--disks-include "sd["`, `--interfaces-exclude "*"`}},
		"a size that is none":             {args: []string{"--history-memory", "8 MB"}, want: []string{"--history-memory", "MiB"}},
		"too little for a history":        {args: []string{"--history-memory", "1KiB"}, want: []string{"--history-memory 1KiB", "bytes"}},
		"names that are no hosts":         {args: []string{"--allowed-hosts", "http://box,box:80"}, want: []string{"--allowed-hosts", `"http://box"`, `"box:80"`}},
		"no connection at all":            {args: []string{"--max-connections", "0"}, want: []string{"--max-connections"}},
		"a pause below zero":              {args: []string{"--drain-pause", "-1s"}, want: []string{"--drain-pause"}},
		"no time to drain":                {args: []string{"--drain-timeout", "0s"}, want: []string{"--drain-timeout"}},
		"an unknown log level":            {args: []string{"--log-level", "loud"}, want: []string{"--log-level"}},
		"a bad variable":                  {env: map[string]string{"MONITOR_INTERVAL": "soon"}, want: []string{"MONITOR_INTERVAL"}},
		"an address of another machine":   {args: []string{"--listen", "192.0.2.1:80"}, want: []string{"--listen", "192.0.2.1"}},
		"a directory that there is not":   {args: []string{"--host-sys", "/nonexistent"}, want: []string{"--host-sys", "/nonexistent"}},
		"a file where a directory is due": {args: []string{"--host-root", "/dev/null"}, want: []string{"--host-root", "/dev/null", "not a directory"}},
		"no directory of textfiles":       {args: []string{"--textfile-dir", "/nonexistent"}, want: []string{"--textfile-dir", "/nonexistent", "directory with the files *.prom"}},
		"an address file in no directory": {args: []string{"--address-file", "/nonexistent/address"}, want: []string{"--address-file", "/nonexistent"}},
		"several problems at once": {
			args: []string{"--listen", "x", "--collectors", "y", "--interval", "soon", "--drain-pause", "-1s", "--max-connections", "many", "--host-proc", "/nonexistent", "--address-file", "/dev/null"},
			env:  map[string]string{"MONITOR_LOG_LEVEL": "loud", "MONITOR_DISKS_INCLUDE": "("},
			want: []string{"--listen", "--collectors", "--interval", "--drain-pause", "--max-connections", "--host-proc", "--address-file", "MONITOR_LOG_LEVEL", "--disks-include"},
		},
		"problems before an unknown flag": {args: []string{"--interval", "5", "--gpu"}, want: []string{"--interval", "--gpu"}},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range tc.env {
				t.Setenv(k, v)
			}
			_, err := parse(t, tc.args...)
			if !errors.Is(err, errUsage) {
				t.Fatalf("got %v, want a usage error", err)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not speak of %q", err, want)
				}
			}
		})
	}
}

// Kubernetes sets MONITOR_PORT and MONITOR_SERVICE_HOST, and more that begin so.
func TestNoFlagHasAVariableThatKubernetesSets(t *testing.T) {
	newCommand(nil).Flags().VisitAll(func(f *pflag.Flag) {
		for _, taken := range []string{"port", "service"} {
			if strings.HasPrefix(f.Name, taken) {
				t.Errorf("--%s begins with %s", f.Name, taken)
			}
		}
	})
}

func TestHelpShowsDefaultsAsTheyAreWritten(t *testing.T) {
	usage := newCommand(nil).Flags().FlagUsages()
	for _, want := range []string{"(default 5s)", "(default 8MiB)", "(default INFO)", "(default 1024)", "--check  "} {
		if !strings.Contains(usage, want) {
			t.Errorf("no %q in\n%s", want, usage)
		}
	}
	for _, not := range []string{"(default [])", "(default false)"} {
		if strings.Contains(usage, not) {
			t.Errorf("there is %q in\n%s", not, usage)
		}
	}
}

func TestAValueThatCannotBeReadIsOneProblem(t *testing.T) {
	t.Setenv("MONITOR_COLLECT_TIMEOUT", "1")
	_, err := parse(t, "--interval", "1", "--max-connections", "few")
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("not three problems:\n%v", err)
	}
}
