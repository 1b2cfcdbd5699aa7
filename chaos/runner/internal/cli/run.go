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

	"github.com/ballast-sre/ballast/chaos/runner/internal/engine"
	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/local"
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
	// budgetSpent has SLO=SHARE for each budget that is partly spent when a run begins.
	budgetSpent []string
	samples     string // directory for the samples of each run; empty: they are not kept

	keepGoing    bool
	ignoreBudget bool
	leaveFiring  bool
	verbose      bool
	wrong        error // in flags that are checked elsewhere
	// plans is true when nothing is run: places are for planning only.
	plans bool
}

func newRun(s streams, code *int) *cobra.Command {
	var (
		common   *commonFlags
		evidence attachFlags
	)
	flags := &runFlags{}
	cmd := &cobra.Command{
		Use:   "run FILE|DIR|-...",
		Short: "Run experiments and leave the evidence in --out",
		// Their number is checked where the evidence of an earlier run is made void.
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.wrong = evidence.check(cmd)
			verdict, err := run(cmd.Context(), s, common, flags, args)
			*code = verdict
			if err != nil {
				return err
			}
			return evidence.attach(cmd.Context(), s, common, flags.out, verdict)
		},
	}
	f := cmd.Flags()
	common = newFlags(f).sources().targets(s)
	evidence.register(cmd)
	f.BoolVar(&flags.keepGoing, "keep-going", false, "go on with other experiments after residue or an abort")
	f.BoolVarP(&flags.verbose, "verbose", "v", false, "log what is done, to stderr")
	f.StringVar(&flags.out, "out", "out", "directory of the evidence: report.html, report.json, junit.xml")
	f.StringArrayVar(&flags.selected, "select", nil, "run only experiments with this label, KEY=VALUE; may be repeated")
	f.IntVar(&flags.repeat, "repeat", 1, "run every experiment this often")
	f.BoolVar(&flags.control, "control", false, "go through every phase without a fault: it must pass")
	f.BoolVar(&flags.ignoreBudget, "ignore-budget", false, "run even where less of an error budget is left than all runs together may spend; the report says so")
	f.IntVar(&flags.parallel, "parallel", defaultParallel(), "how many experiments run at once: on target local each has its own fleet, on a cluster only those that do not disturb each other")
	f.StringVar(&flags.monitor, "monitor", "", "the monitor binary (target local; default: beside ballast)")
	f.Float64Var(&flags.rate, "rate", 100, "requests per second of the load (target local)")
	f.StringArrayVar(&flags.budgetSpent, "budget-spent", nil, "start with part of an SLO's error budget already spent, SLO=SHARE such as monitor-latency=90%; may be repeated (target local)")
	f.StringVar(&flags.samples, "samples", "", "directory to save the Prometheus samples of each run in, NAME.om.gz, for make dashboards-preview; a few hundred kB a minute (target local)")
	f.BoolVar(&flags.leaveFiring, "leave-firing", false, "do not wait for expected alerts to end, unless the document sets resolvesWithin")
	return cmd
}

// maxParallel is more than any machine runs side by side on target local; on a cluster a
// run costs the runner little.
const maxParallel = 32

// defaultParallel leaves room for the instrument: a fleet of three at 100
// requests per second needs about a fifth of a core.
func defaultParallel() int { return min(4, max(1, runtime.NumCPU()+1)) }

func (f *runFlags) check() error {
	var errs []error
	if f.repeat < 1 || f.repeat > 1000 {
		errs = append(errs, fmt.Errorf("--repeat %d: want 1 to 1000", f.repeat))
	}
	if f.parallel < 1 || f.parallel > maxParallel {
		errs = append(errs, fmt.Errorf("--parallel %d: want 1 to %d", f.parallel, maxParallel))
	}
	if !(f.rate > 0 && f.rate <= 10000) {
		errs = append(errs, fmt.Errorf("--rate %v: want more than 0 and at most 10000", f.rate))
	}
	if len(errs) > 0 {
		return errors.Join(usageError{errors.Join(errs...)}, f.wrong)
	}
	return f.wrong
}

// run validates everything before it starts anything, runs, and writes the
// evidence. It returns the exit code of the verdicts.
func run(ctx context.Context, s streams, common *commonFlags, flags *runFlags, paths []string) (code int, err error) {
	place, err := report.Reserve(flags.out)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, place.Close()) }()
	started := result.Report{
		Version: result.Version, Started: time.Now(), Command: command(), Directory: directory(), Tool: tool(),
	}
	xs, cat, err := prepare(s, common, flags, paths)
	for i := range xs { // the evidence shows both
		xs[i].YAML = result.Redact(xs[i].YAML)
		for j := range xs[i].Faults {
			xs[i].Faults[j].YAML = result.Redact(xs[i].Faults[j].YAML)
		}
	}
	if err != nil {
		return 0, errors.Join(err, place.Void(refused(started, common, flags, err)))
	}
	if err := place.Prepare(); err != nil {
		return 0, err
	}
	started.Tool.Digest = executableDigest()
	level := slog.LevelWarn
	if flags.verbose {
		level = slog.LevelDebug
	}
	mode := progressMode(s.out, common.format)
	progress := report.NewProgress(s.out, mode, width(s.out), time.Now)
	logs := s
	if mode == report.Live || mode == report.LiveColour {
		logs.err = progress.Through(s.err)
	}
	log := logs.logger(level)
	site, err := openSite(common, flags, cat, log)
	if err != nil {
		return 0, errors.Join(err, place.Void(refused(started, common, flags, err)), progress.Close())
	}
	started.Target = site.info()
	todo := attempts(xs, flags.repeat)
	// Whoever reads the evidence before the end, or after a runner that was killed,
	// finds neither an earlier verdict nor none.
	if err := place.Write(unfinished(started, flags, todo)); err != nil {
		return 0, errors.Join(err, progress.Close())
	}

	session := &session{
		site: site, alerts: cat.alerts, control: flags.control, parallel: flags.parallel,
		keepGoing: flags.keepGoing, ignoreBudget: flags.ignoreBudget, leaveFiring: flags.leaveFiring, emit: progress.Handle, log: log,
	}
	runs, runErr := session.run(ctx, todo)
	site.close()
	shown := progress.Close()
	rep := started
	rep.Target = site.info()
	rep.Ended = time.Now()
	rep.Experiments = runs
	rep.Verdict = result.Combine(runs)

	if err := place.Write(rep); err != nil {
		// The verdict is still worth reporting.
		return 0, errors.Join(err, runErr, printSummary(s, common, rep, ""))
	}
	if err := errors.Join(shown, printSummary(s, common, rep, flags.out)); err != nil {
		runErr = errors.Join(runErr, unread(s.err, err))
	}
	return rep.Verdict.Exit(), runErr
}

// prepare checks the command line and the documents.
func prepare(s streams, common *commonFlags, flags *runFlags, paths []string) ([]experiment.Experiment, catalogue, error) {
	var noPath error
	if len(paths) == 0 {
		noPath = usageError{errors.New("requires at least 1 arg(s), only received 0; see `ballast run --help`")}
	}
	selected, wrong := selector(flags.selected)
	if err := errors.Join(noPath, common.check(), flags.check(), wrong); err != nil {
		return nil, catalogue{}, err
	}
	return common.experiments(s, s.logger(slog.LevelWarn), paths, selected)
}

// unfinished is the evidence of a run that has only begun.
func unfinished(r result.Report, flags *runFlags, todo []attempt) result.Report {
	for _, a := range todo {
		r.Experiments = append(r.Experiments, engine.NotRun(a.Experiment, a.n, flags.control, result.Interrupted,
			"not finished: the run goes on, or its runner was killed"))
	}
	r.Ended, r.Verdict = r.Started, result.Combine(r.Experiments)
	return r
}

// refused is the evidence of a run that does not begin: documents or flags are wrong.
func refused(r result.Report, common *commonFlags, flags *runFlags, why error) result.Report {
	if r.Target = (&localSite{cfg: local.Config{Rate: flags.rate}}).info(); common.target == targetCluster {
		r.Target = result.TargetInfo{Kind: targetCluster, AlertScale: 1}
	}
	r.Experiments = []result.Run{engine.NotRun(experiment.Experiment{Name: "not-begun"}, 1, flags.control, result.Interrupted,
		"not finished: the run was refused before it began: "+result.Redact(why.Error()))}
	r.Ended, r.Verdict = time.Now(), result.Combine(r.Experiments)
	return r
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

// command is how to run the same again, without secrets.
func command() []string {
	words := []string{"ballast"}
	for _, arg := range os.Args[1:] {
		words = append(words, result.Redact(arg))
	}
	return words
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
	if p, ok := w.(product); ok {
		w = p.Writer
	}
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
