package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// commonFlags are those that several subcommands have. Each registers the groups
// that it uses, and no other.
type commonFlags struct {
	set *pflag.FlagSet

	root  string
	slos  string
	rules string

	target string
	clusterNamed

	format string
}

const (
	targetLocal   = result.TargetLocal
	targetCluster = result.TargetCluster
	formatText    = "text"
	formatJSON    = "json"
)

// newFlags registers the flag of the output's format, which nearly all have.
func newFlags(f *pflag.FlagSet) *commonFlags {
	c := &commonFlags{set: f}
	f.StringVar(&c.format, "format", formatText, "output on stdout: text or json")
	return c
}

// rooted registers the checkout.
func (c *commonFlags) rooted() *commonFlags {
	c.set.StringVar(&c.root, "root", ".", "the repository: SLOs and rules are read below its alerts/")
	return c
}

// sources registers where SLOs and rules are read.
func (c *commonFlags) sources() *commonFlags {
	c.rooted().objectives()
	c.set.StringVar(&c.rules, "rules", "", "directory of Prometheus rules (default ROOT/alerts/rules/prometheus)")
	return c
}

// objectives registers where SLOs are read.
func (c *commonFlags) objectives() *commonFlags {
	c.set.StringVar(&c.slos, "slos", "", "directory of OpenSLO documents (default ROOT/alerts/slo)")
	return c
}

// targets registers what names a target and the workload on it.
func (c *commonFlags) targets(s streams) *commonFlags {
	c.set.StringVar(&c.prometheusURL, "prometheus-url", "", "the Prometheus to ask (target cluster; default: the one of the observability chart, through the API server)")
	c.set.StringVar(&c.prometheusHTTP, "prometheus-http-config", "", "file with Prometheus' own http_config, for tokens, passwords and certificates, and azuread (target cluster; with --prometheus-url)")
	c.set.StringVar(&c.prometheusNamespace, "prometheus-namespace", "observability", "namespace in which Prometheus is looked for (target cluster)")
	c.set.StringVar(&c.alertmanagerURL, "alertmanager-url", "", "the Alertmanager that is asked whether alerts arrive, or none (target cluster; default: the one to which Prometheus sends)")
	c.set.StringVar(&c.loadNamespace, "load-namespace", "", "namespace of the load generator (target cluster; default: that of the workload)")
	c.set.BoolVar(&c.noLoad, "no-load", false, "the SLOs are about traffic that is there anyway: do not look for the load generator (target cluster)")
	return c.targetOnly().clusters(s)
}

func (c *commonFlags) targetOnly() *commonFlags {
	c.set.StringVar(&c.target, "target", targetLocal, "where to run: local or cluster")
	return c
}

// check reports every wrong value at once. Flags that the subcommand does not
// have are not looked at.
func (c *commonFlags) check() error {
	errs := c.empty()
	if c.set.Lookup("format") != nil && c.format != formatText && c.format != formatJSON {
		errs = append(errs, fmt.Errorf("--format %q: want text or json", c.format))
	}
	if c.set.Lookup("target") != nil {
		if k, err := c.kind(); err != nil {
			errs = append(errs, err)
		} else {
			errs = append(errs, k.check(c))
		}
	}
	for _, name := range []string{"namespace", "system-namespace", "prometheus-namespace", "load-namespace"} {
		if f := c.set.Lookup(name); f != nil && f.Value.String() != "" && len(validation.IsDNS1123Label(f.Value.String())) > 0 {
			errs = append(errs, fmt.Errorf("--%s %q is not the name of a namespace; use lower-case letters, digits and inner dashes, at most 63", name, f.Value))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return usageError{err}
	}
	return nil
}

// empty refuses a flag that is given as nothing, which a script does whose
// variable is not set: the default would be taken in silence. An empty --out is
// an error of the evidence.
func (c *commonFlags) empty() []error {
	var errs []error
	c.set.Visit(func(f *pflag.Flag) {
		if f.Value.Type() == "string" && f.Value.String() == "" && f.Name != "out" {
			errs = append(errs, fmt.Errorf("--%s is empty; give a value or leave it out", f.Name))
		}
	})
	return errs
}

// selector parses --select KEY=VALUE.
func selector(pairs []string) (map[string]string, error) {
	out := map[string]string{}
	var errs []error
	for _, p := range slices.Compact(slices.Clone(pairs)) {
		k, v, ok := strings.Cut(p, "=")
		before, seen := out[k]
		switch {
		case !ok || k == "":
			errs = append(errs, fmt.Errorf("--select %q: want KEY=VALUE", p))
		case seen && before != v:
			errs = append(errs, fmt.Errorf("--select %s is given as %q and as %q: no experiment has both", k, before, v))
		}
		out[k] = v
	}
	if len(errs) > 0 {
		return nil, usageError{errors.Join(errs...)}
	}
	return out, nil
}
