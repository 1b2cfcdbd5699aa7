package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/local"
)

// kind is everything that the command line knows about one sort of target. A new
// target is one more entry in kinds.
type kind struct {
	name string
	// check reports flags that make no sense on this target.
	check func(*commonFlags) error
	// site prepares places to run in; nothing is started yet.
	site func(*commonFlags, *runFlags, catalogue, *slog.Logger) (site, error)
	// sweep finds and removes what earlier runs left, and returns what it removed.
	sweep func(context.Context, *commonFlags, *slog.Logger) ([]fault.Residue, error)
}

func kinds() []kind {
	return []kind{
		{
			name:  targetLocal,
			check: checkLocal,
			site: func(c *commonFlags, f *runFlags, cat catalogue, log *slog.Logger) (site, error) {
				return newLocalSite(c, f, cat, log)
			},
			sweep: func(ctx context.Context, _ *commonFlags, log *slog.Logger) ([]fault.Residue, error) {
				return local.Sweep(ctx, "", log)
			},
		},
		{
			name:  targetCluster,
			check: func(*commonFlags) error { return nil },
			site: func(c *commonFlags, f *runFlags, cat catalogue, log *slog.Logger) (site, error) {
				return newClusterSite(c, f, cat, log)
			},
			sweep: sweepCluster,
		},
	}
}

// kind is the target that --target names.
func (c *commonFlags) kind() (kind, error) {
	var names []string
	for _, k := range kinds() {
		if k.name == c.target {
			return k, nil
		}
		names = append(names, k.name)
	}
	return kind{}, fmt.Errorf("--target %q: want %s", c.target, strings.Join(names, " or "))
}

func checkLocal(c *commonFlags) error {
	var errs []error
	for _, name := range clusterFlags() {
		if c.set.Changed(name) {
			errs = append(errs, fmt.Errorf("--%s is for --target cluster; target local brings its own fleet and Prometheus", name))
		}
	}
	return errors.Join(errs...)
}

// openSite makes the site of the target that was asked for. check has passed.
func openSite(c *commonFlags, f *runFlags, cat catalogue, log *slog.Logger) (site, error) {
	k, err := c.kind()
	if err != nil {
		return nil, usageError{err}
	}
	return k.site(c, f, cat, log)
}
