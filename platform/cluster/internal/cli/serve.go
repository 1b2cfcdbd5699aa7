package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/ballast-sre/ballast/platform/cluster/git"
	"github.com/ballast-sre/ballast/platform/cluster/internal/bootstrap"
	"github.com/ballast-sre/ballast/platform/cluster/internal/hosttools"
	"github.com/ballast-sre/ballast/platform/cluster/internal/registry"
	"github.com/ballast-sre/ballast/platform/cluster/internal/sandbox"
	"github.com/ballast-sre/ballast/platform/cluster/kind"
	"github.com/ballast-sre/ballast/platform/cluster/source"
)

// images are built from a push to the repository that is deployed.
func images() []string { return []string{"monitor", "ballast"} }

// workIn is the directory of the builder in that of a cluster.
func workIn(dir string) string { return filepath.Join(dir, "build") }

// repositories is the server of a cluster's repositories. backend is git-http-backend,
// and may be empty where nobody is served; without lead nothing is measured.
func repositories(dir, backend string, k keys, pushed func(context.Context, git.Push, io.Writer) error, lead *git.Lead) (*git.Server, error) {
	if pushed == nil {
		pushed = func(context.Context, git.Push, io.Writer) error { return nil }
	}
	return git.NewServer(git.Config{
		Backend: backend, Dir: filepath.Join(dir, "git"), Self: filepath.Join(dir, source.KeptSelf), Token: k.token, Pushed: pushed,
		Lead: lead, Logger: slog.New(slog.NewJSONHandler(os.Stderr, nil)),
	})
}

// gitServer is the path of git-http-backend.
func gitServer(ctx context.Context) (string, error) {
	path, err := hosttools.Here("", nil).GitServer(ctx) // nothing is fetched, and nothing to report
	if err != nil {
		return "", fmt.Errorf("serve the repositories: %w", err)
	}
	return path, nil
}

// serve is the program of a node that serves its repositories, until a signal ends
// it. args are those after the subcommand's name: the node's directory.
func serve(ctx context.Context, args []string, _ io.Writer) error {
	if len(args) != 1 {
		return errors.New("this is a program of a node; `cluster up` starts it")
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	dir := args[0]
	k, err := secretsIn(dir)
	if err != nil {
		return err
	}
	backend, err := gitServer(ctx)
	if err != nil {
		return err
	}
	passwords, err := registry.Passwords(dir)
	if err != nil {
		return err
	}
	const hostNetwork = 3 // as the supervisor hands it over
	syscall.CloseOnExec(hostNetwork)
	resolver, err := os.ReadFile(filepath.Join(dir, source.HostResolver))
	if err != nil {
		return err
	}
	syscall.Umask(builderUmask)
	builder := &git.Builder{
		Images: images(), Repository: "ballast", Work: workIn(dir),
		Registry: source.Registry, User: registry.Builder, Password: passwords[registry.Builder],
		Webhook:     git.Webhook{URL: bootstrap.Webhook, Base: bootstrap.Host, Secret: k.webhook, Resolver: source.Resolver},
		Compares:    compares,
		HostNetwork: os.NewFile(hostNetwork, "host network"), Resolver: string(resolver),
	}
	lead, err := leadOfNode(dir, slog.New(slog.NewJSONHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	server, err := repositories(dir, backend, k, builder.Pushed, lead)
	if err != nil {
		return err
	}
	builder.Server = server
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", source.GitAddress)
	if err != nil {
		return fmt.Errorf("serve the repositories: %w", err)
	}
	return server.Serve(ctx, l)
}

// serveKind is the process on the host of a cluster of kind. It serves its registry
// and repositories until a signal ends it. args are those after the subcommand's
// name: the cluster's directory.
func serveKind(ctx context.Context, args []string, stderr io.Writer) error {
	if len(args) != 1 {
		return errors.New("this is a program of a cluster; `cluster up` starts it")
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	dir := args[0]
	return kind.Serve(ctx, dir, slog.New(slog.NewJSONHandler(stderr, nil)), func(h kind.Host) (kind.Repositories, error) {
		backend, err := gitServer(ctx)
		if err != nil {
			return nil, err
		}
		k, err := secretsIn(dir)
		if err != nil {
			return nil, err
		}
		resolver, err := os.ReadFile("/etc/resolv.conf")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		syscall.Umask(builderUmask)
		builder := &git.Builder{
			Resolver: string(resolver), Unconfined: unconfined(ctx, filepath.Join(dir, "sandbox")),
			Images: images(), Repository: "ballast", Work: workIn(dir),
			Registry: h.Registry, User: h.User, Password: h.Password,
			// Argo CD's receiver has no address that this machine could reach.
			Webhook:  git.Webhook{URL: h.Service(bootstrap.Namespace, "argocd-webhook", "http") + "/api/webhook", Base: bootstrap.Host, Secret: k.webhook, Client: h.Client},
			Compares: compares,
		}
		api, err := url.Parse(h.API)
		if err != nil {
			return nil, fmt.Errorf("the API server's address: %w", err)
		}
		builder.Server, err = repositories(dir, backend, k, builder.Pushed, leadThrough(h.Client, api, slog.New(slog.NewJSONHandler(stderr, nil))))
		return builder.Server, err
	})
}

// compares is how long Argo CD takes to compare the applications after a push: under two
// seconds on two busy cores.
const compares = 3 * time.Second

// builderUmask lets the user of a sandbox read a checkout. Secrets are written with a
// mode of their own.
const builderUmask = 0o022

// unconfined says what keeps builds from running in a sandbox, if something does. root
// is a directory to try it with. Builds that root starts never run without.
func unconfined(ctx context.Context, root string) string {
	if os.Getuid() == 0 {
		return ""
	}
	err := os.MkdirAll(root, 0o755)
	if err == nil {
		err = sandbox.Possible(ctx, root)
	}
	if err != nil {
		return fmt.Sprintf("this system lets only root make a sandbox (%v)", err)
	}
	return ""
}

// chaosChart returns what writes the chart of Chaos Mesh with its dependency into
// the deploy repository: the chart of this repository, upstream's as the module has
// it, and the definitions that match the controller.
func chaosChart(ctx context.Context, n *source.Node, repository string) (func(tree string) error, error) {
	upstream, err := n.ModuleDir(ctx, "chaos-mesh", "github.com/chaos-mesh/chaos-mesh")
	if err != nil {
		return nil, err
	}
	definitions, err := n.ChaosDefinitions(ctx)
	if err != nil {
		return nil, err
	}
	return func(tree string) error {
		chart := filepath.Join(tree, "charts", "chaos")
		dependency := filepath.Join(chart, "charts", "chaos-mesh")
		if err := os.RemoveAll(chart); err != nil {
			return err
		}
		for _, c := range []struct{ from, to string }{
			{filepath.Join(repository, "platform", "helm", "chaos"), chart},
			{filepath.Join(upstream, "helm", "chaos-mesh"), dependency},
			// Upstream's are of the commit of its release, these of the one that was built.
			{definitions, filepath.Join(dependency, "crds")},
		} {
			if err := copyTree(ctx, c.from, c.to); err != nil {
				return err
			}
		}
		return pinned(filepath.Join(dependency, "Chart.yaml"), filepath.Join(chart, "Chart.yaml"))
	}, nil
}

// copyTree makes to a copy of from, in which links are what they lead to: a chart's
// lead out of it.
func copyTree(ctx context.Context, from, to string) error {
	if err := errors.Join(os.RemoveAll(to), os.MkdirAll(filepath.Dir(to), 0o755)); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "cp", "-rL", "--no-preserve=mode", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("copy %s: %w: %s", from, err, out)
	}
	return nil
}

// pinned gives the dependency the version that the chart asks for: a module of
// Chaos Mesh does not know which release it will be.
func pinned(dependency, chart string) error {
	text, err := os.ReadFile(chart)
	if err != nil {
		return err
	}
	_, after, ok := strings.Cut(string(text), "name: chaos-mesh")
	if !ok {
		return fmt.Errorf("%s names no dependency chaos-mesh", chart)
	}
	var version string
	for line := range strings.Lines(after) {
		if value, found := strings.CutPrefix(strings.TrimSpace(line), "version:"); found {
			version = strings.Trim(strings.TrimSpace(value), `"`)
			break
		}
	}
	if version == "" {
		return fmt.Errorf("%s names no version of chaos-mesh", chart)
	}
	own, err := os.ReadFile(dependency)
	if err != nil {
		return err
	}
	var out strings.Builder
	for line := range strings.Lines(string(own)) {
		if strings.HasPrefix(line, "version:") {
			line = "version: " + version + "\n"
		}
		out.WriteString(line)
	}
	return os.WriteFile(dependency, []byte(out.String()), 0o600)
}
