package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/internal/rules"
	"github.com/ballast-sre/ballast/internal/slo"
)

// commonFlags are those of every subcommand that reads documents.
type commonFlags struct {
	root          string
	slos          string
	rules         string
	target        string
	prometheusURL string
	kubeconfig    string
	kubeContext   string
	namespace     string
	format        string
	keepGoing     bool
	verbose       bool
}

const (
	targetLocal   = "local"
	targetCluster = "cluster"
	formatText    = "text"
	formatJSON    = "json"
)

func (c *commonFlags) register(f *pflag.FlagSet) {
	f.StringVar(&c.root, "root", ".", "the repository: SLOs and rules are looked for under its alerts/")
	f.StringVar(&c.slos, "slos", "", "directory of OpenSLO documents (default ROOT/alerts/slo)")
	f.StringVar(&c.rules, "rules", "", "directory of Prometheus rules that target local evaluates (default ROOT/alerts/rules/prometheus)")
	f.StringVar(&c.target, "target", targetLocal, "where to run: local or cluster")
	f.StringVar(&c.prometheusURL, "prometheus-url", "", "the Prometheus to ask (target cluster)")
	f.StringVar(&c.kubeconfig, "kubeconfig", "", "path of the kubeconfig (target cluster)")
	f.StringVar(&c.kubeContext, "context", "", "the kubeconfig's context (target cluster)")
	f.StringVar(&c.namespace, "namespace", "monitor", "namespace of the workload where a fault names none")
	f.StringVar(&c.format, "format", formatText, "output on stdout: text or json")
	f.BoolVar(&c.keepGoing, "keep-going", false, "go on with other experiments after residue or an abort")
	f.BoolVarP(&c.verbose, "verbose", "v", false, "log what is done, to stderr")
}

// check reports every wrong value at once.
func (c *commonFlags) check() error {
	var errs []error
	if c.format != formatText && c.format != formatJSON {
		errs = append(errs, fmt.Errorf("--format %q: want text or json", c.format))
	}
	switch c.target {
	case targetLocal:
		for name, value := range map[string]string{"--prometheus-url": c.prometheusURL, "--kubeconfig": c.kubeconfig, "--context": c.kubeContext} {
			if value != "" {
				errs = append(errs, fmt.Errorf("%s is for --target cluster; target local brings its own fleet and Prometheus", name))
			}
		}
	case targetCluster:
		errs = append(errs, errors.New("--target cluster is not in this version of ballast; use --target local"))
	default:
		errs = append(errs, fmt.Errorf("--target %q: want local or cluster", c.target))
	}
	if len(errs) > 0 {
		return usageError{errors.Join(errs...)}
	}
	return nil
}

// catalogue is what the documents under --root say.
type catalogue struct {
	slos      slo.Set
	ruleFiles []string
	alerts    []slo.AlertModel
	names     []string // of alerts
}

func (c *commonFlags) sloDir() string {
	if c.slos != "" {
		return c.slos
	}
	return filepath.Join(c.root, "alerts", "slo")
}

func (c *commonFlags) ruleDir() string {
	if c.rules != "" {
		return c.rules
	}
	return filepath.Join(c.root, "alerts", "rules", "prometheus")
}

// catalogue reads SLOs and rules. Neither has to be there: an experiment that
// refers to what is not known is refused by name.
func (c *commonFlags) catalogue() (catalogue, error) {
	var cat catalogue
	set, err := slo.Load(c.sloDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return cat, err
	}
	cat.slos = set
	files, err := filepath.Glob(filepath.Join(c.ruleDir(), "*.yaml"))
	if err != nil {
		return cat, usageError{fmt.Errorf("--rules %q: %w", c.ruleDir(), err)}
	}
	slices.Sort(files)
	cat.ruleFiles = files
	groups, err := rules.Load(files...)
	if err != nil {
		return cat, documentError{err}
	}
	cat.names = rules.AlertNames(groups)
	cat.alerts, err = rules.Models(groups, cat.slos)
	if err != nil {
		return cat, documentError{err}
	}
	return cat, nil
}

// experiments reads and validates the documents named on the command line.
func (c *commonFlags) experiments(paths []string, selected map[string]string) ([]experiment.Experiment, catalogue, error) {
	cat, err := c.catalogue()
	if err != nil {
		return nil, cat, err
	}
	opts := experiment.Options{SLOs: cat.slos, Select: selected}
	if c.target == targetLocal {
		// An empty list still checks: no alert exists then.
		opts.Alerts = append([]string{}, cat.names...)
	}
	xs, err := experiment.Load(paths, opts)
	return xs, cat, err
}

// selector parses --select KEY=VALUE.
func selector(pairs []string) (map[string]string, error) {
	out := map[string]string{}
	for _, p := range pairs {
		k, v, ok := strings.Cut(p, "=")
		if !ok || k == "" {
			return nil, usageError{fmt.Errorf("--select %q: want KEY=VALUE", p)}
		}
		if before, seen := out[k]; seen && before != v {
			return nil, usageError{fmt.Errorf("--select %s is given as %q and as %q: no experiment has both", k, before, v)}
		}
		out[k] = v
	}
	return out, nil
}
