package cli

import (
	"cmp"
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
	"github.com/ballast-sre/ballast/chaos/runner/internal/report"
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
budget; then, for each budget, what chaos spent of it within its period and what is
left; then which alerts fired when they had to, and which fired besides. Runs on
target local are listed and not charged. Runs without a fault (--control) are left out.

With --format prom it writes the metrics of the last run of each experiment, as
the guard serves them on a cluster, and those of budgets and alerts.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if !slices.Contains([]string{formatText, formatJSON, formatProm}, format) {
				return usageError{fmt.Errorf("--format %q is not one of text, json, prom", format)}
			}
			reports, err := readReports(s.err, args)
			if err != nil {
				return err
			}
			return printLedger(s.out, format, foldOf(reports, time.Now()))
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

// folds are what the reports show together.
type folds struct {
	Runs     []ledger.Entry   `json:"runs"`
	Accounts []ledger.Account `json:"budgets"`
	Rows     []ledger.Row     `json:"alerts"`
}

func foldOf(reports []result.Report, now time.Time) folds {
	runs := ledger.Fold(reports)
	return folds{Runs: runs, Accounts: ledger.Accounts(runs, now), Rows: ledger.Matrix(reports)}
}

func printLedger(w io.Writer, format string, f folds) error {
	switch format {
	case formatProm:
		return ledger.WriteMetrics(w, f.Runs, f.Accounts, f.Rows)
	case formatJSON:
		return json.NewEncoder(w).Encode(f)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ENDED\tTARGET\tEXPERIMENT\tVERDICT\tSPENT")
	for _, e := range f.Runs {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", e.Ended.UTC().Format(time.RFC3339), e.Target, e.Experiment, verdictOf(e), spentOf(e))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if err := printAccounts(w, f.Accounts); err != nil {
		return err
	}
	return printRows(w, f.Rows)
}

// printAccounts lists the budgets, and who spent how much of them.
func printAccounts(w io.Writer, accounts []ledger.Account) error {
	if len(accounts) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nBUDGET\tTARGET\tPROMETHEUS\tPERIOD\tSPENT BY CHAOS\tRUNS\tLEFT")
	for _, a := range accounts {
		period, left := "not known", "not known"
		if a.Window > 0 {
			period = fmt.Sprintf("%.3gd", a.Window.Duration().Hours()/24)
		}
		if a.Left != nil {
			left = fmt.Sprintf("%s as of %s", share(*a.Left), a.LeftAt.UTC().Format(time.RFC3339))
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", a.SLO, a.Target, cmp.Or(a.Prometheus, "not known"), period, share(a.Spent), a.Runs, left)
		for _, x := range a.By {
			fmt.Fprintf(t, "  %s\t\t\t\t%s\t%d\t\n", x.Experiment, share(x.Spent), x.Runs)
		}
	}
	return t.Flush()
}

// printRows lists what alerts did. A share is nothing without what it is of.
func printRows(w io.Writer, rows []ledger.Row) error {
	if len(rows) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nALERT\tTIER\tTARGET\tRECALL\tPRECISION\tFORBIDDEN, FIRED\tPREDICTED\tMEASURED\tDELIVERED")
	line := func(r ledger.Row, name, tier, target string) {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", name, cmp.Or(tier, "–"), target,
			report.OutOf(r.Detected, r.Expected), report.OutOf(r.Detected, r.Fired), report.OutOf(r.Violated, r.Forbidden), report.DueText(r.Predicted), report.SpreadText(r.Measured), report.OutOf(r.Delivered, r.Asked))
	}
	for _, r := range rows {
		line(r, r.Alert, r.Tier, r.Target)
	}
	line(ledger.Total(rows), "all", "", "")
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
