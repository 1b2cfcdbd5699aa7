package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/ballast-sre/ballast/chaos/runner/internal/judge"
	"github.com/ballast-sre/ballast/chaos/runner/internal/report"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/chaos/runner/internal/trend"
	"github.com/ballast-sre/ballast/internal/document"
)

func newReport(s streams, code *int) *cobra.Command {
	var (
		common *commonFlags
		out    string
		again  bool
	)
	cmd := &cobra.Command{
		Use:   "report report.json|DIR",
		Short: "Render the evidence of an earlier run again, judge it again, or compare many runs",
		Long: `report renders report.html and junit.xml from report.json again. With --judge it
writes nothing: it computes every verdict again from the evidence in report.json
alone and exits with the code of the recomputed verdict, or with 65 when report
and recomputation differ.

Of a directory it reads every report.json below it and writes trends.html: verdicts
over time, detection and recovery with their spread, flaky experiments, what got
worse since which run, and whether things are better than last month.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if err := common.check(); err != nil {
				return err
			}
			if again && cmd.Flags().Changed("out") {
				return usageError{errors.New("--out has no meaning with --judge, which writes nothing; leave one of them out")}
			}
			if info, err := os.Stat(args[0]); err == nil && info.IsDir() {
				if again {
					return usageError{fmt.Errorf("--judge judges one report: name the report.json, not the directory %s", args[0])}
				}
				dir := out
				if !cmd.Flags().Changed("out") {
					dir = args[0]
				}
				return reportTrends(s, common, args[0], dir)
			}
			f, err := os.Open(args[0])
			if err != nil {
				return usageError{fmt.Errorf("open the report: %w", err)}
			}
			defer f.Close() //nolint:errcheck // Only read.
			r, err := result.Decode(f)
			if err != nil {
				return common.refused(s, document.Problems{{File: args[0], Message: err.Error()}})
			}
			if again {
				*code, err = judgeAgain(s, common, args[0], r)
				return err
			}
			dir := out
			if !cmd.Flags().Changed("out") {
				dir = filepath.Dir(args[0])
			}
			place, err := report.Reserve(dir)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, place.Close()) }()
			if err := place.Prepare(); err != nil {
				return err
			}
			if err := place.Write(r); err != nil {
				return err
			}
			if common.format == formatJSON {
				return report.JSON(s.out, r)
			}
			return report.TextIn(s.out, r, colour(s.out))
		},
	}
	common = newFlags(cmd.Flags())
	cmd.Flags().StringVar(&out, "out", "", "directory of what is written (default: that of report.json, or the one given)")
	cmd.Flags().BoolVar(&again, "judge", false, "compute the verdict again from the evidence and compare; write nothing")
	return cmd
}

// reportTrends writes the trends of all reports below a directory.
func reportTrends(s streams, common *commonFlags, from, to string) error {
	reports, err := readReports(s.err, []string{from})
	if err != nil {
		return err
	}
	trends := trend.Of(reports)
	if err := report.WriteTrends(to, trends); err != nil {
		return err
	}
	if common.format == formatJSON {
		return json.NewEncoder(s.out).Encode(trends)
	}
	return report.TrendsText(s.out, trends)
}

// judgeAgain computes the verdict of a report again. It returns the exit code of
// that, or an error that says in what the report differs.
func judgeAgain(s streams, common *commonFlags, file string, r result.Report) (int, error) {
	verdict, err := judge.Again(r)
	switch {
	case errors.Is(err, judge.ErrDiffers):
		return 0, common.refused(s, document.Problems{{File: file, Message: err.Error()}})
	case err != nil:
		return 0, fmt.Errorf("%s: %w", file, err)
	}
	if common.format == formatJSON {
		return verdict.Exit(), json.NewEncoder(s.out).Encode(map[string]any{"verdict": verdict, "experiments": len(r.Experiments)})
	}
	_, err = fmt.Fprintf(s.out, "%s: the evidence of %d runs gives %s, as reported\n", file, len(r.Experiments), verdict)
	return verdict.Exit(), err
}
