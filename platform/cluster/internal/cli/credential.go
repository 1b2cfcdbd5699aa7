package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// credentials is the directory, among what git keeps of a checkout, of a file for
// each cluster that it may push to.
const credentials = "ballast"

// checkoutHelper gives git the credential that the checkout has for a cluster, also
// after the checkout was moved.
func checkoutHelper(cluster string) string {
	return helper(`"$(git rev-parse --git-common-dir)/` + credentials + "/" + cluster + `"`)
}

// addCredential lets git in the checkout find the password of a cluster that is at
// url: in a file that only the checkout's owner reads. What an earlier call added, for
// another port, is replaced.
func (c *command) addCredential(ctx context.Context, cluster, url string, k keys) (err error) {
	if err := c.removeCredential(ctx, cluster); err != nil {
		return err
	}
	dir, err := c.gitDir(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	if err := dir.MkdirAll(credentials, 0o700); err != nil {
		return fmt.Errorf("credential of cluster %s: %w", cluster, err)
	}
	file, err := dir.OpenFile(filepath.Join(credentials, cluster), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("credential of cluster %s: %w", cluster, err)
	}
	_, err = file.Write(k.credential())
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("credential of cluster %s: %w", cluster, err)
	}
	// The empty helper comes first: git would ask those of its user's own settings as
	// well, and have them store the password.
	for _, value := range []string{"", checkoutHelper(cluster)} {
		if out, err := c.git(ctx, "config", "--local", "--add", "credential."+url+".helper", value); err != nil {
			return fmt.Errorf("credential of cluster %s: git config: %w: %s", cluster, err, out)
		}
	}
	return c.keepOwner(ctx)
}

// removeCredential takes away what addCredential has added. It may be repeated.
func (c *command) removeCredential(ctx context.Context, cluster string) (err error) {
	// It fails when there is nothing to remove; other failures show in the next command.
	list, _ := c.git(ctx, "config", "--local", "--null", "--get-regexp", `^credential\..*\.helper$`)
	own := checkoutHelper(cluster)
	for entry := range strings.SplitSeq(list, "\x00") {
		key, value, _ := strings.Cut(entry, "\n")
		if value != own {
			continue
		}
		for _, pattern := range []string{"^$", "^" + regexp.QuoteMeta(own) + "$"} {
			const noneMatches = 5
			out, err := c.git(ctx, "config", "--local", "--unset-all", key, pattern)
			if err != nil && !exited(err, noneMatches) {
				return fmt.Errorf("credential of cluster %s: git config: %w: %s", cluster, err, out)
			}
		}
	}
	dir, err := c.gitDir(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	if err := dir.Remove(filepath.Join(credentials, cluster)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("credential of cluster %s: %w", cluster, err)
	}
	_ = dir.Remove(credentials) // with the last cluster; others keep it
	return nil
}

func exited(err error, code int) bool {
	var exit interface{ ExitCode() int }
	return errors.As(err, &exit) && exit.ExitCode() == code
}

// gitDir is the directory of what git keeps of the checkout and of its other work
// trees. What is done in it stays in it, wherever its links lead.
func (c *command) gitDir(ctx context.Context) (*os.Root, error) {
	path, err := c.git(ctx, "rev-parse", "--git-common-dir")
	if err != nil {
		return nil, fmt.Errorf("%s: git rev-parse: %w: %s", c.repository, err, path)
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.repository, path)
	}
	return os.OpenRoot(path)
}

// keepOwner gives the files that root has written in somebody else's checkout to the
// owner of the checkout, who could not push, or read the configuration, without.
func (c *command) keepOwner(ctx context.Context) (err error) {
	if os.Getuid() != 0 {
		return nil
	}
	dir, err := c.gitDir(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	info, err := dir.Stat(".")
	if err != nil {
		return fmt.Errorf("owner of the checkout: %w", err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	files := []string{"config", credentials}
	entries, err := fs.ReadDir(dir.FS(), credentials)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("owner of the checkout: %w", err)
	}
	for _, e := range entries {
		files = append(files, filepath.Join(credentials, e.Name()))
	}
	for _, file := range files {
		if err := dir.Lchown(file, int(owner.Uid), int(owner.Gid)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("owner of the checkout: %w", err)
		}
	}
	return nil
}
