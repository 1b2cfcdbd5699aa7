// Package cli is the command line of cluster: flags, wiring, exit codes.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/platform/cluster/git"
	"github.com/ballast-sre/ballast/platform/cluster/internal/sandbox"
	"github.com/ballast-sre/ballast/platform/cluster/kind"
	"github.com/ballast-sre/ballast/platform/cluster/source"
)

const (
	exitOK       = 0
	exitUsage    = 64
	exitInternal = 70
)

// defaultName is that of the cluster which everybody has.
const defaultName = "sandbox"

// usageError marks errors that the caller mends by changing the command line.
type usageError struct{ error }

// Unwrap returns the error itself.
func (u usageError) Unwrap() error { return u.error }

// Main runs the command line and returns the exit code. It blocks until the work is
// done; SIGINT and SIGTERM end it.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		if code, ok := hidden(args, stdin, stdout, stderr); ok {
			return code
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	root := newRoot(stdout, stderr)
	root.SetArgs(append([]string{}, args...))
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintf(stderr, "cluster: %v\n", err)
		var usage usageError
		var problems document.Problems
		switch {
		case errors.As(err, &usage):
			return exitUsage
		case errors.As(err, &problems):
			return exitInvalid
		}
		return exitInternal
	}
	return exitOK
}

// hidden are the parts of a cluster that are this program again.
func hidden(args []string, stdin io.Reader, stdout, stderr io.Writer) (code int, ok bool) {
	ctx := context.Background()
	var err error
	switch args[0] {
	case source.InitCommand:
		return source.InitMain(ctx, args[1:], stderr), true
	case source.NodeCommand:
		return source.NodeMain(ctx, args[1:], stderr), true
	case source.ServeCommand:
		err = serve(ctx, args[1:], stderr)
	case kind.ServeCommand:
		err = serveKind(ctx, args[1:], stderr)
	case sandbox.Subcommand:
		return sandbox.Main(stderr), true
	case git.HookCommand:
		err = git.RunHook(ctx, args[1:], stdin, stdout)
	default:
		return 0, false
	}
	if err != nil {
		fmt.Fprintf(stderr, "cluster %s: %v\n", args[0], err)
		return exitInternal, true
	}
	return exitOK, true
}

// command is what the flags say.
type command struct {
	name, repository, environment string
	provider, nodeImage           string
	install                       bool
	out, err                      io.Writer
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	c := &command{out: stdout, err: stderr}
	root := &cobra.Command{
		Use: "cluster", Short: "Brings up a Kubernetes cluster with the whole platform, on this machine",
		SilenceUsage: true, SilenceErrors: true, Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.CompletionOptions.DisableDefaultCmd = true
	f := root.PersistentFlags()
	f.StringVar(&c.name, "name", defaultName, "name of the cluster")
	f.StringVar(&c.repository, "repository", ".", "checkout that the cluster is made from")
	f.StringVar(&c.provider, "provider", "", "how the cluster is made: source or kind; the default is how it was made before, or what this machine supports")
	add := func(use, short string, args cobra.PositionalArgs, do func(context.Context, []string) error) *cobra.Command {
		cmd := &cobra.Command{Use: use, Short: short, Args: usage(args), RunE: func(cmd *cobra.Command, args []string) error { return do(cmd.Context(), args) }}
		root.AddCommand(cmd)
		return cmd
	}
	up := add("up", "Bring the cluster up, or repair it", cobra.NoArgs, func(ctx context.Context, _ []string) error { return c.up(ctx) })
	up.Flags().StringVar(&c.environment, "environment", "sandbox", "directory of platform/argocd/environments to deploy; empty for a bare cluster")
	up.Flags().StringVar(&c.nodeImage, "node-image", "", "image of the nodes that kind makes; by default the one that kind was released with")
	add("down", "Remove the cluster and all that belongs to it", cobra.NoArgs, func(ctx context.Context, _ []string) error { return c.down(ctx) })
	add("env", "Print what a shell needs to reach the cluster with kubectl and helm", cobra.NoArgs, func(ctx context.Context, _ []string) error { return c.env(ctx) })
	var addRemote bool
	remote := add("remote", "Print where to push to", cobra.NoArgs, func(ctx context.Context, _ []string) error { return c.remote(ctx, addRemote) })
	remote.Flags().BoolVar(&addRemote, "add", false, "let the checkout push there, as up does: add the remote, and its password for git alone")
	add("memory", "Show how much memory the programs of the cluster take", cobra.NoArgs, func(ctx context.Context, _ []string) error { return c.memory(ctx) })
	build := add("build", "Build the components of a node, and start nothing", cobra.NoArgs, func(ctx context.Context, _ []string) error { return c.build(ctx) })
	for _, cmd := range []*cobra.Command{up, build} {
		cmd.Flags().BoolVar(&c.install, "install", false, "fetch the Debian packages that this machine lacks; they stay, and none is removed")
	}
	add("logs DIR", "Copy the logs of the node and of its pods", cobra.ExactArgs(1), func(ctx context.Context, args []string) error { return c.logs(ctx, args[0]) })
	add("load-image LAYOUT NAME:TAG", "Put an image, an OCI layout, where the node finds it", cobra.ExactArgs(2), func(ctx context.Context, args []string) error { return c.loadImage(ctx, args[0], args[1]) })
	root.AddCommand(c.newStatus(), c.newValidateApp())
	return root
}

// usage marks wrong arguments as errors of usage.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath())}
		}
		return nil
	}
}

func (c *command) report(format string, args ...any) { fmt.Fprintf(c.err, format+"\n", args...) }
