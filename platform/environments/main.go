// Command environments renders every environment as Argo CD would on a cluster that Terraform
// has made, and checks each object as strictly as the API server. It asks neither: Terraform's
// outputs are evaluated with the mocks of its own tests.
package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ballast-sre/ballast/internal/document"
)

// The exit codes, after sysexits.h.
const (
	exitOK       = 0
	exitUsage    = 64
	exitInvalid  = 65
	exitInternal = 70
)

// usageError is a mistake on the command line.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

func main() {
	// The loader of charts logs every link that it follows.
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	var (
		root         string
		dependencies map[string]string
	)
	cmd := &cobra.Command{
		Use: "environments [NAME…]", Short: "Render environments with the outputs of a mocked plan and check each object as the API server would; every one without a name",
		Long: `environments renders what Argo CD would apply of an environment, its applications and their
charts, with what a plan of Terraform says of its cluster, and checks each object.

Exit codes: 0 all are valid, 64 usage, 65 something would be refused, 70 internal error.`,
		SilenceUsage: true, SilenceErrors: true,
		RunE: func(_ *cobra.Command, args []string) error {
			return validateAll(stdout, root, args, dependencies)
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	cmd.Flags().StringVar(&root, "root", ".", "a checkout of the repository")
	cmd.Flags().StringToStringVar(&dependencies, "dependency", nil, "NAME=DIRECTORY of a chart that others depend on and that is not in this repository")
	cmd.SetArgs(append([]string{}, args...))
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.Execute()
	var usage usageError
	var problems document.Problems
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "environments: %v\n", err)
		return exitUsage
	case errors.As(err, &problems):
		fmt.Fprintf(stderr, "%v\n", err)
		return exitInvalid
	}
	fmt.Fprintf(stderr, "environments: %v\n", err)
	return exitInternal
}

func validateAll(stdout io.Writer, root string, asked []string, dependencies map[string]string) error {
	there, err := names(root)
	if err != nil {
		return err
	}
	for _, name := range asked {
		if !slices.Contains(there, name) {
			return usageError{fmt.Errorf("there is no environment %q; there are %s", name, strings.Join(there, ", "))}
		}
	}
	if len(asked) == 0 {
		asked = there
	}
	var all document.Problems
	for _, name := range asked {
		s, err := validate(root, name, dependencies)
		var problems document.Problems
		switch {
		case errors.As(err, &problems):
			all = append(all, problems...)
			continue
		case err != nil:
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintf(stdout, "%s is valid: %d applications, %d objects\n", name, s.applications, s.objects)
		for _, absent := range s.absent {
			fmt.Fprintf(stdout, "  not checked: %s\n", absent)
		}
	}
	return document.Err(all)
}
