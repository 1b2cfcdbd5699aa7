//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// TestManyPushes pushes faster than anything can be rolled out, as one who is in a hurry
// does and as a team does: no push is lost, and what runs in the end is the last one.
func TestManyPushes(t *testing.T) {
	skipUnless(t, on.deploys != nil, "somewhere to push to: -remote")
	on.deploys.owed(t.Context(), t)
	stamp := random("stamp")
	feature(t, "many pushes",
		check{"of 20 in a row the last one serves", func(ctx context.Context, t *testing.T) {
			const times = 20
			last := strconv.Itoa(times-1) + "-" + stamp
			var commit string
			began := time.Now()
			for i := range times {
				on.deploys.restoreFile(ctx, t, monitorFile)
				on.deploys.values(t, fmt.Sprintf("podAnnotations: {ballast.dev/row: %d-%s}", i, stamp))
				commit, _ = on.deploys.push(ctx, t, fmt.Sprintf("Push %d in a row", i))
			}
			pushed := time.Since(began)
			took := awaitAnnotations(ctx, t, map[string]string{"ballast.dev/row": last})
			awaitDeployed(ctx, t, commit, time.Minute)
			t.Logf("%d pushes took %.1f s, the last one served %.1f s after the end", times, pushed.Seconds(), took.Seconds())
		}},
		check{"of 5 at once none is lost, and what all of them say serves", func(ctx context.Context, t *testing.T) {
			const people = 5
			want := map[string]string{}
			tries := make([]int, people)
			group, pushing := errgroup.WithContext(ctx)
			for i := range people {
				name := "ballast.dev/person-" + strconv.Itoa(i)
				want[name] = stamp
				c := on.deploys.beside(ctx, t)
				group.Go(func() (err error) {
					tries[i], err = c.pushOver(pushing, name, stamp)
					return err
				})
			}
			if err := group.Wait(); err != nil {
				t.Fatal(err)
			}
			took := awaitAnnotations(ctx, t, want)
			commit, err := on.deploys.follow(ctx)
			if err != nil {
				t.Fatal(err)
			}
			awaitDeployed(ctx, t, commit, time.Minute)
			t.Logf("tries of each: %v; all served %.1f s after the last push", tries, took.Seconds())
			if log, err := on.deploys.git(ctx, "log", "--format=%s", "-"+strconv.Itoa(people)); err != nil || strings.Count(log, stamp) != people {
				t.Errorf("the last %d commits are %q, %v; want one of each person", people, log, err)
			}
		}},
	)
}

// awaitAnnotations blocks until every pod of the monitor is ready and has annotations.
func awaitAnnotations(ctx context.Context, t *testing.T, want map[string]string) time.Duration {
	t.Helper()
	return await(ctx, t, 2*time.Minute, fmt.Sprintf("ready pods with the annotations %v", want), func(ctx context.Context) (bool, string) {
		all := pods(ctx, t, monitorNamespace, monitorPods)
		fine := len(all) == 3
		var seen []string
		for _, p := range all {
			fine = fine && ready(p)
			for name, value := range want {
				fine = fine && p.Annotations[name] == value
			}
			seen = append(seen, fmt.Sprintf("%s ready=%t %v", p.Name, ready(p), p.Annotations))
		}
		return fine, strings.Join(seen, ", ")
	})
}

// beside is a work tree of another person, which pushes with the same credential.
func (c *checkout) beside(ctx context.Context, t *testing.T) *checkout {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tree")
	if _, err := c.git(ctx, "worktree", "add", "--quiet", "--detach", dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := c.git(context.WithoutCancel(ctx), "worktree", "remove", "--force", dir); err != nil {
			t.Error(err)
		}
	})
	return &checkout{dir: dir, remote: c.remote, base: c.base}
}

// follow makes the checkout what is on the server, and returns that commit.
func (c *checkout) follow(ctx context.Context) (string, error) {
	// FETCH_HEAD is that of the work tree alone.
	for _, args := range [][]string{{"fetch", "--quiet", c.remote, "main"}, {"reset", "--quiet", "--hard", "FETCH_HEAD"}} {
		if _, err := c.git(ctx, args...); err != nil {
			return "", err
		}
	}
	return c.git(ctx, "rev-parse", "HEAD")
}

// pushOver adds an annotation to what is on the server, and pushes it; when somebody was
// faster, once more on top of that. It returns how many times it pushed.
func (c *checkout) pushOver(ctx context.Context, name, value string) (tries int, err error) {
	const enough = 20
	for tries = 1; ; tries++ {
		if _, err := c.follow(ctx); err != nil {
			return tries, err
		}
		if err := annotate(filepath.Join(c.dir, monitorFile), name, value); err != nil {
			return tries, err
		}
		if _, err := c.git(ctx, "commit", "--quiet", "--all", "--message", name+": "+value); err != nil {
			return tries, err
		}
		answer, err := c.git(ctx, "push", c.remote, "HEAD:main")
		faster := slices.ContainsFunc([]string{"non-fast-forward", "fetch first", "cannot lock ref", "failed to update ref"}, func(s string) bool {
			return strings.Contains(answer, s)
		})
		if err == nil || !faster || tries == enough {
			return tries, err
		}
	}
}

// annotate adds an annotation for the monitor's pods to its application.
func annotate(file, name, value string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	const own, values = "podAnnotations: {", "        valuesObject:\n"
	added := name + ": " + value
	changed := strings.Replace(string(text), own, own+added+", ", 1)
	if !strings.Contains(changed, added) {
		changed = strings.Replace(string(text), values, values+"          "+own+added+"}\n", 1)
	}
	if !strings.Contains(changed, added) {
		return fmt.Errorf("%s has no %q: the test has to follow the file", file, values)
	}
	return os.WriteFile(file, []byte(changed), 0o600)
}
