package cli

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
)

func newSLOMatrix(s streams) *cobra.Command {
	var (
		common   *commonFlags
		unproven string
	)
	cmd := &cobra.Command{
		Use:   "matrix FILE|DIR|-...",
		Short: "Print which experiment has to fire each alert, as Markdown; find alerts that none does",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := common.check(); err != nil {
				return err
			}
			xs, cat, err := common.experiments(s, s.logger(slog.LevelWarn), args, nil)
			if err != nil {
				return err
			}
			if cat.noRules != "" {
				return usageError{errors.New(cat.noRules)}
			}
			file := unproven
			if file == "" {
				file = filepath.Join(common.root, "alerts", "unproven.yaml")
			}
			excused, err := experiment.LoadUnproven(file)
			if err != nil {
				return common.refused(s, err)
			}
			proofs, err := experiment.Proofs(cat.alerts, xs, file, excused)
			if err != nil {
				return common.refused(s, err)
			}
			return writeProofs(s.out, proofs)
		},
	}
	common = newFlags(cmd.Flags()).sources()
	cmd.Flags().StringVar(&unproven, "unproven", "", "list of alerts that no experiment proves, with reasons; by default ROOT/alerts/unproven.yaml")
	return cmd
}

// writeProofs writes them as a page of Markdown.
func writeProofs(w io.Writer, proofs []experiment.Proof) error {
	var b strings.Builder
	b.WriteString("# Alerts and the experiments that prove them\n\n<!-- Written by `ballast slo matrix`; `make generate` writes it again. -->\n\n" +
		"Which experiments must fire each alert (`alerts.expect`) and which must not (`alerts.forbid`). What they did is in the report of a run and in `ballast ledger`.\n")
	group, proven, all := "", 0, 0
	for _, p := range proofs {
		if p.Watched {
			all++
			if len(p.Expected) > 0 {
				proven++
			}
		}
	}
	fmt.Fprintf(&b, "\nOf the %d alerts on SLOs and replicas, each tier counted, %d are proven by a fault.\n", all, proven)
	for _, p := range proofs {
		if p.Group != group {
			group = p.Group
			fmt.Fprintf(&b, "\n## %s\n\n| alert | tier | fired by | not fired by | why no experiment fires it |\n| --- | --- | --- | --- | --- |\n", group)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", p.Alert, p.Tier, strings.Join(p.Expected, ", "), strings.Join(p.Forbidden, ", "), p.Unproven)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
