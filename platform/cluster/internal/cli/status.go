package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/ballast-sre/ballast/platform/cluster/internal/bootstrap"
	"github.com/ballast-sre/ballast/platform/cluster/internal/registry"
	"github.com/ballast-sre/ballast/platform/cluster/internal/status"
)

// The output formats of status.
const (
	formatText = "text"
	formatJSON = "json"
)

// How long status waits: for the API server, and for registries and Argo CD together.
const (
	apiAnswers   = 5 * time.Second
	othersAnswer = time.Second
)

// newStatus is the command status.
func (c *command) newStatus() *cobra.Command {
	var format, kubeContext string
	cmd := &cobra.Command{
		Use: "status", Short: "Show the applications: what runs where, how it differs from git, and its verdicts",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != formatText && format != formatJSON {
				return usageError{fmt.Errorf("--format %q: want %s or %s", format, formatText, formatJSON)}
			}
			o, err := c.overview(cmd.Context(), kubeContext)
			if err != nil {
				return err
			}
			if format == formatJSON {
				return json.NewEncoder(c.out).Encode(o)
			}
			return o.Text(c.out, time.Now())
		},
	}
	cmd.Flags().StringVar(&format, "format", formatText, "text or json")
	cmd.Flags().StringVar(&kubeContext, "context", "", "a context of your kubeconfig, for a cluster elsewhere; its registries are asked with Docker's credentials")
	return cmd
}

// overview reads the state of the cluster that the flags name.
func (c *command) overview(ctx context.Context, kubeContext string) (status.Overview, error) {
	if kubeContext != "" {
		config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), &clientcmd.ConfigOverrides{CurrentContext: kubeContext}).ClientConfig()
		if err != nil {
			return status.Overview{}, usageError{fmt.Errorf("--context: %w", err)}
		}
		return overviewOf(ctx, kubeContext, config, status.Registry{Options: []remote.Option{remote.WithAuthFromKeychain(authn.DefaultKeychain)}})
	}
	n, err := c.node(ctx)
	if err != nil {
		return status.Overview{}, err
	}
	if !n.Running() {
		return status.Overview{Cluster: n.Name(), Applications: []status.Application{}}, nil
	}
	config, err := clientcmd.BuildConfigFromFlags("", n.Kubeconfig())
	if err != nil {
		return status.Overview{}, fmt.Errorf("kubeconfig of cluster %s: %w", n.Name(), err)
	}
	// This cluster pulls every image from its own registry, whatever host its name has.
	transport := registry.Through(n.Dir())
	defer transport.CloseIdleConnections()
	return overviewOf(ctx, n.Name(), config, status.Registry{Names: []name.Option{name.Insecure}, Options: []remote.Option{remote.WithTransport(transport)}})
}

func overviewOf(ctx context.Context, cluster string, config *rest.Config, r status.Registry) (status.Overview, error) {
	o := status.Overview{Cluster: cluster, Running: true}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return o, fmt.Errorf("cluster %s: %w", cluster, err)
	}
	defer client.CloseIdleConnections()
	api, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return o, fmt.Errorf("cluster %s: %w", cluster, err)
	}
	list, err := applicationsOf(ctx, client, api)
	if err != nil {
		return o, fmt.Errorf("cluster %s: %w", cluster, err)
	}
	if o.Applications, err = status.Read(list); err != nil {
		return o, fmt.Errorf("cluster %s: %w", cluster, err)
	}
	ctx, cancel := context.WithTimeout(ctx, othersAnswer)
	defer cancel()
	o.Problems = r.Attached(ctx, o.Applications)
	if err := explain(ctx, client, api, o.Applications); err != nil {
		o.Problems = append(o.Problems, err.Error())
	}
	return o, nil
}

// errNoArgoCD is returned for a cluster without the kind Application.
var errNoArgoCD = errors.New("Argo CD is not installed; `make up` installs it") //nolint:staticcheck // a name

// applicationsOf asks the API server for the applications, once.
func applicationsOf(ctx context.Context, client *http.Client, api *url.URL) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, apiAnswers)
	defer cancel()
	to := api.JoinPath("apis/argoproj.io/v1alpha1/namespaces", bootstrap.Namespace, "applications").String()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to, http.NoBody)
	if err != nil {
		return nil, err
	}
	a, err := send(client, req)
	if err != nil {
		return nil, fmt.Errorf("the API server does not answer: %w; `make logs` copies its logs", err)
	}
	switch a.code {
	case http.StatusOK:
		return a.body, nil
	case http.StatusNotFound:
		return nil, errNoArgoCD
	}
	return nil, fmt.Errorf("the API server does not list the applications: %w", a.refusal())
}
