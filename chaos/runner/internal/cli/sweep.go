package cli

import (
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"
)

func newSweep(s streams) *cobra.Command {
	var common *commonFlags
	cmd := &cobra.Command{
		Use:   "sweep",
		Short: "Find and remove what an earlier, killed run left",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := common.check(); err != nil {
				return err
			}
			target, err := common.kind()
			if err != nil {
				return usageError{err}
			}
			removed, err := target.sweep(cmd.Context(), common, s.logger(slog.LevelWarn))
			for _, r := range removed {
				var werr error
				if common.format == formatJSON {
					werr = json.NewEncoder(s.out).Encode(r)
				} else {
					_, werr = fmt.Fprintf(s.out, "removed %s\n", r)
				}
				if werr != nil {
					return werr
				}
			}
			if err != nil {
				return err
			}
			if len(removed) == 0 && common.format == formatText {
				_, err = fmt.Fprintln(s.out, "nothing was left behind")
			}
			return err
		},
	}
	common = newFlags(cmd.Flags()).targetOnly().clusters(s)
	return cmd
}
