// Package cli is the command line of ballast: flags, wiring, exit codes. It is
// the only package that knows every target.
package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ballast-sre/ballast/chaos/runner/internal/local"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// version is set by the linker; see the Makefile.
var version = "dev"

// streams are where the program reads and writes: product to out, logs to err.
type streams struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

// Main runs the command line and returns the exit code. It blocks until the work
// is done. The first SIGINT or SIGTERM ends it in order, a second one at once.
func Main(args []string, in io.Reader, out, errOut io.Writer) int {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(signals)
	// Without it, a reader of stdout that goes away ends the process at once, in the
	// middle of a fault. Ignored instead, it would be ignored by all that is started.
	pipes := make(chan os.Signal, 1)
	signal.Notify(pipes, syscall.SIGPIPE)
	defer signal.Stop(pipes)
	return serve(args, streams{in: in, out: out, err: errOut}, signals)
}

// serve is Main with its signals injected.
func serve(args []string, s streams, signals <-chan os.Signal) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan int, 1)
	go func() { done <- execute(ctx, args, s) }()
	interrupted := false
	for {
		select {
		case code := <-done:
			return code
		case <-signals:
			if interrupted {
				// Nobody waits for the work any more. What it started ends with
				// this process: the keeper sees its pipe close.
				return exitSecondSignal
			}
			interrupted = true
			cancel()
		}
	}
}

// execute parses and runs one command.
func execute(ctx context.Context, args []string, s streams) int {
	if len(args) > 0 {
		switch args[0] {
		case local.KeeperCommand:
			return local.KeeperMain(ctx, args[1:], s.in, s.out, s.err)
		case local.StressCommand:
			return local.StressMain(ctx, args[1:], s.err)
		}
	}
	s.in, s.out = interruptible{ctx, s.in}, product{s.out}
	code := exitOK
	root := newRoot(s, &code)
	root.SetArgs(args)
	if err := root.ExecuteContext(ctx); err != nil {
		return fail(s.err, err)
	}
	return code
}

func newRoot(s streams, code *int) *cobra.Command {
	root := &cobra.Command{
		Use:   "ballast",
		Short: "Puts a platform under real faults and judges by its SLOs whether it held",
		Long: `ballast injects Chaos Mesh faults, asks Prometheus what the platform's users saw,
and says whether the SLOs held.

Exit codes: 0 pass, 1 fail, 3 inconclusive, 4 aborted by a guard rail or the kill
switch, 5 a fault left something behind; 64 usage, 65 invalid document, 69 a registry cannot
be asked, 70 internal error, 74 evidence not writable, 130 ended by a second interrupt.`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
	}
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.CompletionOptions.DisableDefaultCmd = true
	root.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	root.AddCommand(
		newRun(s, code),
		newValidate(s),
		newPlan(s, code),
		newSweep(s),
		newReport(s, code),
		newAttest(s),
		newPromote(s, code),
		newRollback(s, code),
		newLedger(s),
		newLoad(s, code),
		newLoadTest(s, code),
		newGuard(s),
		newSLO(s),
	)
	asUsage(root)
	return root
}

// asUsage marks wrong arguments as errors of usage, those of subcommands too.
func asUsage(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError{fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath())}
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		asUsage(sub)
	}
}

// logger writes JSON lines to stderr.
func (s streams) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(s.err, &slog.HandlerOptions{Level: level, ReplaceAttr: redactAttr}))
}

// fail prints one error and returns its exit code.
func fail(w io.Writer, err error) int {
	fmt.Fprintf(w, "ballast: %s\n", result.Redact(err.Error()))
	return exitCode(err)
}
