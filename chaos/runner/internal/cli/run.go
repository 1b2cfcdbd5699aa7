package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/ballast-sre/ballast/chaos/runner/internal/report"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// runFlags are those of run.
type runFlags struct {
	out      string
	selected []string
	repeat   int
	control  bool
	parallel int
	monitor  string
	rate     float64
}

func newRun(s streams, common *commonFlags, code *int) *cobra.Command {
	flags := &runFlags{}
	cmd := &cobra.Command{
		Use:   "run FILE|DIR...",
		Short: "Run experiments and leave the evidence in --out",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			verdict, err := run(cmd.Context(), s, common, flags, args)
			*code = verdict
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.out, "out", "out", "directory of the evidence: report.html, report.json, junit.xml")
	f.StringArrayVar(&flags.selected, "select", nil, "run only experiments with this label, KEY=VALUE; may be repeated")
	f.IntVar(&flags.repeat, "repeat", 1, "run every experiment this often")
	f.BoolVar(&flags.control, "control", false, "go through every phase without a fault: it must pass")
	f.IntVar(&flags.parallel, "parallel", defaultParallel(), "experiments side by side, each on a fleet of its own (target local)")
	f.StringVar(&flags.monitor, "monitor", "", "the monitor binary (target local; default: beside ballast)")
	f.Float64Var(&flags.rate, "rate", 100, "requests per second of the load (target local)")
	return cmd
}

// defaultParallel leaves room for the instrument: a fleet of three at 100
// requests per second needs about a fifth of a core.
func defaultParallel() int { return min(4, max(1, runtime.NumCPU()+1)) }

func (f *runFlags) check() error {
	var errs []error
	if f.repeat < 1 || f.repeat > 1000 {
		errs = append(errs, fmt.Errorf("--repeat %d: want 1 to 1000", f.repeat))
	}
	if f.parallel < 1 || f.parallel > 16 {
		errs = append(errs, fmt.Errorf("--parallel %d: want 1 to 16", f.parallel))
	}
	if !(f.rate > 0 && f.rate <= 10000) {
		errs = append(errs, fmt.Errorf("--rate %v: want more than 0 and at most 10000", f.rate))
	}
	if len(errs) > 0 {
		return usageError{errors.Join(errs...)}
	}
	return nil
}

// run validates everything before it starts anything, runs, and writes the
// evidence. It returns the exit code of the verdicts.
func run(ctx context.Context, s streams, common *commonFlags, flags *runFlags, paths []string) (int, error) {
	if err := errors.Join(common.check(), flags.check()); err != nil {
		return 0, err
	}
	selected, err := selector(flags.selected)
	if err != nil {
		return 0, err
	}
	xs, cat, err := common.experiments(paths, selected)
	if err != nil {
		return 0, err
	}
	if err := report.Preflight(flags.out); err != nil {
		return 0, err
	}
	level := slog.LevelWarn
	if common.verbose {
		level = slog.LevelDebug
	}
	mode := progressMode(s.out, common.format)
	progress := report.NewProgress(s.out, mode, width(s.out), time.Now)
	logs := s
	if mode == report.Live || mode == report.LiveColour {
		logs.err = progress.Through(s.err)
	}
	log := logs.logger(level)
	site, err := newLocalSite(common, flags, cat, log)
	if err != nil {
		return 0, errors.Join(err, progress.Close())
	}

	rep := result.Report{
		Version: result.Version, Started: time.Now(), Command: command(), Directory: directory(),
		Tool: tool(), Target: site.info(),
	}
	session := &session{
		site: site, alerts: cat.alerts, control: flags.control, parallel: flags.parallel,
		keepGoing: common.keepGoing, emit: progress.Handle, log: log,
	}
	runs, runErr := session.run(ctx, attempts(xs, flags.repeat))
	shown := progress.Close()
	rep.Ended = time.Now()
	rep.Experiments = runs
	rep.Verdict = result.Combine(runs)

	if err := report.Write(flags.out, rep); err != nil {
		// The verdict is still worth telling.
		return 0, errors.Join(err, runErr, printSummary(s, common, rep, ""))
	}
	if err := printSummary(s, common, rep, flags.out); err != nil {
		return 0, err
	}
	return rep.Verdict.Exit(), errors.Join(runErr, shown)
}

func printSummary(s streams, common *commonFlags, rep result.Report, out string) error {
	if common.format == formatJSON {
		return nil // the events said it, a verdict a line
	}
	if err := report.TextIn(s.out, rep, colour(s.out)); err != nil {
		return err
	}
	if out == "" {
		return nil
	}
	_, err := fmt.Fprintf(s.out, "\nEvidence: %s\n", filepath.Join(out, "report.html"))
	return err
}

// command is how to run the same again.
func command() []string {
	return append([]string{"ballast"}, os.Args[1:]...)
}

func directory() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	return dir
}

func progressMode(w io.Writer, format string) report.Mode {
	if format == formatJSON {
		return report.Stream
	}
	_, terminal := isTerminal(w)
	return report.DetectMode(terminal, os.Getenv)
}

func isTerminal(w io.Writer) (int, bool) {
	f, ok := w.(*os.File)
	if !ok {
		return 0, false
	}
	fd := int(f.Fd())
	return fd, term.IsTerminal(fd)
}

// colour says whether to colour: on a terminal that does not ask otherwise
// (https://no-color.org).
func colour(w io.Writer) bool {
	_, terminal := isTerminal(w)
	return terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

func width(w io.Writer) func() int {
	return func() int {
		if fd, ok := isTerminal(w); ok {
			if columns, _, err := term.GetSize(fd); err == nil && columns > 0 {
				return columns
			}
		}
		return 80
	}
}
