package kind

import (
	"fmt"
	"net/netip"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
)

// registries is where a node's containerd looks how to reach a registry.
const registries = "/etc/containerd/certs.d"

// config is what kind makes a cluster of: its name, the image of its nodes, and a
// directory of the host that says how registries are reached.
func config(name, image, certs string) *v1alpha4.Cluster {
	node := func(role v1alpha4.NodeRole) v1alpha4.Node {
		return v1alpha4.Node{Role: role, Image: image, ExtraMounts: []v1alpha4.Mount{{HostPath: certs, ContainerPath: registries, Readonly: true}}}
	}
	return &v1alpha4.Cluster{
		TypeMeta: v1alpha4.TypeMeta{Kind: "Cluster", APIVersion: "kind.x-k8s.io/v1alpha4"},
		Name:     name,
		Nodes:    []v1alpha4.Node{node(v1alpha4.ControlPlaneRole), node(v1alpha4.WorkerRole), node(v1alpha4.WorkerRole)},
		// The version is that of the nodes' configuration. Should another image have
		// another, this is left out, and there the directory is the default.
		ContainerdConfigPatches: []string{"version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\n  config_path = \"" + registries + "\"\n"},
	}
}

// hosts lets a node ask our registry first for what docker.io has. What is not there
// is fetched from where it always is.
func hosts(gateway netip.AddrPort) []byte {
	return fmt.Appendf(nil, `# What a push made is in the cluster's own registry, all else where it always is.
server = "https://registry-1.docker.io"

[host."http://%s"]
  capabilities = ["pull", "resolve"]
`, gateway)
}

// registryConfig is for the registry: its files, and the socket that it listens on.
func registryConfig(storage, socket string) []byte {
	return fmt.Appendf(nil, `version: 0.1
log: {level: warn, formatter: json, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: %q}
  delete: {enabled: true}
http: {net: unix, addr: %q}
`, storage, socket)
}

// metricsServer is a manifest of the checkout that fits every node of a sandbox.
const metricsServer = "platform/cluster/source/addons/metrics-server.yaml"

// gitService is the name by which pods reach the repositories, which are on the host.
func gitService(gateway netip.AddrPort) []byte {
	return fmt.Appendf(nil, `apiVersion: v1
kind: Namespace
metadata: {name: ballast-system}
---
apiVersion: v1
kind: Service
metadata: {name: git, namespace: ballast-system, labels: {app.kubernetes.io/name: ballast-git}}
spec:
  ports: [{name: http, port: 80, targetPort: %[2]d, protocol: TCP}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: git-host
  namespace: ballast-system
  labels: {kubernetes.io/service-name: git}
addressType: IPv4
endpoints: [{addresses: [%[1]s]}]
ports: [{name: http, port: %[2]d, protocol: TCP}]
`, gateway.Addr(), gateway.Port())
}
