// Command changes says what an environment would run after a change of its files: which
// objects and images differ, what the policy of pods finds, and how far the change reaches.
// It knows charts and Argo CD's applications, and nothing of verdicts.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// The exit codes, after sysexits.h.
const (
	exitOK       = 0
	exitUsage    = 64
	exitInvalid  = 65
	exitInternal = 70
)

// errInvalid is returned for files that cannot be rendered.
var errInvalid = errors.New("it cannot be rendered")

// usageError is a mistake on the command line.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

func main() {
	// The loader of charts logs every link that it follows.
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var (
		root, environment string
		lines             int
	)
	cmd := &cobra.Command{
		Use: "changes --environment NAME BEFORE AFTER", Short: "Say in Markdown what an environment would run after a change of its files",
		Long: `changes renders an environment as it is in two commits or trees of the repository, each with
the charts of the revision that its pair.yaml names, and says what differs.

Exit codes: 0 said, 64 usage, 65 something cannot be rendered, 70 internal error.`,
		SilenceUsage: true, SilenceErrors: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := cobra.ExactArgs(2)(cmd, args); err != nil {
				return usageError{fmt.Errorf("%w: the trees before and after", err)}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if environment == "" {
				return usageError{errors.New("--environment is missing")}
			}
			before, after, err := renderBoth(cmd.Context(), root, environment, args[0], args[1])
			if err != nil {
				return err
			}
			return write(cmd.Context(), stdout, environment, before, after, lines)
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	f := cmd.Flags()
	f.StringVar(&root, "root", ".", "a checkout of the repository")
	f.StringVar(&environment, "environment", "", "the environment: a directory of platform/argocd/environments")
	f.IntVar(&lines, "lines", 1500, "how many lines of the objects' differences are shown")
	cmd.SetArgs(append([]string{}, args...))
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "changes: %v\n", err)
		return exitUsage
	case errors.Is(err, errInvalid):
		fmt.Fprintf(stderr, "changes: %v\n", err)
		return exitInvalid
	}
	fmt.Fprintf(stderr, "changes: %v\n", err)
	return exitInternal
}
