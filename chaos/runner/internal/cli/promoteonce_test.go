package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// Of two promotions at once, one moves the branch; the other has left nothing.
func TestOfTwoPromotionsAtOnceOneIsTold(t *testing.T) {
	s := newCheckout(t)
	s.attest(s.passed(nil))
	remote := t.TempDir()
	s.git("init", "--quiet", "--bare", "--initial-branch=main", remote)
	s.git("remote", "add", "origin", remote)
	s.git("push", "--quiet", "origin", "main")
	// The program of the first is slow: the other promotes while it looks.
	s.write("slow", fmt.Sprintf("#!/bin/sh\ncd %q && git commit --quiet --allow-empty --message=faster && git push --quiet origin HEAD:main\n", s.dir))
	if err := os.Chmod(filepath.Join(s.dir, "slow"), 0o700); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := s.toProd("--push", "origin", "--changes", "slow")
	if code != 3 || !strings.Contains(errOut, "nothing was changed: somebody was faster: main of origin is at") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
	if got := s.git("log", "--format=%s", "-1", "origin/main"); got != "faster" {
		t.Errorf("the branch is at %q", got)
	}
	if code, out, errOut := s.toProd("--push", "origin"); code != exitOK {
		t.Errorf("again: exit %d: %s%s", code, out, errOut)
	}
	s.git("fetch", "--quiet", "origin")
	if got := s.git("log", "--format=%s", "-1", "origin/main"); got != "Promote "+s.pair.Revision[:12]+" to prod" {
		t.Errorf("the branch is at %q", got)
	}
}

// Several at once, each in a checkout of its own as pipelines have it.
func TestPromotionsAtOnceLeaveWholeOnesAlone(t *testing.T) {
	s := newCheckout(t)
	s.attest(s.passed(nil))
	digest := s.pair.Images["monitor"]
	remote := t.TempDir()
	s.git("init", "--quiet", "--bare", "--initial-branch=main", remote)
	s.git("push", "--quiet", remote, "main")
	before := s.git("rev-parse", "main")
	const several = 4
	codes := make(chan int, several)
	var g errgroup.Group
	for i := range several {
		dir := t.TempDir()
		s.git("clone", "--quiet", remote, dir)
		args := []string{"promote", "--root", dir, "--registry", s.registry, "--changes", "changes", "--push", "origin", "--from", "staging", "--to", "prod"}
		if i%2 == 1 {
			args = append(args[:len(args)-4], "--to", "dev", "--revision", s.pair.Revision, "--image", "monitor="+digest)
		}
		g.Go(func() error {
			code, _, _ := call(args...)
			codes <- code
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	close(codes)
	won := 0
	for code := range codes {
		switch code {
		case exitOK:
			won++
		case result.Inconclusive.Exit():
		default:
			t.Errorf("exit %d", code)
		}
	}
	s.git("fetch", "--quiet", remote, "main")
	made := strings.Fields(s.git("log", "--format=%h", before+"..FETCH_HEAD"))
	if won == 0 || len(made) == 0 || len(made) > won {
		t.Errorf("%d promotions ended well and made %d commits", won, len(made))
	}
	for _, commit := range made {
		if changed := s.git("diff-tree", "--no-commit-id", "--name-only", "-r", commit); !strings.HasSuffix(changed, "/pair.yaml") || strings.Contains(changed, "\n") {
			t.Errorf("%s changed %q", commit, changed)
		}
	}
}

func TestARemoteThatIsNotThereChangesNothing(t *testing.T) {
	s := newCheckout(t)
	s.attest(s.passed(nil))
	if code, out, errOut := s.toProd("--push", filepath.Join(s.dir, "nowhere")); code != 3 || !strings.Contains(errOut, "nothing was changed: the remote cannot be asked, or refuses") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
	remote := t.TempDir()
	s.git("init", "--quiet", "--bare", "--initial-branch=main", remote)
	if code, out, errOut := s.toProd("--push", remote); code != 3 || !strings.Contains(errOut, "has no branch main") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
}
