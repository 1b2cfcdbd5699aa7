package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/ballast-sre/ballast/chaos/runner/internal/attest"
	"github.com/ballast-sre/ballast/chaos/runner/internal/judge"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/document"
)

func newAttest(s streams) *cobra.Command {
	var (
		common   *commonFlags
		registry registryFlags
		claim    attest.Claim
		image    string
	)
	cmd := &cobra.Command{
		Use:   "attest --image REGISTRY/NAME@sha256:… --revision COMMIT --environment NAME report.json",
		Short: "Attach the report of a run to the image that it was about",
		Long: `attest attaches report.json to an image in its registry, as an OCI referrer, with a
statement: the image's digest, the revision of the charts, the environment, the digests
of the experiment documents and of the runner. What the report says is computed again
first; a report that its evidence does not support is refused. Verdicts other than pass
are attached like any other: they are evidence, too.

It ends when what it attached is listed, also where others attach at the same time.
Attaching the same report again changes nothing.

Exit codes: 0 attached and listed, 64 usage, 65 the report or the image is not what it
has to be, 69 the registry cannot be asked or refuses.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(common.check(), required(cmd, "image", "revision", "environment")); err != nil {
				return err
			}
			repo, digest, err := registry.image("image", image)
			if err != nil {
				return err
			}
			claim.Image = digest
			return attach(cmd.Context(), s, common, repo, claim, args[0])
		},
	}
	common = newFlags(cmd.Flags())
	registry.register(cmd.Flags())
	f := cmd.Flags()
	f.StringVar(&image, "image", "", "the image that ran, by digest: REGISTRY/NAME@sha256:…")
	f.StringVar(&claim.Revision, "revision", "", "the commit of the charts that it was deployed with, 40 hexadecimal digits")
	f.StringVar(&claim.Environment, "environment", "", "the environment in which it ran")
	return cmd
}

// required lists the flags that were left out.
func required(cmd *cobra.Command, names ...string) error {
	var errs []error
	for _, name := range names {
		if !cmd.Flags().Changed(name) {
			errs = append(errs, fmt.Errorf("--%s is missing", name))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return usageError{fmt.Errorf("%w; see `%s --help`", errors.Join(errs...), cmd.CommandPath())}
}

func attach(ctx context.Context, s streams, common *commonFlags, repo attest.Repository, claim attest.Claim, file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return usageError{fmt.Errorf("read the report: %w", err)}
	}
	invalid := func(err error) error {
		return common.refused(s, document.Problems{{File: file, Message: err.Error()}})
	}
	r, err := result.Decode(bytes.NewReader(data))
	if err != nil {
		return invalid(err)
	}
	verdict, err := judge.Again(r)
	if err != nil {
		return invalid(err)
	}
	statement, err := attest.NewStatement(claim, r, data)
	if err != nil {
		return invalid(err)
	}
	attached, err := repo.Attach(ctx, statement, verdict, r.Ended, data)
	if errors.Is(err, attest.ErrNoImage) {
		return invalid(fmt.Errorf("%w; push the image first, or name the one that ran", err))
	}
	if err != nil {
		return err
	}
	if common.format == formatJSON {
		return json.NewEncoder(s.out).Encode(map[string]any{"digest": attached, "verdict": verdict, "statement": statement})
	}
	_, err = fmt.Fprintf(s.out, "%s of %d experiments is attached to %s@%s as %s\n", verdict, len(statement.Documents), repo, claim.Image, attached)
	return err
}
