package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// WriteDeploy changes the deploy repository: change gets a work tree, and what it
// leaves there is committed. It returns the commits before and after; they are equal
// when nothing was changed, and before is empty when there was none. One caller at a
// time, also of several processes: others wait.
func (s *Server) WriteDeploy(ctx context.Context, message string, change func(tree string) error) (before, after string, err error) {
	if err := s.Create(ctx, Deploy); err != nil {
		return "", "", fmt.Errorf("deploy repository: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(s.Path(Deploy), "ballast.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", "", fmt.Errorf("deploy repository: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", "", fmt.Errorf("deploy repository: lock: %w", err)
	}
	tree, err := os.MkdirTemp(s.cfg.Dir, ".deploy-")
	if err != nil {
		return "", "", fmt.Errorf("deploy repository: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tree)) }()
	git := func(args ...string) (string, error) {
		out, err := command(ctx, tree, append([]string{"-c", "user.name=builder", "-c", "user.email=builder@ballast.invalid"}, args...)...)
		if err != nil {
			err = fmt.Errorf("deploy repository: %w: %s", err, out)
		}
		return out, err
	}
	if _, err := git("clone", "--quiet", s.Path(Deploy), "."); err != nil {
		return "", "", err
	}
	if before, err = git("rev-parse", "--verify", "--quiet", "HEAD"); err != nil {
		before = "" // the first commit
	}
	if err := change(tree); err != nil {
		return "", "", fmt.Errorf("deploy repository: %w", err)
	}
	if _, err := git("add", "--all"); err != nil {
		return "", "", err
	}
	if out, err := git("status", "--porcelain"); err != nil || out == "" {
		return before, before, err
	}
	if _, err := git("commit", "--quiet", "--message", message); err != nil {
		return "", "", err
	}
	if _, err := git("push", "--quiet", "origin", "HEAD:refs/heads/main"); err != nil {
		return "", "", err
	}
	after, err = git("rev-parse", "HEAD")
	return before, after, err
}
