// Command release brings the platform's images from source to a registry: it builds them
// for several architectures, lists what is in them, scans, signs and publishes them by
// digest. Each step reads what the step before left in one directory, and stops when that
// belongs to other images.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// The exit codes: those of verdicts, and sysexits.h.
const (
	exitOK          = 0
	exitFound       = 1 // the scanner found vulnerabilities that are not excepted
	exitNotJudged   = 3 // it could not be scanned
	exitUsage       = 64
	exitInvalid     = 65
	exitUnavailable = 69
	exitInternal    = 70
)

var (
	// errFound is returned for images with vulnerabilities that nobody has excepted.
	errFound = errors.New("not published: vulnerabilities were found")
	// errNotScanned is returned for images that could not be scanned.
	errNotScanned = errors.New("not scanned; the notes of `release scan` say why, and sign and publish take --unscanned")
	// errInvalid is returned for a release or a file that cannot be used.
	errInvalid = errors.New("cannot continue")
	// errUnavailable is returned for a registry, a key vault or an Azure DevOps that does
	// not answer, or does not let us in.
	errUnavailable = errors.New("unavailable")
)

// usageError is a mistake on the command line.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// streams are stdout, for the product, and stderr, for messages.
type streams struct{ out, err io.Writer }

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	s := streams{out: stdout, err: stderr}
	var dir string
	cmd := &cobra.Command{
		Use: "release", Short: "Build, scan, sign and publish the platform's images",
		Long: `release brings images from source to a registry. Its steps are build, scan, sign and
publish, in this order; each goes on from what the one before left in --dir.

Exit codes: 0 done, 1 vulnerabilities were found, 3 it could not be scanned, 64 usage,
65 the release or a file cannot be used, 69 the registry, the key vault or Azure DevOps is
unavailable, 70 internal error.`,
		SilenceUsage: true, SilenceErrors: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown step %q; the steps are build, scan, sign, publish, key, registry and pull-request", args[0])}
			}
			return usageError{errors.New("name a step: build, scan, sign, publish, key, registry or pull-request")}
		},
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	cmd.PersistentFlags().StringVar(&dir, "dir", "out/release", "directory of the release")
	cmd.AddCommand(newBuild(&dir), newScan(s, &dir), newSign(&dir), newPublish(s, &dir), newKey(s), newRegistry(s), newRequest(s))
	cmd.SetArgs(append([]string{}, args...))
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintf(stderr, "release: %v\n", err)
	}
	return exitCode(err)
}

func exitCode(err error) int {
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, errFound):
		return exitFound
	case errors.Is(err, errNotScanned):
		return exitNotJudged
	case errors.Is(err, errInvalid):
		return exitInvalid
	case errors.Is(err, errUnavailable):
		return exitUnavailable
	}
	return exitInternal
}

// noArgs refuses arguments as usage.
func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("unexpected argument %q; this step takes flags only", args[0])}
	}
	return nil
}
