package promotion

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/tests/gitrepo"
)

// promoted is a repository to whose prod two pairs were promoted.
func promoted(t *testing.T) Repository {
	t.Helper()
	r := newRepository(t)
	change(t, r, PairFile("prod"), "none\n", "Add prod")
	change(t, r, PairFile("prod"), "one\n", "Promote 0123456789ab to prod")
	change(t, r, PairFile("prod"), "two\n", "Promote 89abcdef0123 to prod")
	change(t, r, "other.yaml", "changed\n", "Change something else")
	return r
}

func change(t *testing.T, r Repository, file, text, subject string) {
	t.Helper()
	at := filepath.Join(r.Dir, file)
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	gitrepo.Git(t, r.Dir, "add", "--all")
	gitrepo.Git(t, r.Dir, "commit", "--quiet", "--message="+subject)
}

func TestTheLastPromotionIsTakenBackOnABranch(t *testing.T) {
	r := promoted(t)
	base, err := r.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.LastPromotion(t.Context(), base, "prod")
	if err != nil || p.Title != "Promote 89abcdef0123 to prod" || string(p.Before) != "one\n" || time.Since(p.At) > time.Hour {
		t.Fatalf("%+v: %v", p, err)
	}
	back := Revert{p, []Page{{"MonitorAvailabilityBudgetBurn", "monitor-availability", p.At.Add(90 * time.Second)}}}
	commit, err := r.Propose(t.Context(), base, back)
	if err != nil {
		t.Fatal(err)
	}
	if got := gitrepo.Git(t, r.Dir, "diff", "--name-only", base, commit); got != PairFile("prod") {
		t.Errorf("it changes %q", got)
	}
	if got := gitrepo.Git(t, r.Dir, "show", commit+":"+PairFile("prod")); got != "one" {
		t.Errorf("prod has %q then", got)
	}
	message := gitrepo.Git(t, r.Dir, "log", "-1", "--format=%B", commit)
	for _, want := range []string{`Revert "Promote 89abcdef0123 to prod"`, "This reverts commit " + p.Commit, "- MonitorAvailabilityBudgetBurn of monitor-availability: fired at ", "1m30s later"} {
		if !strings.Contains(message, want) {
			t.Errorf("%q is not said:\n%s", want, message)
		}
	}
	if got := gitrepo.Git(t, r.Dir, "branch", "--all", "--contains", commit); got != "" || back.Branch() != "rollback/prod-"+p.Commit[:12] {
		t.Errorf("it is on %q, meant for %s", got, back.Branch())
	}
	// What was taken back is not taken back again.
	gitrepo.Git(t, r.Dir, "reset", "--quiet", "--hard", commit)
	if _, err := r.LastPromotion(t.Context(), commit, "prod"); !errors.Is(err, ErrNoPromotion) || !strings.Contains(err.Error(), "Revert") {
		t.Errorf("%v", err)
	}
}

// A pull request may have waited: what counts is when its merge reached the branch.
func TestAPromotionThatWasMergedBeganWhenItWas(t *testing.T) {
	r := newRepository(t)
	change(t, r, PairFile("prod"), "none\n", "Add prod")
	gitrepo.Git(t, r.Dir, "checkout", "--quiet", "-b", "promotion/prod-x")
	t.Setenv("GIT_COMMITTER_DATE", "2020-01-01T00:00:00Z")
	change(t, r, PairFile("prod"), "one\n", "Promote 0123456789ab to prod")
	gitrepo.Git(t, r.Dir, "checkout", "--quiet", "main")
	t.Setenv("GIT_COMMITTER_DATE", "2020-01-03T00:00:00Z")
	gitrepo.Git(t, r.Dir, "merge", "--quiet", "--no-ff", "--message=Merge a pull request", "promotion/prod-x")
	head, err := r.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.LastPromotion(t.Context(), head, "prod")
	if want := time.Date(2020, 1, 3, 0, 0, 0, 0, time.UTC); err != nil || !p.At.Equal(want) || p.Title != "Promote 0123456789ab to prod" || string(p.Before) != "none\n" {
		t.Errorf("%+v: %v", p, err)
	}
}

// A pull request that is squashed has the number of the pull request in its title. `make
// rollback`, which is plain git, is held to the same file by a test in platform/argocd.
func TestASquashedPromotionIsFound(t *testing.T) {
	text, err := os.ReadFile("testdata/titles.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name, Title string
		Promotion   bool
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	for _, tc := range cases {
		t.Run(tc.Name, func(t *testing.T) {
			r := newRepository(t)
			change(t, r, PairFile("prod"), "none\n", "Add prod")
			change(t, r, PairFile("prod"), "one\n", tc.Title)
			head, err := r.Head(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			p, err := r.LastPromotion(t.Context(), head, "prod")
			if tc.Promotion && (err != nil || string(p.Before) != "none\n" || p.Title != tc.Title) {
				t.Errorf("%+v: %v", p, err)
			}
			if !tc.Promotion && !errors.Is(err, ErrNoPromotion) {
				t.Errorf("%+v: %v, want ErrNoPromotion", p, err)
			}
		})
	}
}

func TestWhatIsNoPromotionIsNotTakenBack(t *testing.T) {
	r := promoted(t)
	change(t, r, PairFile("staging"), "x\n", "Promote 0123456789ab to prod")
	head, err := r.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for environment, says := range map[string]string{"dev": "no commit changed", "staging": `with "Promote 0123456789ab to prod"`} {
		if _, err := r.LastPromotion(t.Context(), head, environment); !errors.Is(err, ErrNoPromotion) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", environment, err)
		}
	}
}
