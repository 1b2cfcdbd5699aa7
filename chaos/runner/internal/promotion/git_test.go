package promotion

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/tests/gitrepo"
)

// newRepository has one commit with two files.
func newRepository(t *testing.T) Repository {
	t.Helper()
	gitrepo.Isolate(t)
	dir := t.TempDir()
	gitrepo.Git(t, dir, "init", "--quiet", "--initial-branch=main")
	for name, text := range map[string]string{"pair.yaml": "old\n", "other.yaml": "other\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	gitrepo.Git(t, dir, "add", ".")
	gitrepo.Git(t, dir, "commit", "--quiet", "--message=first")
	return Repository{dir}
}

// proposed makes a commit that nothing refers to.
func proposed(ctx context.Context, t *testing.T, r Repository, text string) (base, commit string) {
	t.Helper()
	base, err := r.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := r.Tree(ctx, base, "pair.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if commit, err = r.Commit(ctx, tree, base, "Promote\n\nBody\n"); err != nil {
		t.Fatal(err)
	}
	return base, commit
}

func TestACommitChangesOneFileAndNothingBeforeItsBranchMoves(t *testing.T) {
	r := newRepository(t)
	if err := os.WriteFile(filepath.Join(r.Dir, "other.yaml"), []byte("being edited\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	base, commit := proposed(t.Context(), t, r, "new\n")
	if got := gitrepo.Git(t, r.Dir, "status", "--porcelain"); got != "M other.yaml" {
		t.Errorf("before: %q", got)
	}
	if got := gitrepo.Git(t, r.Dir, "diff", "--name-only", base, commit); got != "pair.yaml" {
		t.Errorf("it changes %q", got)
	}
	if err := r.Advance(t.Context(), base, commit); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(r.Dir, "pair.yaml"))
	if err != nil || string(text) != "new\n" || gitrepo.Git(t, r.Dir, "status", "--porcelain") != "M other.yaml" {
		t.Errorf("after: %q, %q: %v", text, gitrepo.Git(t, r.Dir, "status", "--porcelain"), err)
	}
}

func TestAFileThatIsBeingEditedIsNotOverwritten(t *testing.T) {
	r := newRepository(t)
	if err := os.WriteFile(filepath.Join(r.Dir, "pair.yaml"), []byte("being edited\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	base, commit := proposed(t.Context(), t, r, "new\n")
	if err := r.Advance(t.Context(), base, commit); !errors.Is(err, ErrGit) || !strings.Contains(err.Error(), "pair.yaml") {
		t.Errorf("%v", err)
	}
	if text, err := os.ReadFile(filepath.Join(r.Dir, "pair.yaml")); err != nil || string(text) != "being edited\n" {
		t.Errorf("%q %v", text, err)
	}
	if head, err := r.Head(t.Context()); err != nil || head != base {
		t.Errorf("the branch is at %s: %v", head, err)
	}
}

// Of two promotions at once one loses, and nothing of it is left on any branch.
func TestWhoIsOvertakenIsTold(t *testing.T) {
	for name, publish := range map[string]func(Repository, *testing.T, string, string) error{
		"on the branch that is checked out": func(r Repository, t *testing.T, base, commit string) error {
			return r.Advance(t.Context(), base, commit)
		},
		"on the branch of a remote": func(r Repository, t *testing.T, base, commit string) error {
			return r.Push(t.Context(), "origin", "main", base, commit)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepository(t)
			remote := t.TempDir()
			gitrepo.Git(t, remote, "init", "--quiet", "--bare", "--initial-branch=main")
			gitrepo.Git(t, r.Dir, "remote", "add", "origin", remote)
			gitrepo.Git(t, r.Dir, "push", "--quiet", "origin", "main")
			base, first := proposed(t.Context(), t, r, "first\n")
			_, second := proposed(t.Context(), t, r, "second\n")
			if err := publish(r, t, base, first); err != nil {
				t.Fatal(err)
			}
			if err := publish(r, t, base, second); !errors.Is(err, ErrOvertaken) || !strings.Contains(err.Error(), first) {
				t.Errorf("%v", err)
			}
			if got := gitrepo.Git(t, r.Dir, "branch", "--all", "--contains", second); got != "" {
				t.Errorf("the loser's commit is on %q", got)
			}
		})
	}
}

func TestABranchForAPullRequestIsMadeOnce(t *testing.T) {
	r := newRepository(t)
	_, first := proposed(t.Context(), t, r, "first\n")
	_, second := proposed(t.Context(), t, r, "second\n")
	for _, commit := range []string{first, second} {
		if got, err := r.Branch(t.Context(), "promotion/prod-x", commit); err != nil || got != first {
			t.Errorf("it is at %s: %v", got, err)
		}
	}
}

func TestWhatIsPromotedWasMerged(t *testing.T) {
	r := newRepository(t)
	base, commit := proposed(t.Context(), t, r, "new\n")
	for name, tc := range map[string]struct{ commit, says string }{
		"what is at the branch":     {base, ""},
		"what is beside the branch": {commit, "merge it first"},
		"what nobody has":           {oneRevision, "is not in this repository"},
	} {
		err := r.Has(t.Context(), tc.commit, base)
		if tc.says == "" && err != nil || tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFilesOfACommitAreThoseOfNoWorkingTree(t *testing.T) {
	r := newRepository(t)
	head, err := r.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.Dir, "pair.yaml"), []byte("being edited\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := r.Extract(t.Context(), head, dir); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "pair.yaml")); err != nil || string(text) != "old\n" {
		t.Errorf("%q %v", text, err)
	}
}
