package promotion

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The errors of a repository.
var (
	// ErrOvertaken is returned when the branch is no longer where the promotion began.
	ErrOvertaken = errors.New("somebody was faster")
	// ErrRemote is returned when a remote does not answer, or refuses.
	ErrRemote = errors.New("the remote cannot be asked, or refuses")
	// ErrGit is returned for all else that git says.
	ErrGit = errors.New("git")
)

// Repository is a checkout in which promotions are made. Commits are made beside its
// working tree and index: until a branch moves, at once and as a whole, nothing has
// changed.
type Repository struct {
	Dir string
}

// git runs a command and returns what it prints.
func (r Repository) git(ctx context.Context, env []string, in []byte, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...) //nolint:gosec // The arguments are ours, and git's own names.
	cmd.Dir = r.Dir
	// Whatever asks for a password on a terminal would wait for ever in a pipeline.
	cmd.Env = append(append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "LC_ALL=C"), env...)
	cmd.Stdin = bytes.NewReader(in)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		said := strings.TrimSpace(errOut.String())
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return "", fmt.Errorf("%w %s: %w: %s", ErrGit, args[0], err, said)
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// Head is the commit that is checked out.
func (r Repository) Head(ctx context.Context) (string, error) {
	return r.git(ctx, nil, nil, "rev-parse", "--verify", "--end-of-options", "HEAD^{commit}")
}

// Fetch brings a branch of a remote and returns its commit. It writes no ref, so that two
// may do it at once in one checkout. The error wraps ErrRemote.
func (r Repository) Fetch(ctx context.Context, remote, branch string) (string, error) {
	commit, err := r.RemoteBranch(ctx, remote, branch)
	if err == nil && commit == "" {
		err = fmt.Errorf("%w: %s has no branch %s", ErrRemote, remote, branch)
	}
	if err != nil {
		return "", err
	}
	if _, err := r.git(ctx, nil, nil, "fetch", "--quiet", "--no-write-fetch-head", "--end-of-options", remote, "refs/heads/"+branch); err != nil {
		return "", fmt.Errorf("%w: %w", ErrRemote, err)
	}
	return r.git(ctx, nil, nil, "rev-parse", "--verify", "--end-of-options", commit+"^{commit}")
}

// Has is nil when a commit is part of what a branch at base holds: what is promoted was
// merged.
func (r Repository) Has(ctx context.Context, commit, base string) error {
	if _, err := r.git(ctx, nil, nil, "cat-file", "-e", commit+"^{commit}"); err != nil {
		return fmt.Errorf("revision %s is not in this repository; fetch it, or name one that was pushed", commit)
	}
	if _, err := r.git(ctx, nil, nil, "merge-base", "--is-ancestor", commit, base); err != nil {
		return fmt.Errorf("revision %s is not part of the branch at %s; merge it first", commit, base)
	}
	return nil
}

// Extract writes the files of a commit into an empty directory.
func (r Repository) Extract(ctx context.Context, commit, dir string) error {
	index := []string{"GIT_INDEX_FILE=" + filepath.Join(dir, ".index")}
	if _, err := r.git(ctx, index, nil, "read-tree", commit); err != nil {
		return err
	}
	_, err := r.git(ctx, index, nil, "checkout-index", "--all", "--quiet", "--prefix="+dir+string(filepath.Separator))
	return err
}

// Tree makes the tree of a commit with one file replaced, and returns its name. Nothing
// refers to it yet.
func (r Repository) Tree(ctx context.Context, base, file string, data []byte) (string, error) {
	dir, err := os.MkdirTemp("", "ballast-promote-")
	if err != nil {
		return "", fmt.Errorf("make a directory for the index: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // It is in the system's place for what is temporary.
	index := []string{"GIT_INDEX_FILE=" + filepath.Join(dir, "index")}
	if _, err := r.git(ctx, index, nil, "read-tree", base); err != nil {
		return "", err
	}
	blob, err := r.git(ctx, nil, data, "hash-object", "-w", "--stdin")
	if err != nil {
		return "", err
	}
	if _, err := r.git(ctx, index, nil, "update-index", "--add", "--cacheinfo", "100644,"+blob+","+file); err != nil {
		return "", err
	}
	return r.git(ctx, index, nil, "write-tree")
}

// Commit makes a commit of a tree. Nothing refers to it yet.
func (r Repository) Commit(ctx context.Context, tree, parent, message string) (string, error) {
	return r.git(ctx, nil, []byte(message), "commit-tree", tree, "-p", parent)
}

// Advance moves the branch that is checked out, and the files of the working tree with it.
// The error wraps ErrOvertaken when it was moved meanwhile.
func (r Repository) Advance(ctx context.Context, base, commit string) error {
	_, err := r.git(ctx, nil, nil, "merge", "--quiet", "--ff-only", commit)
	if err == nil {
		return nil
	}
	if now, headErr := r.Head(ctx); headErr == nil && now != base {
		return fmt.Errorf("%w: the branch is at %s, and the promotion began at %s: %w", ErrOvertaken, now, base, err)
	}
	return err
}

// Push moves a branch of a remote. The error wraps ErrOvertaken when that is no longer
// where it was fetched from: base is a commit, or empty for a branch that must not be there.
func (r Repository) Push(ctx context.Context, remote, branch, base, commit string) error {
	ref := "refs/heads/" + branch
	// Without force: with the base given, the remote compares and moves in one step.
	_, err := r.git(ctx, nil, nil, "push", "--quiet", "--force-with-lease="+ref+":"+base, remote, commit+":"+ref)
	if err == nil {
		return nil
	}
	now, askErr := r.RemoteBranch(ctx, remote, branch)
	if askErr == nil && now != base {
		return fmt.Errorf("%w: %s of %s is at %s: %w", ErrOvertaken, branch, remote, now, err)
	}
	return fmt.Errorf("%w: %w", ErrRemote, err)
}

// RemoteBranch is the commit of a branch of a remote; empty: there is none. The error wraps
// ErrRemote.
func (r Repository) RemoteBranch(ctx context.Context, remote, branch string) (string, error) {
	out, err := r.git(ctx, nil, nil, "ls-remote", "--end-of-options", remote, "refs/heads/"+branch)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrRemote, err)
	}
	commit, _, _ := strings.Cut(out, "\t")
	return commit, nil
}

// Branch makes a branch of this repository and returns its commit: the one given, or that
// which a branch of this name has already.
func (r Repository) Branch(ctx context.Context, name, commit string) (string, error) {
	ref := "refs/heads/" + name
	_, err := r.git(ctx, nil, nil, "update-ref", ref, commit, strings.Repeat("0", len(commit)))
	if err == nil {
		return commit, nil
	}
	if there, refErr := r.git(ctx, nil, nil, "rev-parse", "--verify", "--quiet", ref); refErr == nil {
		return there, nil
	}
	return "", err
}
