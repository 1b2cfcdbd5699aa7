package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ballast-sre/ballast/chaos/runner/internal/attest"
	"github.com/ballast-sre/ballast/chaos/runner/internal/promotion"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

// burning are the pages about a budget that burns: they have the window that they look back.
const burning = `ALERTS{alertstate="firing",severity="page",slo!="",long_window!=""}`

// pageStep is how often the history of pages is looked at. One that fires for less is seen
// or not.
const pageStep = 15 * time.Second

// rollbackFlags are those of rollback.
type rollbackFlags struct {
	environment string
	within      time.Duration
	remote      string
	branch      string
	server      liveServer
}

func newRollback(s streams, code *int) *cobra.Command {
	var (
		common *commonFlags
		flags  rollbackFlags
	)
	cmd := &cobra.Command{
		Use:   "rollback --environment NAME --prometheus-url URL",
		Short: "Propose to take the last promotion back, when a budget began to burn after it",
		Long: `rollback asks Prometheus whether a page about a budget that burns began to fire within an
hour of the last promotion of an environment. Then it makes the commit that takes the
promotion back, on a branch of its own, and prints what a forge needs: somebody merges it,
or does not. It never moves the branch that is deployed. What burned before the promotion
is not its fault, and does not count.

A pipeline calls it every few minutes. For one promotion there is one branch, however often
it is called; after twice the time it looks no more.

To go back at once: make rollback ENV=NAME.

Exit codes: 0 there was nothing to propose, or it is proposed; 3 Prometheus or the remote
cannot be asked; 64 usage.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(common.check(), flags.check(cmd)); err != nil {
				return err
			}
			err := flags.propose(cmd.Context(), s, common, time.Now())
			if errors.Is(err, promotion.ErrOvertaken) || errors.Is(err, promotion.ErrRemote) || promTrouble(err) {
				fmt.Fprintf(s.err, "ballast: nothing was proposed: %s\n", result.Redact(err.Error()))
				*code = result.Inconclusive.Exit()
				return nil
			}
			return err
		},
	}
	f := cmd.Flags()
	common = newFlags(f).rooted()
	f.StringVar(&flags.environment, "environment", "", "the environment whose last promotion is looked at")
	f.DurationVar(&flags.within, "within", time.Hour, "how long after a promotion a page counts")
	f.StringVar(&flags.remote, "push", "", "the git remote that gets the branch, and whose --branch is looked at; without it, this repository and what is checked out")
	f.StringVar(&flags.branch, "branch", "main", "the branch that is deployed, which stays as it is")
	flags.server.flags(f, "the Prometheus that has the alerts of the environment")
	return cmd
}

func (f *rollbackFlags) check(cmd *cobra.Command) error {
	errs := []error{required(cmd, "environment", "prometheus-url"), f.server.check()}
	if f.environment != "" && !attest.IsEnvironment(f.environment) {
		errs = append(errs, usageError{fmt.Errorf("--environment %q is no environment; use lower-case letters, digits and inner dashes", f.environment)})
	}
	if f.within < time.Minute || f.within > 24*time.Hour {
		errs = append(errs, usageError{fmt.Errorf("--within %s: want 1m to 24h", f.within)})
	}
	if strings.HasPrefix(f.remote, "-") || strings.HasPrefix(f.branch, "-") {
		errs = append(errs, usageError{errors.New("--push and --branch are names, and begin with no dash")})
	}
	return errors.Join(errs...)
}

// promTrouble says whether Prometheus gave no answer that says something.
func promTrouble(err error) bool {
	return errors.Is(err, prom.ErrUnreachable) || errors.Is(err, prom.ErrBadQuery)
}

// proposal is what a forge needs, and a person reads.
type proposal struct {
	Proposed     bool   `json:"proposed"`
	Environment  string `json:"environment"`
	Why          string `json:"why,omitempty"` // nothing is proposed
	Title        string `json:"title,omitempty"`
	Description  string `json:"description,omitempty"`
	SourceBranch string `json:"sourceBranch,omitempty"`
	TargetBranch string `json:"targetBranch,omitempty"`
	Commit       string `json:"commit,omitempty"`
}

func (f *rollbackFlags) propose(ctx context.Context, s streams, common *commonFlags, now time.Time) error {
	repo := promotion.Repository{Dir: common.root}
	base, err := repo.Head(ctx)
	if err != nil {
		return usageError{fmt.Errorf("--root %s: %w", common.root, err)}
	}
	if f.remote != "" {
		if base, err = repo.Fetch(ctx, f.remote, f.branch); err != nil {
			return err
		}
	}
	said := proposal{Environment: f.environment}
	last, err := repo.LastPromotion(ctx, base, f.environment)
	switch {
	case errors.Is(err, promotion.ErrNoPromotion):
		said.Why = err.Error()
		return said.print(s, common.format)
	case err != nil:
		return err
	case now.Sub(last.At) > 2*f.within:
		said.Why = fmt.Sprintf("the last promotion, %q, was %s ago", last.Title, now.Sub(last.At).Round(time.Minute))
		return said.print(s, common.format)
	}
	back := promotion.Revert{Promoted: last}
	if back.Pages, err = f.pages(ctx, last.At, now); err != nil {
		return err
	}
	if len(back.Pages) == 0 {
		said.Why = fmt.Sprintf("no budget has begun to burn within %s of %q", f.within, last.Title)
		return said.print(s, common.format)
	}
	commit, err := f.publish(ctx, repo, base, back)
	if err != nil {
		return err
	}
	said = proposal{
		Proposed: true, Environment: f.environment, Title: back.Title(), Description: back.Body(),
		SourceBranch: back.Branch(), TargetBranch: f.branch, Commit: commit,
	}
	return said.print(s, common.format)
}

// pages are those that began to fire after a promotion, in time: at one look they were
// there, and at the look before they were not.
func (f *rollbackFlags) pages(ctx context.Context, promoted, now time.Time) ([]promotion.Page, error) {
	end := promoted.Add(f.within)
	if now.Before(end) {
		end = now
	}
	var series []prom.Series
	err := f.server.ask(ctx, func(client *prom.Client) (err error) {
		// Whoever cannot say what is up cannot say either that nothing burns.
		if _, err = client.Instant(ctx, "count(up)", now); err != nil && !errors.Is(err, prom.ErrNoData) {
			return err
		} else if err != nil {
			return fmt.Errorf("%w: %s scrapes nothing, so its silence says nothing", prom.ErrUnreachable, result.Redact(f.server.url))
		}
		series, err = client.RangeOfAnyAge(ctx, burning, prom.Window{Start: promoted, End: end, Step: pageStep})
		return err
	})
	if err != nil {
		return nil, err
	}
	var pages []promotion.Page
	for _, one := range series {
		before := time.Time{}
		for _, p := range one.Points {
			if p.T.Sub(promoted) >= pageStep && p.T.Sub(before) > pageStep {
				pages = append(pages, promotion.Page{Alert: one.Labels["alertname"], SLO: one.Labels["slo"], At: p.T})
				break
			}
			before = p.T
		}
	}
	slices.SortFunc(pages, func(a, b promotion.Page) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Alert, b.Alert), cmp.Compare(a.SLO, b.SLO))
	})
	return pages, nil
}

// publish makes the branch, unless it is there, and returns its commit.
func (f *rollbackFlags) publish(ctx context.Context, repo promotion.Repository, base string, back promotion.Revert) (string, error) {
	if f.remote != "" {
		there, err := repo.RemoteBranch(ctx, f.remote, back.Branch())
		if err != nil || there != "" {
			return there, err
		}
	}
	commit, err := repo.Propose(ctx, base, back)
	if err != nil {
		return "", err
	}
	if f.remote == "" {
		return repo.Branch(ctx, back.Branch(), commit)
	}
	return commit, repo.Push(ctx, f.remote, back.Branch(), "", commit)
}

func (p proposal) print(s streams, format string) error {
	if format == formatJSON {
		enc := json.NewEncoder(s.out)
		enc.SetEscapeHTML(false)
		return enc.Encode(p)
	}
	if !p.Proposed {
		_, err := fmt.Fprintf(s.out, "%s stays: %s\n", p.Environment, p.Why)
		return err
	}
	_, err := fmt.Fprintf(s.out, "%s\n\n%s\nProposed as branch %s, commit %s. %s is as it was.\n", p.Title, p.Description, p.SourceBranch, p.Commit, p.TargetBranch)
	return err
}
