package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/ballast-sre/ballast/chaos/runner/internal/promotion"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

// burning selects the firing pages of burn-rate alerts. Only those have the label
// long_window.
const burning = `ALERTS{alertstate="firing",severity="page",slo!="",long_window!=""}`

// evaluating counts the groups of burn-rate rules that Prometheus evaluates.
const evaluating = "count(" + prom.Heartbeat + `{slo!=""})`

// pageStep is the step of the query for the history of pages. A page that fires for less
// than a step may be missed.
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
		Short: "Propose the revert of the last promotion if a page about an error budget began to fire after it",
		Long: `rollback asks Prometheus whether a page of a burn-rate alert began to fire within an hour of
the last promotion of an environment. If so, it commits the revert of the promotion on a
separate branch and prints what a pull request needs. A person decides whether to merge it:
rollback never moves the branch that is deployed. Pages that began to fire before the
promotion do not count.

Run it from a pipeline every few minutes. It makes one branch for each promotion, however
often it runs. It ignores promotions that are older than twice --within.

To revert at once: make rollback ENV=NAME.

Exit codes: 0 the revert is proposed, or there was nothing to propose; 3 Prometheus or the
remote cannot be reached, or Prometheus evaluates no rules of SLOs; 64 usage.`,
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
	f.StringVar(&flags.environment, "environment", "", "the environment whose last promotion is checked")
	f.DurationVar(&flags.within, "within", time.Hour, "how long after a promotion a page counts")
	f.StringVar(&flags.remote, "push", "", "the git remote to push the branch to, whose --branch is read; without it, the branch is made in this repository, from HEAD")
	f.StringVar(&flags.branch, "branch", "main", "the branch that is deployed; it is never changed")
	flags.server.flags(f, "the Prometheus that has the alerts of the environment")
	return cmd
}

func (f *rollbackFlags) check(cmd *cobra.Command) error {
	errs := []error{
		required(cmd, "environment", "prometheus-url"), f.server.check(),
		checkEnvironment("environment", f.environment), checkGitName("push", f.remote), checkGitName("branch", f.branch),
	}
	if f.within < time.Minute || f.within > 24*time.Hour {
		errs = append(errs, usageError{fmt.Errorf("--within %s: want 1m to 24h", f.within)})
	}
	return errors.Join(errs...)
}

// promTrouble says whether Prometheus could not be reached or refused the query.
func promTrouble(err error) bool {
	return errors.Is(err, prom.ErrUnreachable) || errors.Is(err, prom.ErrBadQuery)
}

// proposal is the output: with JSON, the fields of a pull request.
type proposal struct {
	Proposed     bool   `json:"proposed"`
	Environment  string `json:"environment"`
	Why          string `json:"why,omitempty"` // why nothing is proposed
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

// pages are those that began to fire within the time after a promotion: they have a sample,
// and none one step earlier.
func (f *rollbackFlags) pages(ctx context.Context, promoted, now time.Time) ([]promotion.Page, error) {
	end := promoted.Add(f.within)
	if now.Before(end) {
		end = now
	}
	var series []prom.Series
	err := f.server.ask(ctx, func(client *prom.Client) (err error) {
		// A Prometheus without targets or rules has no alerts either; its silence proves nothing.
		for _, need := range []struct{ query, lacks string }{
			{"count(up)", "scrapes no target, so the absence of alerts proves nothing; check --prometheus-url"},
			{evaluating, "evaluates no rules of SLOs, so the absence of alerts proves nothing; load the files that `ballast slo generate` writes, or check --prometheus-url"},
		} {
			if _, err := client.Instant(ctx, need.query, now); errors.Is(err, prom.ErrNoData) {
				return fmt.Errorf("%w: %s %s", prom.ErrUnreachable, result.Redact(f.server.url), need.lacks)
			} else if err != nil {
				return err
			}
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

// publish makes the branch unless it exists, and returns its commit.
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
