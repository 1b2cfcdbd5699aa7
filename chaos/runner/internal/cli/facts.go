package cli

import (
	"context"
	"errors"

	"github.com/ballast-sre/ballast/chaos/runner/internal/cluster"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

// facts is what the report says about the cluster.
func (s *clusterSite) facts(ctx context.Context, setup *clusterSetup) result.ClusterInfo {
	info := factsOf(setup.cluster.Facts(ctx))
	info.Context, info.Server, info.Namespace = s.conn.Name, result.Redact(s.conn.Server), s.flags.namespace
	version, err := setup.client.Version(ctx)
	switch {
	case errors.Is(err, prom.ErrNoRulesAPI):
		info.Unread["prometheus"] = "it does not say"
	case err != nil:
		info.Unread["prometheus"] = result.Redact(err.Error())
	}
	info.Prometheus = version
	return info
}

func factsOf(f cluster.Facts) result.ClusterInfo {
	info := result.ClusterInfo{Identity: f.Identity, Kubernetes: f.Kubernetes, ChaosMesh: f.ChaosMesh, Images: f.Images, Unread: map[string]string{}}
	for name, why := range f.Unread {
		info.Unread[name] = result.Redact(why)
	}
	for _, n := range f.Nodes {
		info.Nodes = append(info.Nodes, result.NodeGroup(n))
	}
	if !f.Capabilities.IsZero() {
		at := f.Capabilities.UTC()
		info.Capabilities = &at
	}
	return info
}
