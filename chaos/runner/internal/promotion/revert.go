package promotion

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/attest"
)

// ErrNoPromotion is returned when the last change of an environment is not a promotion, so
// that there is nothing to revert.
var ErrNoPromotion = errors.New("the last change is not a promotion")

// squashed is what Azure DevOps and GitHub add to the title of a pull request that they merge
// as one commit.
var squashed = regexp.MustCompile(`^Merged PR [0-9]+: | \(#[0-9]+\)$`)

// Promoted is the last promotion of an environment.
type Promoted struct {
	Environment string
	Commit      string
	Title       string
	// At is when it reached the branch: a pull request may have been open for days.
	At time.Time
	// Before is the content of the environment's pair.yaml before the promotion.
	Before []byte
}

// LastPromotion finds the last promotion of an environment on the branch at base. The error
// wraps ErrNoPromotion.
func (r Repository) LastPromotion(ctx context.Context, base, environment string) (Promoted, error) {
	p := Promoted{Environment: environment}
	file := PairFile(environment)
	last, err := r.git(ctx, nil, nil, "log", "-1", "--format=%H %s", "--end-of-options", base, "--", file)
	if err != nil {
		return p, err
	}
	if last == "" {
		return p, fmt.Errorf("%w: no commit changed %s", ErrNoPromotion, file)
	}
	p.Commit, p.Title, _ = strings.Cut(last, " ")
	if title := squashed.ReplaceAllString(p.Title, ""); !strings.HasPrefix(title, titleBegins) || !strings.HasSuffix(title, titleEnds(environment)) {
		return p, fmt.Errorf("%w: %s changed %s last, with %q", ErrNoPromotion, attest.Short(p.Commit), file, p.Title)
	}
	got, err := r.git(ctx, nil, nil, "log", "-1", "--first-parent", "--format=%ct", "--end-of-options", base, "--", file)
	if err != nil {
		return p, err
	}
	seconds, err := strconv.ParseInt(got, 10, 64)
	if err != nil {
		return p, fmt.Errorf("%w: the time of %s: %w", ErrGit, p.Commit, err)
	}
	p.At = time.Unix(seconds, 0)
	before, err := r.git(ctx, nil, nil, "cat-file", "blob", p.Commit+"^:"+file)
	p.Before = []byte(before + "\n")
	return p, err
}

// Page is a burn-rate alert that began to fire after a promotion.
type Page struct {
	Alert, SLO string
	At         time.Time
}

// Revert is the proposal to revert the last promotion of an environment.
type Revert struct {
	Promoted
	Pages []Page // why; at least one
}

// Title is the first line of the commit, as `git revert` writes it.
func (r Revert) Title() string { return fmt.Sprintf("Revert %q", r.Promoted.Title) }

// Body is the rest of the commit's message, and that of a pull request, in Markdown.
func (r Revert) Body() string {
	var b strings.Builder
	fmt.Fprintf(&b, "This reverts commit %s.\n\nAfter it reached the branch at %s, these pages began to fire:\n\n", r.Commit, r.At.UTC().Format(time.RFC3339))
	for _, p := range r.Pages {
		fmt.Fprintf(&b, "- %s of %s: fired at %s, %s later\n", p.Alert, p.SLO, p.At.UTC().Format(time.RFC3339), p.At.Sub(r.At).Round(time.Second))
	}
	b.WriteString("\nNobody has checked yet whether the promotion was the cause. A revert needs no verdict.\n")
	return b.String()
}

// Branch is the one on which the revert is proposed: the same for the same promotion.
func (r Revert) Branch() string {
	return "rollback/" + r.Environment + "-" + attest.Short(r.Commit)
}

// Propose makes the commit with the previous pair on top of base. No ref points to it yet.
func (r Repository) Propose(ctx context.Context, base string, back Revert) (string, error) {
	tree, err := r.Tree(ctx, base, PairFile(back.Environment), back.Before)
	if err != nil {
		return "", err
	}
	return r.Commit(ctx, tree, base, back.Title()+"\n\n"+back.Body())
}
