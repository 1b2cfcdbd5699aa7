package cluster

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Why no cluster can be asked.
var (
	// ErrUnnamed says that nobody named a cluster: the runner never guesses one.
	ErrUnnamed = errors.New("no cluster is named")
	// ErrNoContext says that the kubeconfig has no context of the name given.
	ErrNoContext = errors.New("the kubeconfig has no such context")
)

// Connection is a cluster that can be asked.
type Connection struct {
	// Name is the kubeconfig's context, or [InCluster].
	Name string
	// Server is the URL of the API server.
	Server string

	Config     *rest.Config
	Kubernetes kubernetes.Interface
	Dynamic    dynamic.Interface

	requests *atomic.Int64
}

// Requests is how many requests the API server has had so far, without those that it
// passed on to Prometheus. A watch is one.
func (c *Connection) Requests() int64 {
	if c.requests == nil {
		return 0
	}
	return c.requests.Load()
}

// InCluster is the name of the connection by the service account of a pod.
const InCluster = "in-cluster"

// Named says which cluster was meant.
type Named struct {
	// Kubeconfig is a path; empty means KUBECONFIG and then the home directory's.
	Kubeconfig string
	// Context of the kubeconfig.
	Context string
	// Confirm is asked about the kubeconfig's current context where none is named. Nil
	// refuses. It returns false when the cluster is not meant.
	Confirm func(context, server string) (bool, error)
}

// Connect asks nothing of the cluster yet. Inside a pod, its service account names the
// cluster unless a kubeconfig is given. The error wraps ErrUnnamed or ErrNoContext when
// the caller has to say which cluster is meant.
func Connect(named Named) (*Connection, error) {
	if named.Kubeconfig == "" && named.Context == "" && os.Getenv(clientcmd.RecommendedConfigPathEnvVar) == "" {
		cfg, err := rest.InClusterConfig()
		if err == nil {
			return connection(InCluster, cfg)
		}
		if !errors.Is(err, rest.ErrNotInCluster) {
			return nil, fmt.Errorf("service account of this pod: %w", err)
		}
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = named.Kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: named.Context})
	raw, err := loader.RawConfig()
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	name := named.Context
	if name == "" {
		name = raw.CurrentContext
	}
	known, ok := raw.Contexts[name]
	switch {
	case len(raw.Contexts) == 0:
		return nil, fmt.Errorf("%w: no kubeconfig with a context was found; give --kubeconfig and --context", ErrUnnamed)
	case name == "":
		return nil, fmt.Errorf("%w: the kubeconfig has no current context; give --context, one of %s", ErrUnnamed, contextsOf(raw))
	case !ok:
		return nil, fmt.Errorf("%w: %q; it has %s", ErrNoContext, name, contextsOf(raw))
	}
	server := ""
	if at := raw.Clusters[known.Cluster]; at != nil {
		server = at.Server
	}
	if named.Context == "" {
		if named.Confirm == nil {
			return nil, fmt.Errorf("%w: give --context %s if %s is the one that you mean", ErrUnnamed, name, server)
		}
		meant, err := named.Confirm(name, server)
		if err != nil {
			return nil, err
		}
		if !meant {
			return nil, fmt.Errorf("%w: %s was not confirmed; give --context", ErrUnnamed, name)
		}
	}
	cfg, err := loader.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("kubeconfig, context %s: %w", name, err)
	}
	return connection(name, cfg)
}

func connection(name string, cfg *rest.Config) (*Connection, error) {
	cfg = rest.CopyConfig(cfg)
	cfg.UserAgent = "ballast"
	// Bursts come at the start and the end of a run; in between the watches are silent.
	// The API server shares itself out among its users; many runs side by side must not wait
	// here while they remove their faults.
	cfg.QPS, cfg.Burst = 100, 300
	var requests atomic.Int64
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper { return asked{next, &requests} })
	clients, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("cluster %s: %w", name, err)
	}
	objects, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("cluster %s: %w", name, err)
	}
	return &Connection{Name: name, Server: cfg.Host, Config: cfg, Kubernetes: clients, Dynamic: objects, requests: &requests}, nil
}

// contextsOf lists the contexts of a kubeconfig, for messages.
func contextsOf(raw clientcmdapi.Config) string {
	return strings.Join(slices.Sorted(maps.Keys(raw.Contexts)), ", ")
}
