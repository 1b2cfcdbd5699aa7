package argocd

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/tests/gitrepo"
)

// history is a repository in which an environment was changed, one commit a text.
type history struct {
	t   *testing.T
	dir string
}

const pairOfProd = "platform/argocd/environments/prod/pair.yaml"

func newHistory(t *testing.T) history {
	t.Helper()
	gitrepo.Isolate(t)
	h := history{t, t.TempDir()}
	h.git("init", "--quiet", "--initial-branch=main")
	return h
}

func (h history) git(args ...string) string {
	h.t.Helper()
	return gitrepo.Git(h.t, h.dir, args...)
}

func (h history) change(file, text, subject string) {
	h.t.Helper()
	if err := os.MkdirAll(filepath.Dir(filepath.Join(h.dir, file)), 0o700); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.dir, file), []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.git("add", "--all")
	h.git("commit", "--quiet", "--message="+subject)
}

func (h history) rollback(args ...string) (string, bool) {
	h.t.Helper()
	makefile, err := filepath.Abs("../../Makefile")
	if err != nil {
		h.t.Fatal(err)
	}
	cmd := exec.CommandContext(h.t.Context(), "make", append([]string{"--file=" + makefile, "rollback"}, args...)...)
	cmd.Dir = h.dir
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err == nil
}

func TestARollbackIsOneRevertOfTheLastPromotion(t *testing.T) {
	h := newHistory(t)
	h.change(pairOfProd, "none\n", "Add prod")
	if out, ok := h.rollback("ENV=prod"); ok || !strings.Contains(out, `is not a promotion but "Add prod"`) {
		t.Errorf("before any promotion: %s", out)
	}
	h.change(pairOfProd, "one\n", "Promote 0123456789ab to prod")
	h.change(pairOfProd, "two\n", "Promote 89abcdef0123 to prod")
	h.change("another", "file\n", "Change something else")
	if out, ok := h.rollback("ENV=prod"); !ok {
		t.Fatal(out)
	}
	text, err := os.ReadFile(filepath.Join(h.dir, pairOfProd))
	if err != nil || string(text) != "one\n" {
		t.Errorf("prod has %q: %v", text, err)
	}
	if changed := h.git("diff", "--name-only", "HEAD~1", "HEAD"); changed != pairOfProd {
		t.Errorf("it changed %q", changed)
	}
	// Once more would bring back what was taken back.
	if out, ok := h.rollback("ENV=prod"); ok || !strings.Contains(out, "is not a promotion but") {
		t.Errorf("again: %s", out)
	}
	for _, args := range [][]string{nil, {"ENV=moon"}} {
		if out, ok := h.rollback(args...); ok {
			t.Errorf("%q: %s", args, out)
		}
	}
}

// `make rollback` is plain git, and takes for a promotion what `ballast rollback` does: both
// are held to one file.
func TestARollbackFindsPromotionsThatWereSquashed(t *testing.T) {
	text, err := os.ReadFile("../../chaos/runner/internal/promotion/testdata/titles.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name, Title string
		Promotion   bool
	}
	if err := json.Unmarshal(text, &cases); err != nil || len(cases) == 0 {
		t.Fatalf("%d cases: %v", len(cases), err)
	}
	for _, tc := range cases {
		t.Run(tc.Name, func(t *testing.T) {
			h := newHistory(t)
			h.change(pairOfProd, "none\n", "Add prod")
			h.change(pairOfProd, "one\n", tc.Title)
			out, ok := h.rollback("ENV=prod")
			if ok != tc.Promotion || !ok && !strings.Contains(out, "is not a promotion but") {
				t.Errorf("%v: %s", ok, out)
			}
			want := map[bool]string{true: "none\n", false: "one\n"}[tc.Promotion]
			if text, err := os.ReadFile(filepath.Join(h.dir, pairOfProd)); err != nil || string(text) != want {
				t.Errorf("prod has %q, want %q: %v", text, want, err)
			}
		})
	}
}
