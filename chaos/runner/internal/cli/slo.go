package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/ballast-sre/ballast/internal/rules"
	"github.com/ballast-sre/ballast/internal/slo"
)

// lintError says that the linter found something.
type lintError struct{ findings int }

func (l lintError) Error() string { return fmt.Sprintf("%d findings", l.findings) }

func newSLO(s streams, common *commonFlags, _ *int) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "slo",
		Short: "Generate, lint and predict from the SLO documents",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSLOGenerate(s, common), newSLOLint(s, common), newSLOPredict(s, common))
	return cmd
}

// checkSources reports wrong flags and a root without SLOs, before rules are
// generated from nothing.
func (c *commonFlags) checkSources() error {
	if err := c.check(); err != nil {
		return err
	}
	dir := filepath.Join(c.root, "alerts", "slo")
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return usageError{fmt.Errorf("--root %s: %w; name the directory that has alerts/slo", c.root, err)}
	}
	return nil
}

func newSLOGenerate(s streams, common *commonFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "generate",
		Short: "Write the rules that follow from ROOT/alerts/slo and ROOT/alerts/resource",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := common.checkSources(); err != nil {
				return err
			}
			changed, err := rules.Generate(filepath.Join(common.root, "alerts"))
			for _, file := range changed {
				if _, werr := fmt.Fprintln(s.out, file); werr != nil {
					return werr
				}
			}
			return err
		},
	}
}

func newSLOLint(s streams, common *commonFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "lint",
		Short: "Find alerts that cannot fire and rules that read metrics nobody emits",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := common.checkSources(); err != nil {
				return err
			}
			findings, err := rules.Lint(common.root)
			if err != nil {
				return err
			}
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
}

func newSLOPredict(s streams, common *commonFlags) *cobra.Command {
	var (
		ratios []float64
		timing slo.Timing
	)
	cmd := &cobra.Command{
		Use:   "predict",
		Short: "Say when each burn-rate alert fires at a steady error ratio",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := common.check(); err != nil {
				return err
			}
			for _, r := range ratios {
				if !(r > 0 && r <= 1) {
					return usageError{fmt.Errorf("--error-ratio %v: want more than 0 and at most 1", r)}
				}
			}
			cat, err := common.catalogue()
			if err != nil {
				return err
			}
			ps := cat.slos.Predictions(cat.alerts, ratios, timing)
			if common.format == formatJSON {
				return slo.WriteJSON(s.out, ps)
			}
			return slo.WriteText(s.out, ps)
		},
	}
	f := cmd.Flags()
	f.Float64SliceVar(&ratios, "error-ratio", []float64{1, 0.1, 0.01}, "share of bad events")
	f.Float64Var(&timing.Scale, "scale", 1, "what alert windows are divided by")
	f.DurationVar(&timing.Scrape, "scrape", 30*time.Second, "scrape interval")
	f.DurationVar(&timing.Evaluation, "evaluation", 30*time.Second, "evaluation interval")
	return cmd
}
