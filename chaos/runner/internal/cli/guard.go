package cli

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/ballast-sre/ballast/chaos/runner/internal/guard"
)

// guardFlags are what `ballast guard` was asked for.
type guardFlags struct {
	system      string
	namespaces  []string
	listen      string
	kubeconfig  string
	kubeContext string
}

func newGuard(s streams) *cobra.Command {
	var f guardFlags
	cmd := &cobra.Command{
		Use:   "guard",
		Short: "Delete, from inside a cluster, the faults of runs whose runner is gone",
		Long: `guard watches the Leases of runs and the faults that carry a run's label. It
deletes the faults of a run whose Lease is not renewed any more, or is gone, and
the faults of every run while the kill switch is set. It serves the results of
runs as metrics under /metrics, and under /healthz whether it sees the cluster.

Set the kill switch, and clear it:

  kubectl -n chaos-testing create configmap ballast-kill-switch
  kubectl -n chaos-testing annotate configmap ballast-kill-switch ballast.dev/kill="incident 42"
  kubectl -n chaos-testing annotate configmap ballast-kill-switch ballast.dev/kill-

Outside of a cluster it needs --context. It ends with SIGTERM or an interrupt.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := s.logger(slog.LevelInfo)
			if err := f.check(); err != nil {
				return usageError{err}
			}
			g, err := f.guard(log)
			if err != nil {
				return usageError{err}
			}
			stop, err := serveMetrics(cmd.Context(), f.listen, g.Handler(), log)
			if err != nil {
				return usageError{err}
			}
			defer stop()
			g.Run(cmd.Context())
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.system, "system-namespace", "chaos-testing", "namespace of the runs' Leases and of the kill switch")
	flags.StringSliceVar(&f.namespaces, "namespaces", []string{"monitor"}, "namespaces whose faults are watched, separated by commas")
	flags.StringVar(&f.listen, "listen", "127.0.0.1:9091", "address of /metrics and /healthz")
	flags.StringVar(&f.kubeconfig, "kubeconfig", "", "path of the kubeconfig, outside of a cluster (default: $KUBECONFIG or ~/.kube/config)")
	flags.StringVar(&f.kubeContext, "context", "", "the kubeconfig's context; without it, the cluster that ballast runs in")
	return cmd
}

// check reports every wrong value at once.
func (f *guardFlags) check() error {
	var errs []error
	name := func(flag, value string) {
		if len(validation.IsDNS1123Label(value)) > 0 {
			errs = append(errs, fmt.Errorf("--%s %q is not the name of a namespace; use lower-case letters, digits and inner dashes, at most 63", flag, value))
		}
	}
	name("system-namespace", f.system)
	for _, n := range f.namespaces {
		name("namespaces", n)
	}
	if len(f.namespaces) == 0 {
		errs = append(errs, errors.New("--namespaces is empty: no fault would be watched; name the namespaces of the workloads"))
	}
	if f.listen == "" {
		errs = append(errs, errors.New("--listen is empty, which would be every address of this machine; give one, such as 127.0.0.1:9091"))
	}
	if f.kubeconfig != "" && f.kubeContext == "" {
		errs = append(errs, errors.New("--kubeconfig without --context: which of its clusters is never guessed; name the context"))
	}
	return errors.Join(errs...)
}

func (f *guardFlags) guard(log *slog.Logger) (*guard.Guard, error) {
	cfg, err := f.config()
	if err != nil {
		return nil, err
	}
	cfg.UserAgent = "ballast-guard/" + version
	// The kill switch does not wait in a queue of our own making.
	cfg.QPS, cfg.Burst = 50, 100
	k, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, err
	}
	d, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return nil, err
	}
	return guard.New(guard.Config{Kubernetes: k, Dynamic: d, System: f.system, Namespaces: f.namespaces, Logger: log}), nil
}

func (f *guardFlags) config() (*rest.Config, error) {
	if f.kubeContext == "" {
		cfg, err := rest.InClusterConfig()
		if errors.Is(err, rest.ErrNotInCluster) {
			err = errors.New("ballast does not run inside a cluster; name one with --context")
		}
		return cfg, err
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = f.kubeconfig
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: f.kubeContext}).ClientConfig()
}
