package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/ballast-sre/ballast/chaos/runner/internal/attest"
	"github.com/ballast-sre/ballast/chaos/runner/internal/report"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// attachFlags are the flags of run that attach its report to the image under test. A pod
// of ballast has no shell, so one command has to do both and keep the exit code of the run.
type attachFlags struct {
	registryFlags
	image string
	claim attest.Claim
	repo  attest.Repository
}

func (f *attachFlags) register(cmd *cobra.Command) {
	set := cmd.Flags()
	f.registryFlags.register(set)
	set.StringVar(&f.image, "attach", "", "attach the report to this image, REGISTRY/NAME@sha256:…, as `ballast attest` does")
	set.StringVar(&f.claim.Revision, "revision", "", "the commit of the charts that the image was deployed with (with --attach)")
	set.StringVar(&f.claim.Environment, "environment", "", "the environment that the experiments run in (with --attach)")
}

// check opens the repository, without a request.
func (f *attachFlags) check(cmd *cobra.Command) error {
	if !cmd.Flags().Changed("attach") {
		for _, name := range []string{"revision", "environment", "auth", "plain-http"} {
			if cmd.Flags().Changed(name) {
				return usageError{fmt.Errorf("--%s has no effect without --attach; give --attach, or remove it", name)}
			}
		}
		return nil
	}
	if err := errors.Join(required(cmd, "revision", "environment"), checkEnvironment("environment", f.claim.Environment)); err != nil {
		return err
	}
	var err error
	if f.repo, f.claim.Image, err = f.registryFlags.image("attach", f.image); err != nil {
		return err
	}
	if !attest.IsRevision(f.claim.Revision) {
		return usageError{fmt.Errorf("--revision %q is not a commit; give its 40 hexadecimal digits", f.claim.Revision)}
	}
	return nil
}

// attach attaches the report of a run that has ended; that of an interrupted run is not
// attached. A pass that cannot be attached is an error, as nobody could promote by it. With
// any other verdict the failure is only reported, and the exit code stays that of the run.
func (f *attachFlags) attach(ctx context.Context, s streams, common *commonFlags, out string, code int) error {
	if f.image == "" || ctx.Err() != nil {
		return nil //nolint:nilerr // the run has reported its interrupt
	}
	err := attach(ctx, s, common, f.repo, f.claim, filepath.Join(out, report.JSONFile))
	if err == nil || code == exitOK || errors.Is(err, context.Canceled) {
		return err
	}
	_, err = fmt.Fprintf(s.err, "ballast: the report is not attached: %s\n", result.Redact(err.Error()))
	return err
}
