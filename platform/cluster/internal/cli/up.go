package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/ballast-sre/ballast/internal/image"
	"github.com/ballast-sre/ballast/platform/cluster/git"
	"github.com/ballast-sre/ballast/platform/cluster/internal/bootstrap"
	"github.com/ballast-sre/ballast/platform/cluster/source"
)

// healthyWithin is how long the platform may take from the first push on.
const healthyWithin = 10 * time.Minute

// up brings the cluster to where it should be, whatever is there of it.
func (c *command) up(ctx context.Context) error {
	began := time.Now()
	n, err := c.node(ctx)
	if err != nil {
		return err
	}
	if err := n.Start(ctx); err != nil {
		return err
	}
	c.report("node %s is ready", n.Name())
	if err := n.Images(ctx); err != nil {
		return err
	}
	if err := n.Addons(ctx); err != nil {
		return err
	}
	if c.environment != "" {
		if err := c.deploy(ctx, n); err != nil {
			return err
		}
	}
	c.report("up in %s", time.Since(began).Round(time.Second))
	return c.printEnv(n)
}

// printEnv tells a shell where the cluster is, and where programs are that fit it.
func (c *command) printEnv(n node) error {
	kubectl, err := n.tools.Kubectl()
	if err != nil {
		return err
	}
	helm, err := n.tools.Helm()
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "export KUBECONFIG=%s\nexport PATH=%s:%s:\"$PATH\"\n", n.Kubeconfig(), filepath.Dir(kubectl), filepath.Dir(helm))
	return nil
}

// env is for a shell that did not bring the cluster up: eval "$(cluster env)".
func (c *command) env(ctx context.Context) error {
	n, err := c.running(ctx)
	if err != nil {
		return err
	}
	return c.printEnv(n)
}

// running is the cluster, which has to run.
func (c *command) running(ctx context.Context) (node, error) {
	n, err := c.node(ctx)
	if err != nil {
		return node{}, err
	}
	if !n.Running() {
		return node{}, fmt.Errorf("cluster %s does not run; `make up` starts it", n.Name())
	}
	return n, nil
}

// deploy installs Argo CD and makes the first push.
func (c *command) deploy(ctx context.Context, n node) error {
	kubectl, err := n.tools.Kubectl()
	if err != nil {
		return err
	}
	upstream, err := n.tools.ModuleDir(ctx, "argo-cd", "github.com/argoproj/argo-cd/v3")
	if err != nil {
		return err
	}
	keys, err := secretsIn(n.Dir())
	if err != nil {
		return err
	}
	remote, err := remoteOf(n)
	if err != nil {
		return err
	}
	credential, err := keys.credentialFile(n.Dir())
	if err != nil {
		return err
	}
	definitions, err := definitionsOf(ctx, n.tools)
	if err != nil {
		return err
	}
	p := bootstrap.Platform{
		Definitions: definitions,
		Checkout:    c.repository, Kubectl: kubectl, Kubeconfig: n.Kubeconfig(), ArgoCD: filepath.Join(upstream, "manifests", "install.yaml"),
		Environment: c.environment, WebhookSecret: keys.webhook, Report: c.report,
		Remote: remote, CredentialHelper: helper(quoted(credential)),
	}
	c.report("installing Argo CD")
	if err := p.Install(ctx); err != nil {
		return err
	}
	charts, err := chaosChart(ctx, n.tools, c.repository)
	if err != nil {
		return err
	}
	server, err := repositories(n.Dir(), "", keys, nil, nil)
	if err != nil {
		return err
	}
	if _, _, err := server.WriteDeploy(ctx, "Chaos Mesh", charts); err != nil {
		return err
	}
	if (&git.Builder{Images: images(), Work: workIn(n.Dir())}).Cold() {
		c.warm(ctx)
	}
	c.report("git push")
	if err := p.Push(ctx); err != nil {
		return err
	}
	if err := p.Begin(ctx); err != nil {
		return err
	}
	if err := p.Await(ctx, healthyWithin); err != nil {
		return err
	}
	if err := p.PublishCapabilities(ctx); err != nil {
		return err
	}
	return c.nameRemote(ctx, n, remote, keys)
}

// definitionsOf are directories with the custom resource definitions that the
// environment's applications count on, each from the module of its controller.
func definitionsOf(ctx context.Context, n *source.Node) ([]string, error) {
	operator, err := n.ModuleDir(ctx, "prometheus-operator", "github.com/prometheus-operator/prometheus-operator")
	if err != nil {
		return nil, err
	}
	chaos, err := n.ChaosDefinitions(ctx)
	if err != nil {
		return nil, err
	}
	return []string{filepath.Join(operator, "example", "prometheus-operator-crd"), chaos}, nil
}

func (c *command) down(ctx context.Context) error {
	n, err := c.node(ctx)
	if err != nil {
		return err
	}
	if err := n.Stop(ctx); err != nil {
		return err
	}
	return c.forgetRemote(ctx, n)
}

func (c *command) build(ctx context.Context) error {
	n, err := c.node(ctx)
	if err != nil {
		return err
	}
	return n.Build(ctx)
}

func (c *command) logs(ctx context.Context, dir string) error {
	n, err := c.node(ctx)
	if err != nil {
		return err
	}
	return n.Logs(ctx, dir)
}

func (c *command) loadImage(ctx context.Context, layout, ref string) error {
	n, err := c.node(ctx)
	if err != nil {
		return err
	}
	img, err := image.FromLayout(layout)
	if err != nil {
		return err
	}
	return n.Push(ctx, img, ref)
}
