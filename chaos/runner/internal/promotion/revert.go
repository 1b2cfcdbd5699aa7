package promotion

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/attest"
)

// ErrNoPromotion is returned when the last change of an environment is none: there is
// nothing that could be taken back.
var ErrNoPromotion = errors.New("the last change is no promotion")

// Promoted is the last promotion of an environment.
type Promoted struct {
	Environment string
	Commit      string
	Title       string
	// At is when the branch got it: a pull request may have waited for days.
	At time.Time
	// Before is the environment's pair as its file had it.
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
	if !strings.HasPrefix(p.Title, titleBegins) || !strings.HasSuffix(p.Title, titleEnds(environment)) {
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

// Page is an alert that began to burn a budget after a promotion.
type Page struct {
	Alert, SLO string
	At         time.Time
}

// Revert takes the last promotion of an environment back.
type Revert struct {
	Promoted
	Pages []Page // why; at least one
}

// Title is the first line of the commit, as `git revert` writes it.
func (r Revert) Title() string { return fmt.Sprintf("Revert %q", r.Promoted.Title) }

// Body is the rest of the commit's message, and that of a pull request, in Markdown.
func (r Revert) Body() string {
	var b strings.Builder
	fmt.Fprintf(&b, "This reverts commit %s.\n\nAfter it reached the branch at %s, budgets began to burn:\n\n", r.Commit, r.At.UTC().Format(time.RFC3339))
	for _, p := range r.Pages {
		fmt.Fprintf(&b, "- %s of %s: fired at %s, %s later\n", p.Alert, p.SLO, p.At.UTC().Format(time.RFC3339), p.At.Sub(r.At).Round(time.Second))
	}
	b.WriteString("\nWhether the promotion was the cause, nobody has looked at yet. Going back asks for no verdict.\n")
	return b.String()
}

// Branch is the one on which the revert is proposed: the same for the same promotion.
func (r Revert) Branch() string {
	return "rollback/" + r.Environment + "-" + attest.Short(r.Commit)
}

// Propose makes the commit on the branch at base, with the pair of before. Nothing refers to
// it yet.
func (r Repository) Propose(ctx context.Context, base string, back Revert) (string, error) {
	tree, err := r.Tree(ctx, base, PairFile(back.Environment), back.Before)
	if err != nil {
		return "", err
	}
	return r.Commit(ctx, tree, base, back.Title()+"\n\n"+back.Body())
}
