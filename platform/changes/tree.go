package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// repository writes trees of git into directories.
type repository struct {
	dir string // a checkout
}

func (r repository) git(ctx context.Context, env []string, in []byte, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", args...) //nolint:gosec // The arguments are ours, and names that git checks.
	cmd.Dir = r.dir
	cmd.Env = append(append(os.Environ(), "LC_ALL=C"), env...)
	cmd.Stdin = bytes.NewReader(in)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(errOut.String()))
	}
	return out.Bytes(), nil
}

// extract writes the files of a tree, or of a commit, that lie below the paths, into an
// empty directory. The error wraps errInvalid when git does not know the tree.
func (r repository) extract(ctx context.Context, tree, dir string, paths ...string) error {
	name, err := r.git(ctx, nil, nil, "rev-parse", "--verify", "--quiet", "--end-of-options", tree+"^{tree}")
	if err != nil {
		return fmt.Errorf("%w: there is no commit or tree %q in %s; fetch it", errInvalid, tree, r.dir)
	}
	index := []string{"GIT_INDEX_FILE=" + filepath.Join(dir, ".index")}
	if _, err := r.git(ctx, index, nil, "read-tree", strings.TrimSpace(string(name))); err != nil {
		return err
	}
	files, err := r.git(ctx, index, nil, append([]string{"ls-files", "-z", "--"}, paths...)...)
	if err != nil {
		return err
	}
	_, err = r.git(ctx, index, files, "checkout-index", "-z", "--stdin", "--quiet", "--prefix="+dir+string(filepath.Separator))
	return err
}
