package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/internal/rules"
	"github.com/ballast-sre/ballast/internal/slo"
)

// lintError says that the linter found something.
type lintError struct{ findings int }

func (l lintError) Error() string { return fmt.Sprintf("%d findings", l.findings) }

func newSLO(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "slo",
		Short: "Generate, lint and predict from the SLO documents",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSLOGenerate(s), newSLOLint(s), newSLOPredict(s))
	return cmd
}

// checkSources reports wrong flags and a root without SLOs, before rules are
// generated from nothing, or those that stand are taken for stale.
func (c *commonFlags) checkSources(log *slog.Logger) error {
	if err := errors.Join(c.check(), c.checkRoot()); err != nil {
		return err
	}
	for _, d := range []struct {
		name  string
		empty bool // is fine
	}{{name: "slo"}, {name: "resource", empty: true}} {
		found, err := document.Files(filepath.Join(c.root, "alerts", d.name))
		if errors.Is(err, fs.ErrNotExist) {
			return usageError{fmt.Errorf("--root %s: %w; name the directory that has alerts/%s", c.root, err, d.name)}
		}
		if err != nil {
			return err
		}
		for _, s := range found.Skipped {
			warnSkipped(log)(s)
		}
		if len(found.Files) == 0 && !d.empty {
			return usageError{fmt.Errorf("--root %s: alerts/%s has no .yaml or .yml file; name the directory that has them", c.root, d.name)}
		}
	}
	return nil
}

func newSLOGenerate(s streams) *cobra.Command {
	var (
		common    *commonFlags
		options   rules.Options
		objects   bool
		namespace string
	)
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Write the rules that follow from ROOT/alerts/slo and ROOT/alerts/resource",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if namespace != "" && !objects {
				return usageError{errors.New("--namespace is where objects are: it needs --objects")}
			}
			if err := errors.Join(common.checkSources(s.logger(slog.LevelWarn)), checkRunbookBase(options)); err != nil {
				return err
			}
			if objects {
				text, err := rules.Objects(filepath.Join(common.root, "alerts"), namespace, options)
				if err != nil {
					return err
				}
				_, err = s.out.Write(text)
				return err
			}
			changed, err := rules.Generate(filepath.Join(common.root, "alerts"), options)
			for _, file := range changed {
				if _, werr := fmt.Fprintln(s.out, file); werr != nil {
					return werr
				}
			}
			return err
		},
	}
	common = (&commonFlags{set: cmd.Flags()}).rooted()
	runbookBase(cmd.Flags(), &options)
	cmd.Flags().BoolVar(&objects, "objects", false, "print PrometheusRule objects for `kubectl apply`, and write no file")
	cmd.Flags().StringVar(&namespace, "namespace", "", "namespace of the objects; by default none, which is where they are applied")
	return cmd
}

func newSLOLint(s streams) *cobra.Command {
	var (
		common  *commonFlags
		options rules.Options
		live    liveServer
	)
	cmd := &cobra.Command{
		Use:   "lint",
		Short: "Find alerts that cannot fire and rules that read metrics which do not exist",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(common.checkSources(s.logger(slog.LevelWarn)), checkRunbookBase(options), live.check()); err != nil {
				return common.refused(s, err)
			}
			log := s.logger(slog.LevelWarn)
			options.Note = func(p document.Problem) {
				log.Warn("a rule cannot do all that it should", "file", p.File, "field", p.Field, "why", p.Message)
			}
			findings, err := rules.Lint(common.root, options)
			if err != nil {
				return common.refused(s, err)
			}
			seen, err := live.lint(cmd.Context(), common.root)
			if err != nil {
				return common.refused(s, err)
			}
			findings = append(findings, seen...)
			for _, f := range findings {
				var err error
				if common.format == formatJSON {
					err = json.NewEncoder(s.out).Encode(problem(f))
				} else {
					_, err = fmt.Fprintln(s.out, f)
				}
				if err != nil {
					return err
				}
			}
			if len(findings) > 0 {
				return lintError{len(findings)}
			}
			return nil
		},
	}
	common = newFlags(cmd.Flags()).rooted()
	runbookBase(cmd.Flags(), &options)
	live.flags(cmd.Flags())
	return cmd
}

// runbookBase adds the flag that says where runbooks are read. Rules are compared with
// what would be generated, so that generate and lint take the same.
func runbookBase(f *pflag.FlagSet, o *rules.Options) {
	f.StringVar(&o.RunbookBase, "runbook-base", rules.RunbookBase, "where runbooks are read: an alert's is BASE/NAME.md, unless its document or its rule names another")
}

func checkRunbookBase(o rules.Options) error {
	if !document.WebAddress(o.RunbookBase) {
		return usageError{fmt.Errorf("--runbook-base %q is not a web address; write one that begins with https://", o.RunbookBase)}
	}
	return nil
}

func newSLOPredict(s streams) *cobra.Command {
	var (
		common *commonFlags
		ratios []float64
		timing slo.Timing
	)
	cmd := &cobra.Command{
		Use:   "predict",
		Short: "Say when each burn-rate alert fires at a steady error ratio",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := errors.Join(common.check(), checkPrediction(ratios, timing)); err != nil {
				return err
			}
			cat, err := common.catalogue(s.logger(slog.LevelWarn))
			if err != nil {
				return common.refused(s, err)
			}
			if why := cmp.Or(cat.noSLOs, cat.noRules); why != "" {
				return usageError{errors.New(why)}
			}
			ps := cat.slos.Predictions(cat.alerts, ratios, timing)
			if common.format == formatJSON {
				return slo.WriteJSON(s.out, ps)
			}
			return slo.WriteText(s.out, ps)
		},
	}
	f := cmd.Flags()
	common = newFlags(f).sources()
	f.Float64SliceVar(&ratios, "error-ratio", []float64{1, 0.1, 0.01}, "share of bad events")
	f.Float64Var(&timing.Scale, "scale", 1, "what alert windows are divided by")
	f.DurationVar(&timing.Scrape, "scrape", 30*time.Second, "scrape interval")
	f.DurationVar(&timing.Evaluation, "evaluation", 30*time.Second, "evaluation interval")
	f.Float64Var(&timing.Rate, "rate", 0, "events a second; 0 is enough for every alert's least number of bad events")
	return cmd
}

// checkPrediction refuses numbers from which nothing can be predicted.
func checkPrediction(ratios []float64, timing slo.Timing) error {
	var errs []error
	if len(ratios) == 0 {
		errs = append(errs, errors.New("--error-ratio is empty; give a share of bad events, such as 0.1"))
	}
	for _, r := range ratios {
		if !(r > 0 && r <= 1) {
			errs = append(errs, fmt.Errorf("--error-ratio %v: want more than 0 and at most 1", r))
		}
	}
	if !(timing.Scale > 0) || math.IsInf(timing.Scale, 1) {
		errs = append(errs, fmt.Errorf("--scale %v: want a number above 0; 1 leaves the windows alone", timing.Scale))
	}
	if timing.Scrape <= 0 {
		errs = append(errs, fmt.Errorf("--scrape %s: want more than 0, such as 30s", timing.Scrape))
	}
	if !(timing.Rate >= 0) || math.IsInf(timing.Rate, 1) {
		errs = append(errs, fmt.Errorf("--rate %v: want 0 or more events a second", timing.Rate))
	}
	if timing.Evaluation <= 0 {
		errs = append(errs, fmt.Errorf("--evaluation %s: want more than 0, such as 30s", timing.Evaluation))
	}
	if len(errs) > 0 {
		return usageError{errors.Join(errs...)}
	}
	return nil
}
