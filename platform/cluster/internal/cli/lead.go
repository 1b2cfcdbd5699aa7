package cli

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/ballast-sre/ballast/platform/cluster/git"
	"github.com/ballast-sre/ballast/platform/cluster/internal/bootstrap"
	"github.com/ballast-sre/ballast/platform/cluster/source"
)

// leadThrough measures how long pushes take until they serve, by what the API server says
// of Argo CD's applications.
func leadThrough(client *http.Client, api *url.URL, logger *slog.Logger) *git.Lead {
	return git.NewLead(func(ctx context.Context) ([]byte, error) { return applicationsOf(ctx, client, api) }, bootstrap.Host, logger)
}

// leadOfNode is that of a source node. It asks as a user of its own, who may read
// applications and nothing else. dir is the node's directory.
func leadOfNode(dir string, logger *slog.Logger) (*git.Lead, error) {
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(dir, source.GitKubeconfig))
	if err != nil {
		return nil, fmt.Errorf("kubeconfig of the repositories: %w", err)
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig of the repositories: %w", err)
	}
	api, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig of the repositories: %w", err)
	}
	return leadThrough(client, api, logger), nil
}
