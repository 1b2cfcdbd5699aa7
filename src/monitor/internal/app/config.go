package app

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/ballast-sre/ballast/src/monitor/internal/access"
	"github.com/ballast-sre/ballast/src/monitor/internal/history"
	"github.com/ballast-sre/ballast/src/monitor/internal/host"
	"github.com/ballast-sre/ballast/src/monitor/internal/httpapi"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

// envPrefix begins every variable that can stand for a flag. Variables with
// the prefix that match no flag are left alone: Kubernetes sets some, such
// as MONITOR_SERVICE_HOST, for a Service of that name.
const envPrefix = "MONITOR_"

// minInterval keeps a typing slip from turning the monitor into load.
const minInterval = 100 * time.Millisecond

// defaultHistoryMemory has room for some 700 series at an interval of 1s.
const defaultHistoryMemory = 8 << 20

// config is the command line, or the environment, after validation.
type config struct {
	Listen         string
	AllowedHosts   []string
	AddressFile    string
	Access         access.Files
	Collectors     []string
	Interval       time.Duration
	CollectTimeout time.Duration
	MaxConnections int
	HistoryMemory  size
	Peers          []string
	DrainPause     time.Duration
	DrainTimeout   time.Duration
	LogLevel       slog.Level
	Check          bool
	Pprof          bool
	HostProc       string
	HostSys        string
	HostRoot       string
	TextfileDir    string
	Mounts         selection
	Fstypes        selection
	Disks          selection
	Interfaces     selection
}

// selection is two regular expressions of names; empty ones mean everything
// and nothing.
type selection struct{ Include, Exclude string }

// selections returns the selections by the names of their flags.
func (c *config) selections() []namedSelection {
	return []namedSelection{
		{"mounts", "mount points", &c.Mounts},
		{"fstypes", "types of file systems", &c.Fstypes},
		{"disks", "disks", &c.Disks},
		{"interfaces", "network interfaces", &c.Interfaces},
	}
}

type namedSelection struct {
	flag, what string
	*selection
}

// filter returns the selection compiled; both expressions match whole names.
func (s selection) filter() (f host.Filter, err error) {
	whole := func(expression string) (*regexp.Regexp, error) {
		if expression == "" {
			return nil, nil //nolint:nilnil // without an expression there is no filter
		}
		return regexp.Compile("^(?:" + expression + ")$")
	}
	if f.Include, err = whole(s.Include); err != nil {
		return f, fmt.Errorf("include %q: %w", s.Include, err)
	}
	if f.Exclude, err = whole(s.Exclude); err != nil {
		return f, fmt.Errorf("exclude %q: %w", s.Exclude, err)
	}
	return f, nil
}

// filters returns what check has let through.
func (c *config) filters() (f host.Filters, err error) {
	var errs [4]error
	f.Mounts, errs[0] = c.Mounts.filter()
	f.Fstypes, errs[1] = c.Fstypes.filter()
	f.Disks, errs[2] = c.Disks.filter()
	f.Interfaces, errs[3] = c.Interfaces.filter()
	return f, errors.Join(errs[:]...)
}

func (c *config) register(f *pflag.FlagSet) {
	chosen := make([]string, 0, len(sample.Default()))
	for _, name := range sample.Default() {
		chosen = append(chosen, string(name))
	}
	f.StringVar(&c.Listen, "listen", "127.0.0.1:8080", "`address` to serve on, HOST:PORT, unix:PATH or systemd:; port 0 chooses a free one")
	f.StringSliceVar(&c.AllowedHosts, "allowed-hosts", nil, "`names` that requests may have as Host, beside addresses, localhost and the own name; * for all")
	f.StringVar(&c.Access.Web, "web-config", "", "`path` of a file in exporter-toolkit's format, for TLS, users, headers and a rate limit")
	f.StringVar(&c.Access.Tokens, "token-file", "", "`path` of a file of bearer tokens, one on a line")
	f.StringVar(&c.AddressFile, "address-file", "", "`path` of a file that holds the address while the service listens")
	f.StringSliceVar(&c.Collectors, "collectors", chosen, "`names` of what to collect and serve; processes is one that is not chosen by itself")
	f.DurationVar(&c.Interval, "interval", 5*time.Second, "time between two readings of the host")
	f.DurationVar(&c.CollectTimeout, "collect-timeout", 2*time.Second, "time after which a reading is given up as hanging")
	f.IntVar(&c.MaxConnections, "max-connections", 1024, "`number` of connections that may be open, and of requests that may be in progress; one more is answered with 503")
	c.HistoryMemory = defaultHistoryMemory
	f.Var(&c.HistoryMemory, "history-memory", "`size` of memory for the history of the last two hours; 0 keeps none")
	f.StringSliceVar(&c.Peers, "peers", nil, "`COLLECTOR=URL` of monitors whose readings the page shows beside the own ones")
	f.DurationVar(&c.DrainPause, "drain-pause", 3*time.Second, "time between readiness going off and the end of new connections")
	f.DurationVar(&c.DrainTimeout, "drain-timeout", 10*time.Second, "time that running requests have after the pause")
	f.TextVar(&c.LogLevel, "log-level", slog.LevelInfo, "lowest `level` that is logged: debug, info, warn or error")
	f.BoolVar(&c.Pprof, "pprof", false, "serve profiles of the Go runtime below /debug/pprof/")
	f.BoolVar(&c.Check, "check", false, "say what is wrong with the configuration, or nothing, and exit")
	for _, s := range c.selections() {
		f.StringVar(&s.Include, s.flag+"-include", "", "`regexp` of "+s.what+" to show, matched against whole names; empty for all")
		f.StringVar(&s.Exclude, s.flag+"-exclude", "", "`regexp` of "+s.what+" not to show, whatever is included")
	}
	f.StringVar(&c.HostProc, "host-proc", os.Getenv("HOST_PROC"), "`path` of the host's procfs, when it is not /proc")
	f.StringVar(&c.HostSys, "host-sys", os.Getenv("HOST_SYS"), "`path` of the host's sysfs, when it is not /sys")
	f.StringVar(&c.HostRoot, "host-root", os.Getenv("HOST_ROOT"), "`path` where the host's root file system is mounted, when it is not /")
	f.StringVar(&c.TextfileDir, "textfile-dir", "", "`path` of a directory whose files *.prom are shown on /metrics/node")
}

// fromEnvironment sets every flag that the command line did not set from
// its variable, when there is one. It returns all problems together.
func fromEnvironment(f *pflag.FlagSet, lookup func(string) (string, bool)) error {
	var errs []error
	f.VisitAll(func(flag *pflag.Flag) {
		name := envName(flag.Name)
		value, ok := lookup(name)
		if flag.Changed || !ok || !configurable(flag.Name) {
			return
		}
		if err := setOrKeep(flag.Value, value); err != nil {
			errs = append(errs, fmt.Errorf("variable %s: %w", name, err))
		}
	})
	return errors.Join(errs...)
}

// restricted says whether files say who may ask.
func (c *config) restricted() bool { return c.Access != access.Files{} }

func configurable(flag string) bool { return flag != "help" && flag != "version" }

func envName(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// names returns the collectors in their usual order.
func (c *config) names() []sample.Name {
	var names []sample.Name
	for _, name := range sample.Names() {
		if slices.Contains(c.Collectors, string(name)) {
			names = append(names, name)
		}
	}
	return names
}

// check returns every problem that the values alone show.
func (c *config) check() error {
	var errs []error
	complain := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	if err := c.endpoint().valid(); err != nil {
		complain("--listen %q: %w", c.Listen, err)
	}
	if _, err := httpapi.NewHosts(c.AllowedHosts...); err != nil {
		complain("--allowed-hosts: %w", err)
	}
	known := sample.Names()
	for i, name := range c.Collectors {
		switch {
		case !slices.Contains(known, sample.Name(name)):
			complain("--collectors: unknown collector %q; there are %s", name, joined(known))
		case slices.Contains(c.Collectors[:i], name):
			complain("--collectors: %q is named twice", name)
		}
	}
	if len(c.Collectors) == 0 {
		complain("--collectors: name at least one of %s", joined(known))
	}
	if c.Interval < minInterval {
		complain("--interval %s: at least %s, or the readings themselves become load", c.Interval, minInterval)
	}
	if c.CollectTimeout <= sample.DefaultCPUGap {
		complain("--collect-timeout %s: more than %s, which the first CPU reading takes", c.CollectTimeout, sample.DefaultCPUGap)
	}
	for _, s := range c.selections() {
		if _, err := s.filter(); err != nil {
			complain("--%s-%w; write an RE2 expression", s.flag, err)
		}
	}
	if least := history.MinMemory(len(c.Collectors), max(c.Interval, minInterval)); c.HistoryMemory > 0 && int(c.HistoryMemory) < least {
		complain("--history-memory %s: at least %d bytes for these collectors at this interval, or 0", c.HistoryMemory.String(), least)
	}
	if _, err := c.peersOf(); err != nil {
		errs = append(errs, err)
	}
	if c.MaxConnections < 1 {
		complain("--max-connections %d: at least 1", c.MaxConnections)
	}
	if c.DrainPause < 0 {
		complain("--drain-pause %s: not below 0", c.DrainPause)
	}
	if c.DrainTimeout <= 0 {
		complain("--drain-timeout %s: more than 0", c.DrainTimeout)
	}
	return errors.Join(errs...)
}

func joined(names []sample.Name) string {
	list := make([]string, len(names))
	for i, n := range names {
		list[i] = string(n)
	}
	return strings.Join(list, ", ")
}
