package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
)

// problem is one thing that is wrong with a document as --format json prints it.
type problem struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"` // counted from 1
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
}

// printProblems writes one object with all of them.
func printProblems(w io.Writer, found experiment.Problems) error {
	problems := make([]problem, 0, len(found))
	for _, p := range found {
		problems = append(problems, problem(p))
	}
	return json.NewEncoder(w).Encode(map[string]any{"valid": false, "problems": problems})
}

func newValidate(s streams) *cobra.Command {
	var common *commonFlags
	cmd := &cobra.Command{
		Use:   "validate FILE|DIR|-...",
		Short: "Check experiments without a target; every problem in one go",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := common.check(); err != nil {
				return err
			}
			xs, _, err := common.experiments(s, s.logger(slog.LevelWarn), args, nil)
			if err != nil {
				return err
			}
			if common.format == formatJSON {
				names := make([]string, 0, len(xs))
				for _, x := range xs {
					names = append(names, x.Name)
				}
				return json.NewEncoder(s.out).Encode(map[string]any{"valid": true, "experiments": names})
			}
			_, err = fmt.Fprintf(s.out, "%d experiments are valid\n", len(xs))
			return err
		},
	}
	common = newFlags(cmd.Flags()).sources()
	return cmd
}
