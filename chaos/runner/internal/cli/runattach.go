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

// attachFlags are those of run that attach its report to the image that it was about: in a
// pod there is no shell that could do one after the other and keep the exit code.
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

// check opens the repository. Nothing is asked yet.
func (f *attachFlags) check(cmd *cobra.Command) error {
	if !cmd.Flags().Changed("attach") {
		for _, name := range []string{"revision", "environment", "auth", "plain-http"} {
			if cmd.Flags().Changed(name) {
				return usageError{fmt.Errorf("--%s without --attach says nothing; give --attach, or leave it out", name)}
			}
		}
		return nil
	}
	if err := required(cmd, "revision", "environment"); err != nil {
		return err
	}
	var err error
	if f.repo, f.claim.Image, err = f.registryFlags.image("attach", f.image); err != nil {
		return err
	}
	switch {
	case !attest.IsRevision(f.claim.Revision):
		return usageError{fmt.Errorf("--revision %q is not a commit; give its 40 hexadecimal digits", f.claim.Revision)}
	case !attest.IsEnvironment(f.claim.Environment):
		return usageError{fmt.Errorf("--environment %q is no environment; use lower-case letters, digits and inner dashes", f.claim.Environment)}
	}
	return nil
}

// attach attaches the report of a run that has ended. What was interrupted was of something
// that nobody waits for any more. A pass that cannot be attached proves nothing to anybody:
// that is the error. Any other verdict stays what the command says.
func (f *attachFlags) attach(ctx context.Context, s streams, common *commonFlags, out string, code int) error {
	if f.image == "" || ctx.Err() != nil {
		return nil //nolint:nilerr // What was interrupted has said so.
	}
	err := attach(ctx, s, common, f.repo, f.claim, filepath.Join(out, report.JSONFile))
	if err == nil || code == exitOK || errors.Is(err, context.Canceled) {
		return err
	}
	_, err = fmt.Fprintf(s.err, "ballast: the report is not attached: %s\n", result.Redact(err.Error()))
	return err
}
