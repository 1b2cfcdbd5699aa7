//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/e2e-framework/klient"
	"sigs.k8s.io/e2e-framework/support"
)

// node is a cluster of the command cluster, as e2e-framework wants one: the command
// is driven as a person drives it. Its zero value is of no use: see newNode.
type node struct {
	program, name, repository string
	provider                  string // of the cluster; empty is what the machine can do
	image                     string // of the nodes that kind makes; empty is kind's own
	kubeconfig                string
	path                      string // directories of programs that fit the cluster
	progress                  io.Writer
}

var _ support.E2EClusterProviderWithImageLoader = (*node)(nil)

// newNode names a cluster that is made from a checkout's HEAD by a program.
func newNode(program, provider, repository string) *node {
	return &node{program: program, provider: provider, repository: repository, progress: os.Stderr}
}

// WithName sets the cluster's name.
func (n *node) WithName(name string) support.E2EClusterProvider {
	n.name = name
	return n
}

// WithVersion changes nothing: the components' go.mod files say which version.
func (n *node) WithVersion(string) support.E2EClusterProvider { return n }

// WithPath sets the program.
func (n *node) WithPath(path string) support.E2EClusterProvider {
	n.program = path
	return n
}

// WithOpts applies options.
func (n *node) WithOpts(opts ...support.ClusterOpts) support.E2EClusterProvider {
	for _, opt := range opts {
		opt(n)
	}
	return n
}

// SetDefaults changes nothing.
func (n *node) SetDefaults() support.E2EClusterProvider { return n }

// run runs the program and returns its product; progress goes where it can be seen.
func (n *node) run(ctx context.Context, command string, args ...string) (string, error) {
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, n.program, append([]string{command, "--name=" + n.name, "--provider=" + n.provider, "--repository=" + n.repository}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, io.MultiWriter(&complaint, n.progress)
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("cluster %s: %w: %s", command, err, lastLine(complaint.String()))
	}
	return out.String(), nil
}

// source says whether the cluster is a node without Docker, once it is up.
func (n *node) source() bool {
	return n.kubeconfig != "" && strings.HasPrefix(n.kubeconfig, "/var/lib/ballast/")
}

// Create brings the cluster up, or what is there of it to where it should be.
func (n *node) Create(ctx context.Context, args ...string) (string, error) {
	if n.image != "" {
		args = append(args, "--node-image="+n.image)
	}
	out, err := n.run(ctx, "up", args...)
	if err != nil {
		return "", err
	}
	return n.reached(out)
}

// attach takes the cluster as it runs, and lets the checkout push to it.
func (n *node) attach(ctx context.Context, name string) (kubeconfig string, err error) {
	n.name = name
	if _, err := n.run(ctx, "remote", "--add"); err != nil {
		return "", err
	}
	out, err := n.run(ctx, "env")
	if err != nil {
		return "", err
	}
	return n.reached(out)
}

// reached reads what the program says of how to reach the cluster.
func (n *node) reached(out string) (kubeconfig string, err error) {
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		switch name {
		case "KUBECONFIG":
			n.kubeconfig = value
		case "PATH":
			n.path = strings.TrimSuffix(value, `:"$PATH"`)
		}
	}
	if n.kubeconfig == "" || n.path == "" {
		return "", fmt.Errorf("cluster names no kubeconfig or no PATH: %q", out)
	}
	return n.kubeconfig, nil
}

// CreateWithConfig is refused: there is nothing to configure.
func (n *node) CreateWithConfig(context.Context, string) (string, error) {
	return "", errors.New("a cluster of this repository takes no configuration file")
}

// GetKubeconfig is the file that Create returned.
func (n *node) GetKubeconfig() string { return n.kubeconfig }

// GenerateKubeconfig is GetKubeconfig.
func (n *node) GenerateKubeconfig(...string) (string, error) { return n.kubeconfig, nil }

// GetKubectlContext is empty: the file has one context, which is the current one.
func (n *node) GetKubectlContext() string { return "" }

// ExportLogs copies what the node, its pods and its API server tell into a directory.
func (n *node) ExportLogs(ctx context.Context, dest string) error {
	_, err := n.run(ctx, "logs", dest)
	return err
}

// Destroy removes everything of the cluster.
func (n *node) Destroy(ctx context.Context) error {
	_, err := n.run(ctx, "down")
	return err
}

// WaitForControlPlane returns at once: Create does not return before all is ready.
func (n *node) WaitForControlPlane(context.Context, klient.Client) error { return nil }

// KubernetesRestConfig is nil when there is no kubeconfig that can be read.
func (n *node) KubernetesRestConfig() *rest.Config {
	cfg, err := clientcmd.BuildConfigFromFlags("", n.kubeconfig)
	if err != nil {
		return nil
	}
	return cfg
}

// LoadImage puts an image, an OCI layout, under the name args[0] where the node finds it.
func (n *node) LoadImage(ctx context.Context, layout string, args ...string) error {
	if len(args) != 1 {
		return errors.New("LoadImage wants the image's NAME:TAG beside its layout")
	}
	_, err := n.run(ctx, "load-image", layout, args[0])
	return err
}

// LoadImageArchive is refused: layouts hold the same and need no unpacking.
func (n *node) LoadImageArchive(context.Context, string, ...string) error {
	return errors.New("a cluster of this repository takes OCI layouts, not archives: use LoadImage")
}

// remote is where to push to. The checkout that the cluster was brought up from knows
// the password.
func (n *node) remote(ctx context.Context) (string, error) {
	out, err := n.run(ctx, "remote")
	return strings.TrimSpace(out), err
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
