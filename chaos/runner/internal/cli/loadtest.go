package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/ramp"
	"github.com/ballast-sre/ballast/chaos/runner/internal/report"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/slo"
)

// loadTestFlags are those of load-test.
type loadTestFlags struct {
	plan    ramp.Plan
	slos    []string
	atLeast float64
	prices  string
	out     string
	monitor string
	url     string
	verbose bool
}

// rampSite is the target of a load test, with notes for the report.
type rampSite struct {
	ramp.Site
	url   string
	notes []string
	// seen is how many events the SLOs count per second while a rate is sent.
	seen  func(rate float64) float64
	close func(context.Context) error
}

func newLoadTest(s streams, code *int) *cobra.Command {
	var common *commonFlags
	flags := &loadTestFlags{}
	cmd := &cobra.Command{
		Use:   "load-test",
		Short: "Raise the rate in steps until an SLO breaks, and say which rate held",
		Long: `load-test raises the rate of an open-loop load step by step, holds each step for
--hold, and asks Prometheus for the events of every SLO in that time. It ends at the
first step that breaks an SLO, or after --max.

On target local it starts a fleet of its own on this machine. On target cluster each
step is a pod of the load generator's image in --load-namespace, which asks --url; the
SLOs are those that the cluster's Prometheus measures, and no fault is injected.

Exit codes: 0 the limit was found, or nothing broke up to --max; 1 an SLO broke at the
first step, or below --at-least; 3 it could not be judged: the load was late, samples
are missing or too few, or it was interrupted.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			verdict, err := loadTest(cmd.Context(), s, common, flags)
			*code = verdict.Exit()
			return err
		},
	}
	f := cmd.Flags()
	common = newFlags(f).rooted().objectives().targets(s)
	common.confirm = nil // its question is about faults: the context has to be named
	f.StringArrayVar(&flags.slos, "slo", nil, "an SLO that has to hold, by its name; may be repeated (default: all of --slos)")
	f.Float64Var(&flags.plan.Start, "start", 500, "requests per second of the first step")
	f.Float64Var(&flags.plan.Factor, "factor", 1.5, "by which each step is faster than the one before")
	f.Float64Var(&flags.plan.Max, "max", 16000, "requests per second of the last step")
	f.DurationVar(&flags.plan.Settle, "settle", 2*time.Second, "how long after each change of the rate nothing is counted")
	f.DurationVar(&flags.plan.Hold, "hold", 0, "how long each step counts, at least (default 8s; 1m on target cluster)")
	f.Float64Var(&flags.atLeast, "at-least", 0, "requests per second that have to hold; below it the exit code is 1")
	f.StringVar(&flags.prices, "prices", "", "`path` of a document of kind Prices; without it no cost is given")
	f.StringVar(&flags.out, "out", "", "`path` of a file for the report as JSON")
	f.StringVar(&flags.monitor, "monitor", "", "the monitor binary (target local; default: beside ballast)")
	f.StringVar(&flags.url, "url", "", "what the load asks for, as a pod sees it (target cluster; default: what the load generator asks for)")
	f.BoolVarP(&flags.verbose, "verbose", "v", false, "log what is done, to stderr")
	return cmd
}

// The defaults of --hold.
const (
	localHold   = 8 * time.Second
	clusterHold = time.Minute
)

// check reports every wrong value at once.
func (f *loadTestFlags) check(c *commonFlags) error {
	if f.plan.Hold == 0 && !c.set.Changed("hold") {
		if f.plan.Hold = localHold; c.target == targetCluster {
			f.plan.Hold = clusterHold
		}
	}
	err := c.check()
	if wrong := f.plan.Check(); wrong != nil {
		err = errors.Join(err, usageError{fmt.Errorf("--%s", strings.ReplaceAll(wrong.Error(), "\n", "\n--"))})
	}
	if f.plan.Max > maxLoadRate {
		err = errors.Join(err, usageError{fmt.Errorf("--max %v: want at most %d; one load generator sends no more", f.plan.Max, maxLoadRate)})
	}
	if f.atLeast != 0 && !(f.atLeast > 0 && f.atLeast <= f.plan.Max) {
		err = errors.Join(err, usageError{fmt.Errorf("--at-least %v: want more than 0 and at most --max, %v", f.atLeast, f.plan.Max)})
	}
	for _, name := range []string{"no-load", "alertmanager-url", "system-namespace"} {
		if c.set.Changed(name) {
			err = errors.Join(err, usageError{fmt.Errorf("--%s changes nothing here: a load test injects no fault and waits for no alert; leave it out", name)})
		}
	}
	if c.target == targetLocal && c.set.Changed("url") {
		err = errors.Join(err, usageError{errors.New("--url is for --target cluster; target local asks its own fleet")})
	}
	return err
}

// maxLoadRate is what one generator may send.
const maxLoadRate = 20_000

// loadTest checks everything before it starts anything.
func loadTest(ctx context.Context, s streams, common *commonFlags, flags *loadTestFlags) (result.Verdict, error) {
	none := result.Inconclusive
	if err := flags.check(common); err != nil {
		return none, err
	}
	level := slog.LevelWarn
	if flags.verbose {
		level = slog.LevelDebug
	}
	log := s.logger(level)
	cat, err := common.onlySLOs(log)
	if err != nil {
		return none, common.refused(s, err)
	}
	slos, err := cat.tested(flags.slos)
	if err != nil {
		return none, usageError{err}
	}
	prices, err := readPrices(flags.prices)
	if err != nil {
		return none, err
	}
	rep := ramp.Report{Target: common.target, Started: time.Now(), Settings: ramp.Of(flags.plan)}
	site, err := openRamp(ctx, common, flags, cat, slos, log)
	if reason := unreached(err); reason != "" {
		rep.Result, rep.Ended = ramp.NotBegun(reason, err.Error()), time.Now()
		rep = rep.Priced(prices)
		return rep.Verdict, errors.Join(keepReport(flags.out, rep), printReport(s, common.format, rep))
	}
	if err != nil {
		return none, err
	}
	rep.URL, rep.Notes = site.url, site.notes
	test := ramp.Test{Plan: flags.plan, Site: site, Seen: site.seen, AtLeast: flags.atLeast}
	for _, o := range slos {
		test.SLOs = append(test.SLOs, ramp.SLO{Name: o.Name, Objective: o.Objective})
	}
	if common.format == formatText {
		test.Done = func(step ramp.Step) { fmt.Fprintln(s.err, ramp.Line(step)) }
	}
	rep.Result = test.Run(ctx)
	rep.Ended = time.Now()
	rep = rep.Priced(prices)
	return rep.Verdict, errors.Join(site.close(context.WithoutCancel(ctx)), keepReport(flags.out, rep), printReport(s, common.format, rep))
}

// unreached is why a test could not begin, where that is nobody's mistake; empty otherwise.
func unreached(err error) result.Reason {
	switch {
	case errors.Is(err, fault.ErrBusy):
		return result.Busy
	case errors.Is(err, prom.ErrUnreachable):
		return result.PrometheusUnreachable
	case errors.Is(err, prom.ErrNoData):
		return result.NoData
	case errors.Is(err, fault.ErrUnreachable):
		return result.TargetUnreachable
	}
	return ""
}

// tested are the SLOs of the test, those of the given names or all.
func (c catalogue) tested(names []string) ([]slo.SLO, error) {
	if c.noSLOs != "" {
		return nil, fmt.Errorf("no SLO says what has to hold: %s", c.noSLOs)
	}
	if len(names) == 0 {
		names = c.slos.Names()
	}
	var out []slo.SLO
	for _, name := range names {
		o, ok := c.slos.Get(name)
		switch {
		case !ok:
			return nil, fmt.Errorf("--slo %s: unknown SLO; want one of %s", name, strings.Join(c.slos.Names(), ", "))
		case o.Good == "":
			return nil, fmt.Errorf("the SLO %s judges minutes and not events, which no step is long enough for; name others with --slo", name)
		}
		out = append(out, o)
	}
	return out, nil
}

func readPrices(path string) (*ramp.Prices, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, usageError{fmt.Errorf("--prices: %w", err)}
	}
	p, err := ramp.DecodePrices(path, data)
	return &p, err
}

// keepReport writes the report as JSON, where a file is named.
func keepReport(path string, rep ramp.Report) error {
	if path == "" {
		return nil
	}
	return report.WriteFile(filepath.Dir(path), filepath.Base(path), func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(rep)
	})
}

func printReport(s streams, format string, rep ramp.Report) error {
	if format == formatJSON {
		return json.NewEncoder(s.out).Encode(rep)
	}
	return rep.Text(s.out)
}
