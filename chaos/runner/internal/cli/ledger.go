package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ballast-sre/ballast/chaos/runner/internal/ledger"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/document"
)

// formatProm is Prometheus' text format.
const formatProm = "prom"

func newLedger(s streams) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "ledger FILE|DIR...",
		Short: "List what earlier runs showed and spent, from their reports",
		Long: `ledger reads reports, and every report.json below a directory, and lists each run
once, the oldest first, with its verdict and what it spent of each SLO's error
budget; then what all of them spent together. Runs on target local are listed and
not charged. Runs without a fault (--control) are left out.

With --format prom it writes the metrics of the last run of each experiment, as
the guard serves them on a cluster.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if !slices.Contains([]string{formatText, formatJSON, formatProm}, format) {
				return usageError{fmt.Errorf("--format %q is not one of text, json, prom", format)}
			}
			reports, err := readReports(s.err, args)
			if err != nil {
				return err
			}
			return printLedger(s.out, format, ledger.Fold(reports))
		},
	}
	cmd.Flags().StringVar(&format, "format", formatText, "output on stdout: text, json or prom")
	return cmd
}

// readReports reads the files, and what is named report.json below the directories. A
// file below a directory that is not a report of this version is left out, with a line on
// stderr; a file that was asked for by name must be one.
func readReports(stderr io.Writer, paths []string) ([]result.Report, error) {
	var (
		reports  []result.Report
		problems document.Problems
	)
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, usageError{fmt.Errorf("read the reports: %w", err)}
		}
		files := []string{path}
		if info.IsDir() {
			if files, err = reportsBelow(path); err != nil {
				return nil, usageError{err}
			}
		}
		for _, file := range files {
			r, err := readReport(file)
			switch {
			case err == nil:
				reports = append(reports, r)
			case info.IsDir():
				fmt.Fprintf(stderr, "ballast: %s is left out: %v\n", file, err)
			default:
				problems = append(problems, document.Problem{File: file, Message: err.Error()})
			}
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	if len(reports) == 0 {
		return nil, usageError{fmt.Errorf("no report.json of version %s is in %s", result.Version, strings.Join(paths, ", "))}
	}
	return reports, nil
}

func reportsBelow(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() == "report.json" {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for reports: %w", err)
	}
	return files, nil
}

func readReport(file string) (r result.Report, err error) {
	f, err := os.Open(file)
	if err != nil {
		return result.Report{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return result.Decode(f)
}

func printLedger(w io.Writer, format string, entries []ledger.Entry) error {
	switch format {
	case formatProm:
		return ledger.WriteMetrics(w, entries)
	case formatJSON:
		return json.NewEncoder(w).Encode(map[string]any{"runs": entries, "spent": ledger.Spending(entries)})
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ENDED\tTARGET\tEXPERIMENT\tVERDICT\tSPENT")
	for _, e := range entries {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", e.Ended.UTC().Format(time.RFC3339), e.Target, e.Experiment, verdictOf(e), spentOf(e))
	}
	spent := ledger.Spending(entries)
	for _, slo := range slices.Sorted(maps.Keys(spent)) {
		fmt.Fprintf(t, "\t\t\tall of %s\t%s\n", slo, share(spent[slo]))
	}
	return t.Flush()
}

func verdictOf(e ledger.Entry) string {
	if e.Reason == "" {
		return string(e.Verdict)
	}
	return string(e.Verdict) + " (" + string(e.Reason) + ")"
}

// spentOf lists what a run spent, and says where nobody is charged for it.
func spentOf(e ledger.Entry) string {
	var parts []string
	for _, slo := range slices.Sorted(maps.Keys(e.Spent)) {
		parts = append(parts, slo+" "+share(e.Spent[slo]))
	}
	text := strings.Join(parts, ", ")
	switch {
	case text == "":
		return "not known"
	case !e.Charged():
		return text + " (not charged)"
	}
	return text
}

func share(ratio float64) string { return fmt.Sprintf("%.3g%%", 100*ratio) }
