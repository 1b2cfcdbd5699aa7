package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
)

func newValidate(s streams, common *commonFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE|DIR...",
		Short: "Check experiments without a target; every problem in one go",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := common.check(); err != nil {
				return err
			}
			xs, _, err := common.experiments(args, nil)
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
}
