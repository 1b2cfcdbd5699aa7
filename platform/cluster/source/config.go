package source

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

// KubernetesVersion of a node. It must stay at or below 1.34 as long as hosts with
// cgroup v1 are to be served: later kubelets refuse them.
const KubernetesVersion = "v1.34.4"

// The addresses of a node. They exist in its own network namespace only, so that
// every node has the same.
const (
	nodeAddress   = "10.89.0.2"
	nodeSubnet    = "10.89.0.0/24"
	podSubnet     = "10.244.0.0/16"
	serviceSubnet = "10.96.0.0/16"
	dnsAddress    = "10.96.0.10"
	apiPort       = 6443
	registryPort  = 5000
	gitPort       = 3000
	clusterDomain = "cluster.local"
	pauseImage    = "registry.k8s.io/pause:3.10"
)

// What the server of the repositories needs to know of the node: where it listens,
// where images go, and where the cluster's names are resolved.
const (
	GitAddress = nodeAddress + ":3000"
	Registry   = nodeAddress + ":5000"
	Resolver   = dnsAddress + ":53"
)

// HostResolver is a file in the node's directory: the resolv.conf of the host's
// network, which in the node may lead to what only the host has.
const HostResolver = "host-resolv.conf"

// GitKubeconfig is a file in the node's directory, by which the server of the repositories
// reads Argo CD's applications.
const GitKubeconfig = "kubeconfig/git.conf"

//go:embed config/*.tmpl
var configFiles embed.FS

// settings are what the configuration files of a node's programs are filled with.
type settings struct {
	Name, Hostname                   string
	Dir                              string // of the node
	NodeAddress, PodSubnet           string
	ServiceSubnet, DNSAddress        string
	ClusterDomain, KubernetesVersion string
	APIPort, RegistryPort            int
	CgroupRoot                       string
	RestrictOOMScore                 bool
	Containerd                       string // the program
	CNIPlugins                       string // the directory
	HostPort                         int    // where the host reaches the API server
	Pause                            string
	// Self is this very program, which the node runs again.
	Self string
	// Programs are the paths of all programs of components, by component/program.
	Programs map[string]string
}

// configure writes every configuration file into <dir>/config.
func configure(s settings) error {
	all, err := template.New("").Option("missingkey=error").ParseFS(configFiles, "config/*.tmpl")
	if err != nil {
		return fmt.Errorf("node configuration: %w", err)
	}
	for _, t := range all.Templates() {
		name, isFile := strings.CutSuffix(t.Name(), ".tmpl")
		if !isFile {
			continue
		}
		var text bytes.Buffer
		if err := t.Execute(&text, s); err != nil {
			return fmt.Errorf("node configuration %s: %w", name, err)
		}
		// A double underscore stands for a directory.
		path := filepath.Join(s.Dir, "config", filepath.FromSlash(strings.ReplaceAll(name, "__", "/")))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("node configuration %s: %w", name, err)
		}
		if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
			return fmt.Errorf("node configuration %s: %w", name, err)
		}
	}
	return nil
}
