package kind

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/ballast-sre/ballast/platform/cluster/internal/hosttools"
)

// Start builds what is missing, makes the cluster, starts the process on the host and
// blocks until every node is ready: minutes the first time, seconds later on. What is
// there stays. The error is ErrNoDocker when Docker does not answer.
func (c *Cluster) Start(ctx context.Context) (err error) {
	if err := Answers(ctx); err != nil {
		return err
	}
	if os.Getenv(otherNetwork) != "" {
		return fmt.Errorf("cluster %s: %s is set; unset it, for the nodes are looked for in the network %s", c.name, otherNetwork, network)
	}
	// The process on the host looks for it again; who waits for a cluster wants to know
	// it before there is one.
	if _, err := hosttools.Here("", nil).GitServer(ctx); err != nil {
		return fmt.Errorf("cluster %s: %w", c.name, err)
	}
	held, err := c.lock()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, held.Close()) }()
	if err := c.programs.BuildComponents(ctx, components()...); err != nil {
		return err
	}
	fresh, err := c.make(ctx)
	if err != nil {
		return err
	}
	gateway, err := c.gateway(ctx)
	if err != nil {
		return err
	}
	if err := c.host(ctx, gateway, fresh); err != nil {
		return err
	}
	return c.awaitReady(ctx)
}

// make lets kind make the cluster, unless it is there. fresh says that it was not.
func (c *Cluster) make(ctx context.Context) (fresh bool, err error) {
	all, err := c.kind.List()
	if err != nil {
		return false, fmt.Errorf("cluster %s: %w", c.name, err)
	}
	there := slices.Contains(all, c.own())
	st, err := c.load()
	switch {
	case errors.Is(err, fs.ErrNotExist) && there:
		return false, fmt.Errorf("cluster %s: Docker has nodes of %s, and %s knows nothing of them; `make down` removes them", c.name, c.own(), c.dir)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return false, err
	case there && st.Made:
		return false, c.wake(ctx)
	}
	if err := c.directory(); err != nil {
		return false, err
	}
	if there { // a command was killed while kind worked
		c.report("cluster %s is only partly created: creating it again", c.name)
		if err := c.remove(); err != nil {
			return false, err
		}
	}
	if err := errors.Join(c.unlock(), removeFile(c.Kubeconfig())); err != nil {
		return false, fmt.Errorf("cluster %s: %w", c.name, err)
	}
	st.Made = false
	if err := c.save(st); err != nil {
		return false, err
	}
	if err := os.MkdirAll(c.in("certs.d", "docker.io"), 0o755); err != nil {
		return false, fmt.Errorf("cluster %s: %w", c.name, err)
	}
	c.report("making cluster %s (the first time Docker fetches an image of about 1 GB)", c.own())
	if err := c.kind.create(config(c.own(), c.image, c.in("certs.d")), c.Kubeconfig()); err != nil {
		return false, fmt.Errorf("cluster %s: %w", c.name, err)
	}
	st.Made = true
	return true, c.save(st)
}

// awaitReady blocks until the API server says that every node is ready: each of those
// that were made. One that has not joined is none that it would know of.
func (c *Cluster) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	names, err := c.nodes(ctx)
	if err != nil {
		return fmt.Errorf("cluster %s is not ready: %w", c.name, err)
	}
	args := []string{"wait", "--for=condition=Ready", "--timeout=2m"}
	for _, name := range names {
		args = append(args, "node/"+name)
	}
	for {
		// A node that was woken is looked at again by those that watch it only later.
		err := c.kubectl(ctx, args...)
		if err == nil {
			return nil
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return fmt.Errorf("cluster %s is not ready: %w", c.name, err)
		}
	}
}

// Addons applies what managed clusters bring along and kind does not: the metrics of
// pods, and the name by which pods reach the repositories.
func (c *Cluster) Addons(ctx context.Context) error {
	st, err := c.load()
	if err != nil {
		return err
	}
	gateway, err := st.gateway()
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.in("git.yaml"), gitService(gateway), 0o600); err != nil {
		return fmt.Errorf("add-ons: %w", err)
	}
	metrics := filepath.Join(c.repository, filepath.FromSlash(metricsServer))
	if err := c.kubectl(ctx, "apply", "--server-side", "--force-conflicts", "--field-manager=ballast", "--filename="+metrics, "--filename="+c.in("git.yaml")); err != nil {
		return fmt.Errorf("add-ons: %w", err)
	}
	if err := c.kubectl(ctx, "--namespace=kube-system", "rollout", "status", "deployment/coredns", "--timeout=2m"); err != nil {
		return fmt.Errorf("add-ons: %w", err)
	}
	return nil
}
