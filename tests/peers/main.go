// Command peers measures the monitor beside what it is compared with, in one run:
// node_exporter, a bare handler of net/http, and bounds of its own. Peers take turns
// within each round, so that a change of the machine's speed hits both, and the figures
// are medians of the rounds. It writes a page with the table.
//
//	peers --monitor bin/monitor --node-exporter bin/tools/node_exporter --out page.md
//
// The exit code is 0 when every goal is reached, 1 when one is missed, 64 when the
// command line is wrong and 70 when something could not be measured.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

const (
	exitMissed   = 1
	exitUsage    = 64
	exitInternal = 70
)

// errMissed ends the program with exit code 1; the table says what was missed.
var errMissed = errors.New("a goal was missed")

// usageError is a mistake in the command line.
type usageError struct{ error }

type options struct {
	monitor, image, nodeExporter, out string
	rounds                            int
	length                            float64
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := command(args, stdout, stderr).ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errMissed):
		return exitMissed
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "peers: %v\n", err)
		return exitUsage
	default:
		fmt.Fprintf(stderr, "peers: %v\n", err)
		return exitInternal
	}
}

func command(args []string, stdout, stderr io.Writer) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use: "peers", Short: "Measure the monitor beside its peers", Args: cobra.NoArgs, SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return usageError{err}
			}
			began := time.Now()
			m := &measurement{options: o, log: stderr, samples: make(map[string][]float64)}
			if err := m.all(cmd.Context()); err != nil {
				return err
			}
			rows, missed := m.rows()
			text := page(rows, o.rounds, time.Since(began))
			fmt.Fprint(stdout, table(rows))
			if o.out != "" {
				if err := os.WriteFile(o.out, []byte(text), 0o644); err != nil {
					return err
				}
			}
			if missed > 0 {
				return errMissed
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.monitor, "monitor", "", "the monitor's program, as it is released")
	f.StringVar(&o.image, "image", "", "the OCI layout of its image")
	f.StringVar(&o.nodeExporter, "node-exporter", "", "node_exporter's program")
	f.StringVar(&o.out, "out", "", "file to write the page to (default: none)")
	f.IntVar(&o.rounds, "rounds", 10, "rounds, of which figures are the medians")
	f.Float64Var(&o.length, "length", 1, "how long each part of a round takes, times this; less than 1 tries the program out")
	cmd.AddCommand(newBare(), newMounted())
	cmd.SetArgs(append([]string{}, args...))
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	return cmd
}

func (o options) check() error {
	var errs []error
	for _, program := range []struct{ flag, path string }{{"--monitor", o.monitor}, {"--node-exporter", o.nodeExporter}} {
		if info, err := os.Stat(program.path); err != nil {
			errs = append(errs, fmt.Errorf("%s %q: %w; name a program, as make bench-peers does", program.flag, program.path, err))
		} else if info.IsDir() {
			errs = append(errs, fmt.Errorf("%s %q is a directory; name a program", program.flag, program.path))
		}
	}
	if _, err := os.Stat(filepath.Join(o.image, "index.json")); err != nil {
		errs = append(errs, fmt.Errorf("--image %q: %w; name an OCI layout, as make bench-peers does", o.image, err))
	}
	if o.rounds < 1 {
		errs = append(errs, fmt.Errorf("--rounds %d: want at least 1", o.rounds))
	}
	if !(o.length > 0 && o.length <= 10) { // NaN too
		errs = append(errs, fmt.Errorf("--length %v: want more than 0 and at most 10", o.length))
	}
	return errors.Join(errs...)
}
