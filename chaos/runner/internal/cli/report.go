package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/ballast-sre/ballast/chaos/runner/internal/report"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

func newReport(s streams, common *commonFlags) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "report report.json",
		Short: "Render the evidence of an earlier run again",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := common.check(); err != nil {
				return err
			}
			f, err := os.Open(args[0])
			if err != nil {
				return usageError{fmt.Errorf("open the report: %w", err)}
			}
			defer f.Close() //nolint:errcheck // Only read.
			r, err := result.Decode(f)
			if err != nil {
				return documentError{fmt.Errorf("%s: %w", args[0], err)}
			}
			dir := out
			if dir == "" {
				dir = filepath.Dir(args[0])
			}
			if err := report.Write(dir, r); err != nil {
				return err
			}
			if common.format == formatJSON {
				return report.JSON(s.out, r)
			}
			return report.TextIn(s.out, r, colour(s.out))
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "directory of the evidence (default: that of report.json)")
	return cmd
}
