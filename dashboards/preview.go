package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/ballast-sre/ballast/dashboards/internal/lint"
	"github.com/ballast-sre/ballast/dashboards/internal/preview"
	"github.com/ballast-sre/ballast/internal/prom"
)

// previewOptions are the flags of the preview.
type previewOptions struct {
	dir, out, url, exposition, samples, from string
	scrape                                   time.Duration
	chosen                                   choices
	parallel                                 int
}

// choices are values of variables, given as name=value, several times for several values.
type choices map[string][]string

func (c choices) String() string { return fmt.Sprint(map[string][]string(c)) }

func (c choices) Set(text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return fmt.Errorf("%q is not name=value", text)
	}
	c[name] = append(c[name], value)
	return nil
}

// previewTimeout bounds one question to Prometheus. A slow answer is a failure in its panel,
// and the others are drawn.
const previewTimeout = 30 * time.Second

// runPreview draws the dashboards and prints where the page is.
func runPreview(args []string, environ func(string) string, stdout, stderr io.Writer) int {
	o := previewOptions{chosen: choices{}}
	flags := flag.NewFlagSet("dashboards preview", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.dir, "dir", ".", "`directory` of the dashboards")
	flags.StringVar(&o.out, "out", "preview.html", "`file` that the page is written to")
	flags.StringVar(&o.url, "prometheus-url", "", "`URL` of any Prometheus; without one, the environment variable PROMETHEUS_URL, or the Prometheus of a run on this machine")
	flags.StringVar(&o.exposition, "exposition", "", "`file` with metrics in the text format that are drawn instead of a Prometheus' data; - is standard input")
	flags.StringVar(&o.samples, "samples", "", "`file` with the samples of a finished run, as ballast run --samples writes it, that is drawn instead of a Prometheus' data; can be combined with an exposition")
	flags.StringVar(&o.from, "from", "", "`beginning` of the range, such as now-15m; without it each dashboard's own")
	flags.DurationVar(&o.scrape, "scrape-interval", 0, "scrape `interval` of the data source; measured where it is not given")
	flags.Var(o.chosen, "var", "`name=value` of a variable; several times for several values")
	flags.IntVar(&o.parallel, "parallel", 0, "how many `questions` are asked at a time; 8 where it is not given, and 1 of a run on this machine")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitOK
		}
		return exitUsage
	}
	if o.url == "" {
		o.url = environ("PROMETHEUS_URL")
	}
	if flags.NArg() > 0 || o.url != "" && o.exposition+o.samples != "" {
		fmt.Fprintln(stderr, "dashboards preview: it takes no arguments, and either a Prometheus or the data of a finished run")
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	summary, code, err := o.draw(ctx)
	if err != nil {
		fmt.Fprintln(stderr, "dashboards preview:", err)
		return code
	}
	for _, f := range summary.Failures {
		fmt.Fprintln(stderr, f)
	}
	at, err := filepath.Abs(o.out)
	if err != nil {
		at = o.out
	}
	fmt.Fprintf(stdout, "%d panels, %d without data, %d failures: file://%s\n", summary.Panels, summary.Empty, len(summary.Failures), at)
	return code
}

// draw writes the page. Questions without an answer are in the page and no error.
func (o previewOptions) draw(ctx context.Context) (preview.Summary, int, error) {
	boards, err := readBoards(o.dir)
	if err != nil {
		return preview.Summary{}, exitData, err
	}
	if err := o.known(boards); err != nil {
		return preview.Summary{}, exitUsage, err
	}
	cfg := preview.Config{Now: time.Now(), From: o.from, Scrape: o.scrape, Chosen: o.chosen, Parallel: o.parallel}
	if err := cfg.Validate(); err != nil {
		return preview.Summary{}, exitUsage, err
	}
	done, err := o.source(ctx, &cfg)
	if err != nil {
		return preview.Summary{}, exitUsage, err
	}
	defer done()
	// The page replaces an older one only once it is whole.
	if err := os.MkdirAll(filepath.Dir(o.out), 0o755); err != nil {
		return preview.Summary{}, exitUnwrite, err
	}
	f, err := os.CreateTemp(filepath.Dir(o.out), ".preview-*")
	if err != nil {
		return preview.Summary{}, exitUnwrite, err
	}
	summary, err := preview.Write(ctx, f, boards, cfg)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(f.Name(), o.out)
	}
	if err != nil {
		return summary, exitUnwrite, errors.Join(err, os.Remove(f.Name()))
	}
	return summary, exitOK, nil
}

// known refuses values of variables that no dashboard has.
func (o previewOptions) known(boards []lint.Dashboard) error {
	var names []string
	for _, b := range boards {
		for _, v := range b.Templating.List {
			if !slices.Contains(names, v.Name) {
				names = append(names, v.Name)
			}
		}
	}
	slices.Sort(names)
	for name := range o.chosen {
		if !slices.Contains(names, name) {
			return fmt.Errorf("no dashboard has a variable %q; there are %s", name, strings.Join(names, ", "))
		}
	}
	return nil
}

// source sets where the data come from. The caller calls done when it has them.
func (o previewOptions) source(ctx context.Context, cfg *preview.Config) (done func(), err error) {
	if o.exposition+o.samples != "" {
		return o.finished(cfg)
	}
	at := o.url
	if at == "" {
		if at = localRun(ctx, os.TempDir(), os.Getuid()); at == "" {
			return nil, errors.New("there is no Prometheus: set PROMETHEUS_URL=http://host:9090, or start a run on this machine with make chaos, or name the data of a finished run with RUN=out/chaos or SAMPLES=file")
		}
		// The load of a run comes from the process that answers.
		cfg.Name = "a run on this machine, "
		if cfg.Parallel == 0 {
			cfg.Parallel = 1
		}
	}
	client, err := prom.New(prom.Config{URL: at, Timeout: previewTimeout})
	if err != nil {
		return nil, err
	}
	shown := at
	if u, err := url.Parse(at); err == nil {
		u.User = nil
		shown = u.String()
	}
	cfg.Source, cfg.Name = client, cfg.Name+shown
	if cfg.Scrape == 0 {
		// Grafana's data source is configured with it; where it cannot be measured, Grafana's
		// default is taken.
		if every, err := client.Interval(ctx, "up"); err == nil {
			cfg.Scrape = every
		}
	}
	return client.Close, nil
}

// readBoards reads the dashboards of a directory, the SLO overview first. All that is wrong
// with them is one error.
func readBoards(dir string) ([]lint.Dashboard, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err == nil && len(paths) == 0 {
		err = fmt.Errorf("%s holds no dashboard", dir)
	}
	var (
		boards []lint.Dashboard
		errs   = []error{err}
	)
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		d, err := lint.Parse(content)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
			continue
		}
		boards = append(boards, d)
	}
	order := []string{uidOverview, uidDetail, uidChaos, uidMonitor, uidPlatform}
	slices.SortStableFunc(boards, func(a, b lint.Dashboard) int {
		return slices.Index(order, a.UID) - slices.Index(order, b.UID)
	})
	return boards, errors.Join(errs...)
}
