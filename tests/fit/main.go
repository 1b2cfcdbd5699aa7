// Command fit runs a check that needs a real machine and measures beside it whether
// it had one. A check that failed on a fit machine has failed. One that failed while
// the machine did not run it may be repeated, once, and only when the caller has a
// repetition to spend; both outcomes are printed and recorded.
//
//	fit test --packages ./tests/integration/... [flags] -- FLAGS OF go test
//	fit run --want 0 --unfit 3 [flags] -- COMMAND
//
// The exit code is 0 when the check passed, at the first or at the permitted second
// attempt; 1 when it failed; 64 when the command line is wrong; 70 when fit itself
// could not do its work.
//
// # What counts as starved
//
// A test was starved when, while it ran, the scheduling lag or the send lag had a 99th
// percentile over 100 ms, or when more than 10% of the CPU time was stolen.
//
// Scheduling lag is measured by a thread of fit's own, which sleeps and looks how late
// it wakes, 100 times a second. The tests' own load and priority must not excuse them:
//
//   - The thread shares no process and no runtime with the tests. They run in a session
//     of their own, and the kernel divides the CPUs between sessions before it looks at
//     their threads: 256 threads of the tests' that never sleep do not delay it on two
//     CPUs. Where the kernel does not group by session, as in a container, the lag is
//     printed and does not count.
//   - The thread has normal priority even if fit was started with less. When it may not
//     raise it, the lag is printed and does not count.
//
// Send lag is what a test printed about its own load generator, as `SEND LAG p99 0.123 s`
// or in the words of ballast's finding. With less than normal priority it does not count.
//
// Steal is the time that the hypervisor took, from /proc/stat.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

const (
	exitFailed   = 1
	exitUsage    = 64
	exitInternal = 70
)

// errFailed ends fit with exit code 1; what failed has been printed.
var errFailed = errors.New("the check failed")

// internalError is fit's own; any other error is a mistake in the command line.
type internalError struct{ error }

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	root := &cobra.Command{
		Use: "fit", Short: "Run a check and measure whether the machine was fit for it",
		SilenceUsage: true, SilenceErrors: true,
	}
	root.AddCommand(testCommand(stdout, stderr), runCommand(stdout, stderr))
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if errors.Is(err, errFailed) {
		return exitFailed
	}
	fmt.Fprintln(stderr, "fit:", err)
	if _, internal := errors.AsType[internalError](err); internal {
		return exitInternal
	}
	return exitUsage
}

func testCommand(stdout, stderr io.Writer) *cobra.Command {
	var s suite
	var once string
	cmd := &cobra.Command{
		Use: "test --packages PATTERN [flags] -- FLAGS OF go test", Short: "Run `go test`",
		RunE: func(cmd *cobra.Command, args []string) error {
			if s.packages == "" {
				return errors.New("--packages is missing: the packages to test, such as ./tests/integration")
			}
			c := check{stdout: stdout, stderr: stderr, measure: startMeter, once: once}
			s.flags = args
			return c.tests(cmd.Context(), s)
		},
	}
	cmd.Flags().StringVar(&s.tool, "go", "go", "the go command")
	cmd.Flags().StringVar(&s.packages, "packages", "", "packages to test, with spaces between them")
	cmd.Flags().BoolVar(&s.verbose, "verbose", false, "print what every test prints, and not only what those print that fail")
	cmd.Flags().StringVar(&s.events, "events", "", "file to which the events of `go test -json` are written, of the repetition too")
	onceFlag(cmd, &once)
	return cmd
}

func runCommand(stdout, stderr io.Writer) *cobra.Command {
	var p program
	var once string
	cmd := &cobra.Command{
		Use: "run [flags] -- COMMAND [ARGUMENT...]", Short: "Run a program that is a check by itself",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("the command to run is missing")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			p.args = args
			if p.name == "" {
				p.name = strings.Join(args, " ")
			}
			c := check{stdout: stdout, stderr: stderr, measure: startMeter, once: once}
			return c.program(cmd.Context(), p)
		},
	}
	cmd.Flags().StringVar(&p.name, "name", "", "name of the check in what is printed; the command itself when empty")
	cmd.Flags().IntVar(&p.want, "want", 0, "exit code of a check that passed")
	cmd.Flags().IntVar(&p.unfit, "unfit", -1, "exit code by which the program says that it could not judge on this machine; no other one is ever repeated")
	onceFlag(cmd, &once)
	return cmd
}

func onceFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "once", "", "file that stands for the one repetition that all checks of a CI run share: whoever creates it may repeat, and both outcomes are written to it; without it nothing is repeated")
}
