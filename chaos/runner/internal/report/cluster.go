package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/chart"
)

// property is one thing that is said about a cluster.
type property struct{ key, name, value string }

// properties are what a report says about a cluster, the same in HTML and in JUnit, as of
// the time given.
func properties(c result.ClusterInfo, now time.Time) []property {
	or := func(value, key string) string {
		if value != "" {
			return value
		}
		if why := c.Unread[key]; why != "" {
			return "not readable: " + why
		}
		return "not readable"
	}
	published := ""
	if c.Capabilities != nil {
		published = fmt.Sprintf("published %s before the run ended", chart.Seconds(now.Sub(*c.Capabilities).Seconds()))
	}
	list := []property{
		{"context", "Context", c.Context},
		{"server", "API server", c.Server},
		{"namespace", "Namespace", c.Namespace},
		{"identity", "Identity", or(c.Identity, "identity")},
		{"kubernetes", "Kubernetes", or(c.Kubernetes, "kubernetes")},
		{"nodes", "Nodes", or(nodes(c.Nodes), "nodes")},
		{"chaosMesh", "Chaos Mesh", or(c.ChaosMesh, "chaosMesh")},
		{"prometheus", "Prometheus", or(c.Prometheus, "prometheus")},
		{"capabilities", "Capabilities", or(published, "capabilities")},
	}
	// Reports of earlier versions did not ask.
	if ran := images(c.Images); ran != "" || c.Unread["images"] != "" {
		list = append(list, property{"images", "Images", or(ran, "images")})
	}
	return list
}

// images are the digests of each container.
func images(by map[string][]string) string {
	var out []string
	for _, container := range slices.Sorted(maps.Keys(by)) {
		out = append(out, container+" "+strings.Join(by[container], ", "))
	}
	return strings.Join(out, "; ")
}

func nodes(groups []result.NodeGroup) string {
	var out []string
	for _, g := range groups {
		out = append(out, fmt.Sprintf("%d × kernel %s, %s, %s", g.Count, g.Kernel, g.Runtime, g.Architecture))
	}
	return strings.Join(out, "; ")
}
