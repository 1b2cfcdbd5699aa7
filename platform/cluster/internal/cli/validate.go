package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/platform/cluster/internal/tenant"
)

// exitInvalid is the code of a file that is not what it has to be.
const exitInvalid = 65

// newValidateApp is the command that checks a team's file before it is pushed.
func (c *command) newValidateApp() *cobra.Command {
	var chart, environment string
	cmd := &cobra.Command{
		Use: "validate-app FILE", Short: "Check the file by which a team's application is deployed, and its chart; every problem in one go",
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := tenant.Validate(tenant.Input{File: args[0], Checkout: c.repository, Chart: chart, Environment: environment})
			var problems document.Problems
			if err != nil && !errors.As(err, &problems) {
				return usageError{err}
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.out, "%s of project %s is valid: %d objects, %d workloads, %d alerts\n", s.Application, s.Project, s.Objects, s.Pods, s.Alerts)
			return err
		},
	}
	cmd.Flags().StringVar(&chart, "chart", "", "directory of the chart, where it is not in this repository")
	cmd.Flags().StringVar(&environment, "environment", "sandbox", "the environment into which the file shall go")
	return cmd
}
