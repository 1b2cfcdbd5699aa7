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
			sweep: func(ctx context.Context, c *commonFlags, log *slog.Logger) ([]fault.Residue, error) {
				if c.set.Changed("namespace") {
					return nil, usageError{errors.New("--namespace is for --target cluster; a sweep of target local looks at the whole machine")}
				}
				return local.Sweep(ctx, "", log)
			},
		},
		{
			name:  targetCluster,
			check: checkCluster,
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

// checkCluster refuses flags that would be ignored: whoever gives one takes it to count.
func checkCluster(c *commonFlags) error {
	var errs []error
	for _, f := range []struct{ name, why string }{
		{"rate", "on target cluster the load is that of the chart probe: set its value rate"},
		{"samples", "on target cluster the samples stay in its Prometheus"},
		{"budget-spent", "on target cluster, its Prometheus says how much of a budget is spent"},
		{"monitor", "on target cluster the monitor already runs: name its namespace with --namespace"},
	} {
		if c.set.Changed(f.name) {
			errs = append(errs, fmt.Errorf("--%s is for --target local; %s", f.name, f.why))
		}
	}
	if c.set.Changed("prometheus-http-config") && !c.set.Changed("prometheus-url") {
		errs = append(errs, errors.New("--prometheus-http-config without --prometheus-url configures nothing: the Prometheus that is found by itself is asked with the rights of the kubeconfig; give --prometheus-url, or leave it out"))
	}
	for _, f := range []struct{ name, value string }{{"prometheus-url", c.prometheusURL}, {"alertmanager-url", c.alertmanagerURL}} {
		if !c.set.Changed(f.name) || f.name == "alertmanager-url" && f.value == noAlertmanager {
			continue
		}
		if err := checkServer(f.name, f.value); err != nil {
			errs = append(errs, err)
		}
	}
	if c.set.Changed("prometheus-namespace") && c.set.Changed("prometheus-url") {
		errs = append(errs, errors.New("--prometheus-namespace says where Prometheus is looked for, and --prometheus-url which it is; leave one of them out"))
	}
	if c.set.Changed("load-namespace") && c.noLoad {
		errs = append(errs, errors.New("--load-namespace says where the load generator is looked for, and --no-load that it is not; leave one of them out"))
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
