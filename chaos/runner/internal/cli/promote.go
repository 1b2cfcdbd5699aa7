package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ballast-sre/ballast/chaos/runner/internal/attest"
	"github.com/ballast-sre/ballast/chaos/runner/internal/promotion"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// promoteFlags are those of promote.
type promoteFlags struct {
	registryFlags
	from, to    string
	revision    string
	images      map[string]string
	registry    string
	changes     string
	remote      string
	branch      string
	pullRequest bool
}

func newPromote(s streams, code *int) *cobra.Command {
	var (
		common *commonFlags
		flags  promoteFlags
	)
	cmd := &cobra.Command{
		Use:   "promote --from ENVIRONMENT --to ENVIRONMENT",
		Short: "Bring a pair of revision and digests to the next environment, when experiments passed for exactly that pair",
		Long: `promote changes what an environment runs, in one commit, to what the environment before
it runs. It computes the verdicts that are attached to the image again from their
evidence, and wants a pass of every experiment of the environment's list, for the same
revision and digest, not older than the list allows. Images have to exist in the
registry, and to be signed where the environment wants that. The commit says what
changes, by the rendered objects, and why it may.

The first environment takes what a pipeline has built: --revision and --image.

The commit is made beside the checkout's files and index. The branch that is checked out
moves to it, or with --push the branch of a remote; when somebody else was faster,
nothing has changed. With --pull-request it goes to a branch of its own, and what a forge
needs is printed as JSON.

Exit codes: 0 promoted, or there already; 1 an experiment failed; 3 a verdict is missing or
could not be judged, registry or remote cannot be asked, or somebody else was faster; 64 usage; 65 the pair or a document is
not what it has to be.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(common.check(), flags.check(cmd)); err != nil {
				return err
			}
			p := promoter{s: s, common: common, flags: &flags, repo: promotion.Repository{Dir: common.root}}
			err := p.promote(cmd.Context())
			var held heldBackError
			switch {
			case errors.As(err, &held):
				fmt.Fprintf(s.err, "ballast: %s\n", result.Redact(held.Error()))
				*code = held.verdict.Exit()
				return nil
			case unavailable(err), errors.Is(err, promotion.ErrOvertaken), errors.Is(err, promotion.ErrRemote):
				fmt.Fprintf(s.err, "ballast: nothing was changed: %s\n", result.Redact(err.Error()))
				*code = result.Inconclusive.Exit()
				return nil
			}
			return err
		},
	}
	f := cmd.Flags()
	common = newFlags(f).rooted()
	flags.register(f)
	f.StringVar(&flags.from, "from", "", "the environment whose pair is taken")
	f.StringVar(&flags.to, "to", "", "the environment that takes it")
	f.StringVar(&flags.revision, "revision", "", "the commit of the charts, where no environment is before this one")
	f.StringToStringVar(&flags.images, "image", nil, "NAME=sha256:… of an image, where no environment is before this one; repeated")
	f.StringVar(&flags.registry, "registry", "", "the registry that has the images, as the annotation ballast.dev/registry of the cluster's Secret names it")
	f.StringVar(&flags.changes, "changes", "bin/changes", "the program that says what a change of the pair does to the objects of an environment")
	f.StringVar(&flags.remote, "push", "", "the git remote whose branch is moved; without it, the branch that is checked out")
	f.StringVar(&flags.branch, "branch", "main", "the branch of the remote")
	f.BoolVar(&flags.pullRequest, "pull-request", false, "leave the branch alone: make one for a pull request, and print what a forge needs")
	return cmd
}

func (f *promoteFlags) check(cmd *cobra.Command) error {
	errs := []error{required(cmd, "to", "registry")}
	built := f.revision != "" || len(f.images) > 0
	switch {
	case f.from == "" && !built:
		errs = append(errs, errors.New("--from is missing; or give --revision and --image, where no environment is before this one"))
	case f.from != "" && built:
		errs = append(errs, errors.New("--from takes the pair of an environment, --revision and --image name another; leave one of them out"))
	}
	errs = append(errs, checkEnvironment("from", f.from), checkEnvironment("to", f.to), checkGitName("push", f.remote), checkGitName("branch", f.branch))
	if err := errors.Join(errs...); err != nil {
		return usageError{err}
	}
	return nil
}

// heldBackError is the error of a pair whose verdicts do not let it go on.
type heldBackError struct {
	verdict result.Verdict // fail or inconclusive
	change  promotion.Change
}

func (h heldBackError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is not promoted to %s (%s); nothing was changed:", attest.Short(h.change.After.Revision), h.change.To, h.verdict)
	for _, o := range h.change.Decision.Objections {
		fmt.Fprintf(&b, "\n  %s %s", o.Verdict, o)
	}
	return b.String()
}

// promoter is one promotion.
type promoter struct {
	s      streams
	common *commonFlags
	flags  *promoteFlags
	repo   promotion.Repository
	base   string // commit that it begins at
	dir    string // its files
}

func (p *promoter) promote(ctx context.Context) (err error) {
	if p.base, err = p.repo.Head(ctx); err != nil {
		return usageError{fmt.Errorf("--root %s: %w", p.common.root, err)}
	}
	if p.flags.remote != "" {
		if p.base, err = p.repo.Fetch(ctx, p.flags.remote, p.flags.branch); err != nil {
			return err
		}
	}
	if p.dir, err = os.MkdirTemp("", "ballast-promote-"); err != nil {
		return fmt.Errorf("make a directory for the files of %s: %w", p.base, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(p.dir)) }()
	if err := p.repo.Extract(ctx, p.base, p.dir); err != nil {
		return err
	}
	change, err := p.wanted()
	if err != nil {
		return p.common.refused(p.s, err)
	}
	if change.Before.Equal(change.After) {
		return p.told(change, "", false)
	}
	if err := p.repo.Has(ctx, change.After.Revision, p.base); err != nil {
		return p.common.refused(p.s, p.wrong(err))
	}
	if err := p.evidence(ctx, &change); err != nil {
		return p.common.refused(p.s, err)
	}
	tree, err := p.repo.Tree(ctx, p.base, promotion.PairFile(change.To), change.After.Text())
	if err != nil {
		return err
	}
	if change.Described, err = p.describe(ctx, change.To, tree); err != nil {
		return p.common.refused(p.s, p.wrong(err))
	}
	commit, err := p.repo.Commit(ctx, tree, p.base, change.Title()+"\n\n"+change.Body())
	if err != nil {
		return err
	}
	if commit, err = p.publish(ctx, change, commit); err != nil {
		return err
	}
	return p.told(change, commit, true)
}

// publish lets a branch have the commit, and returns the one that is there.
func (p *promoter) publish(ctx context.Context, c promotion.Change, commit string) (string, error) {
	switch remote, branch := p.flags.remote, p.flags.branch; {
	case p.flags.pullRequest && remote == "":
		return p.repo.Branch(ctx, c.Branch(), commit)
	case p.flags.pullRequest:
		there, err := p.repo.RemoteBranch(ctx, remote, c.Branch())
		if err != nil || there != "" {
			return there, err // The same pair was asked for before.
		}
		return commit, p.repo.Push(ctx, remote, c.Branch(), "", commit)
	case remote != "":
		return commit, p.repo.Push(ctx, remote, branch, p.base, commit)
	}
	return commit, p.repo.Advance(ctx, p.base, commit)
}

// told prints what became of it.
func (p *promoter) told(c promotion.Change, commit string, changed bool) error {
	if p.flags.pullRequest || p.common.format == formatJSON {
		out := map[string]any{"changed": changed, "environment": c.To, "revision": c.After.Revision, "images": c.After.Images}
		if changed {
			out["commit"], out["title"], out["description"] = commit, c.Title(), c.Body()
			out["targetBranch"] = p.flags.branch
			if p.flags.pullRequest {
				out["sourceBranch"] = c.Branch()
			}
		}
		enc := json.NewEncoder(p.s.out)
		enc.SetEscapeHTML(false)
		return enc.Encode(out)
	}
	if !changed {
		_, err := fmt.Fprintf(p.s.out, "%s has %s already; nothing was changed\n", c.To, attest.Short(c.After.Revision))
		return err
	}
	_, err := fmt.Fprintf(p.s.out, "%s\n\n%s\ncommit %s\n", c.Title(), c.Body(), commit)
	return err
}

// wanted reads what is there and what shall be.
func (p *promoter) wanted() (promotion.Change, error) {
	c := promotion.Change{From: p.flags.from, To: p.flags.to, Now: time.Now()}
	var err, pairErr error
	c.Policy, err = readDocument(p.dir, promotion.PolicyFile(c.To), promotion.ReadPolicy)
	c.Before, pairErr = readDocument(p.dir, promotion.PairFile(c.To), promotion.ReadPair)
	if err := together(err, pairErr); err != nil {
		return c, err
	}
	if c.Policy.From != c.From {
		return c, usageError{fmt.Errorf("%s takes pairs from %s, and not from %s: spec.from of %s says so", c.To, orBuild(c.Policy.From), orBuild(c.From), promotion.PolicyFile(c.To))}
	}
	c.After = promotion.Pair{Revision: p.flags.revision, Images: p.flags.images}
	if c.From != "" {
		if c.After, err = readDocument(p.dir, promotion.PairFile(c.From), promotion.ReadPair); err != nil {
			return c, err
		}
	}
	if names, want := slices.Sorted(maps.Keys(c.After.Images)), slices.Sorted(maps.Keys(c.Policy.Images)); !slices.Equal(names, want) {
		return c, p.wrong(fmt.Errorf("the images of the pair are %s; spec.images of %s names %s", strings.Join(names, ", "), promotion.PolicyFile(c.To), strings.Join(want, ", ")))
	}
	if err := c.After.Whole(); err != nil {
		return c, p.wrong(err)
	}
	return c, nil
}

func orBuild(environment string) string {
	if environment == "" {
		return "a build (--revision and --image)"
	}
	return environment
}

// wrong makes a problem of what is wrong with the pair that was asked for.
func (p *promoter) wrong(err error) error {
	if p.flags.from == "" {
		return usageError{err}
	}
	return problem1(promotion.PairFile(p.flags.from), err)
}
