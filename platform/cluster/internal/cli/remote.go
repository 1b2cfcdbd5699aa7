package cli

import (
	"context"
	"fmt"
	"net/url"
	"os/exec"
	"strings"
)

// The URL of a cluster's repository: who pushes, and to what.
const (
	pusher = "ballast"
	pushed = "/ballast.git"
)

// remoteOf is the server of the repositories, with the name of who pushes. The
// password is not part of it.
func remoteOf(n machine) (string, error) {
	url, err := n.GitURL()
	if err != nil {
		return "", err
	}
	return strings.Replace(url, "://", "://"+pusher+"@", 1), nil
}

// remote prints where to push to. With add, it lets the checkout push there.
func (c *command) remote(ctx context.Context, add bool) error {
	n, err := c.running(ctx)
	if err != nil {
		return err
	}
	url, err := remoteOf(n)
	if err != nil {
		return err
	}
	if add {
		keys, err := secretsIn(n.Dir())
		if err != nil {
			return err
		}
		if err := c.nameRemote(ctx, n, url, keys); err != nil {
			return err
		}
	}
	fmt.Fprintln(c.out, url+pushed)
	return nil
}

// remoteName is what a checkout calls the repository of a cluster: local, or local-NAME
// when the cluster is not the one that everybody has.
func remoteName(cluster string) string {
	if cluster == defaultName {
		return "local"
	}
	return "local-" + cluster
}

// ofACluster says whether a remote leads to a cluster of this machine, and not to
// something of its user's that has the same name. Earlier versions put the password
// into the URL.
func ofACluster(remote string) bool {
	u, err := url.Parse(remote)
	return err == nil && u.User.Username() == pusher && u.Hostname() == "127.0.0.1" && u.Path == pushed
}

// nameRemote lets the checkout know where to push to, and git the password. A remote
// of its user's that has the name stays what it is.
func (c *command) nameRemote(ctx context.Context, n machine, url string, k keys) error {
	if err := c.addCredential(ctx, n.Name(), url, k); err != nil {
		return err
	}
	name := remoteName(n.Name())
	verb := "add"
	if before, err := c.git(ctx, "remote", "get-url", name); err == nil {
		if !ofACluster(before) {
			c.report("to deploy: git push \"$(bin/cluster remote --name=%s)\" HEAD:main (the remote %s is something else)", n.Name(), name)
			return nil
		}
		verb = "set-url"
	}
	if out, err := c.git(ctx, "remote", verb, name, url+pushed); err != nil {
		return fmt.Errorf("name the remote %s: git remote %s: %w: %s", name, verb, err, out)
	}
	if err := c.keepOwner(ctx); err != nil {
		return err
	}
	c.report("to deploy: git push %s HEAD:main", name)
	return nil
}

// forgetRemote takes away what nameRemote has added, and nothing else. It may be
// repeated.
func (c *command) forgetRemote(ctx context.Context, n machine) error {
	if _, err := c.git(ctx, "rev-parse", "--git-dir"); err != nil {
		return nil //nolint:nilerr // no repository, so there is nothing to forget
	}
	if err := c.removeCredential(ctx, n.Name()); err != nil {
		return err
	}
	name := remoteName(n.Name())
	if before, err := c.git(ctx, "remote", "get-url", name); err == nil && ofACluster(before) {
		if out, err := c.git(ctx, "remote", "remove", name); err != nil {
			return fmt.Errorf("forget the remote %s: git remote remove: %w: %s", name, err, out)
		}
	}
	return c.keepOwner(ctx)
}

// git runs git in the checkout and returns what it wrote.
func (c *command) git(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "git", append([]string{"-c", "safe.directory=*", "-C", c.repository}, args...)...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}
