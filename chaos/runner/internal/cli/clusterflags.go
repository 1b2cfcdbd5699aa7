package cli

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/ballast-sre/ballast/chaos/runner/internal/cluster"
)

// clusterNamed are the flags that say which cluster is meant and what is where on it.
type clusterNamed struct {
	kubeconfig  string
	kubeContext string
	// namespace of the workload, also on target local.
	namespace string
	// systemNamespace holds the leases of runs and the kill switch.
	systemNamespace     string
	prometheusURL       string
	prometheusHTTP      string
	prometheusNamespace string
	alertmanagerURL     string
	loadNamespace       string
	noLoad              bool

	confirm func(context, server string) (bool, error)
}

// clusterFlags are those that make no sense on target local.
func clusterFlags() []string {
	return []string{"prometheus-url", "prometheus-http-config", "prometheus-namespace", "alertmanager-url", "no-load", "load-namespace", "kubeconfig", "context", "system-namespace"}
}

// clusters registers what names a cluster.
func (c *commonFlags) clusters(s streams) *commonFlags {
	c.set.StringVar(&c.kubeconfig, "kubeconfig", "", "path of the kubeconfig (target cluster; default: KUBECONFIG, then that of the home directory)")
	c.set.StringVar(&c.kubeContext, "context", "", "the kubeconfig's context (target cluster); without it the current one has to be confirmed")
	c.set.StringVar(&c.systemNamespace, "system-namespace", "chaos-testing", "namespace of the runs' leases and of the kill switch (target cluster)")
	c.set.StringVar(&c.namespace, "namespace", "monitor", "namespace of the workload where a fault names none")
	if _, terminal := isTerminal(s.out); terminal {
		c.confirm = s.confirmContext
	}
	return c
}

// confirmContext asks the person at the terminal.
func (s streams) confirmContext(context, server string) (bool, error) {
	fmt.Fprintf(s.err, "Faults will be injected into the cluster of context %s at %s. Type the context's name to go on: ", context, server)
	line, err := bufio.NewReader(s.in).ReadString('\n')
	if err != nil && line == "" {
		return false, fmt.Errorf("no answer: %w", err)
	}
	return strings.TrimSpace(line) == context, nil
}

// connect reaches the cluster that the flags name. Which cluster is meant is a matter of
// the command line.
func (c *commonFlags) connect() (*cluster.Connection, error) {
	conn, err := cluster.Connect(cluster.Named{Kubeconfig: c.kubeconfig, Context: c.kubeContext, Confirm: c.confirm})
	if err != nil {
		return nil, usageError{err}
	}
	return conn, nil
}
