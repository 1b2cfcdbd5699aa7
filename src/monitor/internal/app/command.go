package app

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// newCommand returns the command line, which ends in serve.
func newCommand(serve func(config) error) *cobra.Command {
	var (
		cfg      config
		problems []error
	)
	cmd := &cobra.Command{
		Use:   "monitor",
		Short: "Serve the machine's CPU, memory, disk and network use",
		Long: `monitor reads the machine's CPU, memory, disk and network use in the
background and serves the last good reading as JSON under /api/v1 and as
Prometheus metrics at /metrics.

Each flag can also be given as a variable: --drain-pause as MONITOR_DRAIN_PAUSE.
On SIGTERM or SIGINT it turns readiness off, pauses, drains and exits 0; a
second signal ends it at once with 130. Usage errors exit 64, others 70; with
--check it says what they are and does not serve.`,
		Version: readBuild().Version,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("%w: unexpected argument %q: there are only flags and the command show", errUsage, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			wrong := append(problems, fromEnvironment(cmd.Flags(), os.LookupEnv), cfg.check(), cfg.checkHere(cmd.Context()))
			if err := errors.Join(wrong...); err != nil {
				return fmt.Errorf("%w: %w", errUsage, err)
			}
			if cfg.Check {
				fmt.Fprintln(cmd.OutOrStdout(), "monitor: the configuration is valid")
				return nil
			}
			return serve(cfg)
		},
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.CompletionOptions.DisableDefaultCmd = true
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return fmt.Errorf("%w: %w", errUsage, errors.Join(append(problems, err)...))
	})
	cfg.register(cmd.Flags())
	collect(cmd.Flags(), &problems)
	cmd.AddCommand(newShow())
	return cmd
}
