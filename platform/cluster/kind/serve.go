package kind

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/ballast-sre/ballast/platform/cluster/internal/registry"
)

// Repositories are what the process on the host serves beside the registry.
type Repositories interface {
	http.Handler
	// Serve answers on the listener until ctx ends.
	Serve(ctx context.Context, l net.Listener) error
}

// Host is what a builder on the host is told.
type Host struct {
	// Registry is HOST:PORT at the gateway, in plain HTTP. Pushing there takes User and
	// Password, which neither nodes nor pods have.
	Registry, User, Password string
	// API is the URL of the API server, and Client the administrator's way to it.
	API    string
	Client *http.Client
}

// Service is the URL of a port of a Service as the API server passes it on: this
// machine reaches no address of the cluster. A receiver that is not there yet makes
// Client fail with ECONNREFUSED, as it would at its own address.
func (h Host) Service(namespace, name, port string) string {
	return strings.TrimSuffix(h.API, "/") + "/api/v1/namespaces/" + namespace + "/services/" + name + ":" + port + "/proxy"
}

// Serve is the process on the host. It serves the registry and what repositories
// makes until ctx ends, or one of them does. dir is the cluster's directory, and the
// listeners are inherited: only Start can start it.
func Serve(ctx context.Context, dir string, logger *slog.Logger, repositories func(Host) (Repositories, error)) error {
	// Whatever a person's descriptors are, they are not for this.
	if os.Getenv(mark) != dir {
		return errNotStarted
	}
	git, err := inherited(gitFD)
	if err != nil {
		return err
	}
	nodes, err := inherited(gatewayFD)
	if err != nil {
		return errors.Join(err, git.Close())
	}
	return serve(ctx, dir, git, nodes, logger, repositories)
}

var errNotStarted = errors.New("this is a program of a cluster; `cluster up` starts it")

// inherited is a listener that Start has handed over.
func inherited(fd uintptr) (net.Listener, error) {
	f := os.NewFile(fd, "listener")
	if f == nil {
		return nil, errNotStarted
	}
	defer f.Close() //nolint:errcheck // the listener has its own descriptor
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotStarted, err)
	}
	return l, nil
}

// serve owns the listeners.
func serve(ctx context.Context, dir string, git, nodes net.Listener, logger *slog.Logger, repositories func(Host) (Repositories, error)) (err error) {
	defer func() {
		for _, l := range []net.Listener{git, nodes} {
			_ = l.Close() // its server may have done so
		}
	}()
	st, err := loadState(filepath.Join(dir, stateFile))
	if err != nil {
		return err
	}
	api, client, err := administrator(filepath.Join(dir, "kubeconfig"))
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	passwords, err := registry.Passwords(dir)
	if err != nil {
		return err
	}
	served, err := repositories(Host{
		Registry: nodes.Addr().String(), User: registry.Builder, Password: passwords[registry.Builder], API: api, Client: client,
	})
	if err != nil {
		return err
	}
	transport := registry.Through(dir)
	defer transport.CloseIdleConnections()

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return runRegistry(ctx, dir, st.Registry) })
	group.Go(func() error { return served.Serve(ctx, git) })
	group.Go(func() error {
		return registry.Serve(ctx, nodes, forNodes(registry.Door(transport, passwords, logger), served), logger)
	})
	logger.Info("serving", "repositories", git.Addr().String(), "nodes", nodes.Addr().String())
	return group.Wait()
}

// forNodes is what the nodes and their pods reach: images and repositories.
func forNodes(images, repositories http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, registry.Prefix) {
			images.ServeHTTP(w, r)
		} else {
			repositories.ServeHTTP(w, r)
		}
	})
}

// runRegistry runs the registry until ctx ends. Should it end by itself, so does the
// process: `make up` starts both again.
func runRegistry(ctx context.Context, dir, program string) error {
	config := filepath.Join(dir, "registry.yaml")
	if err := os.WriteFile(config, registryConfig(filepath.Join(dir, "registry"), filepath.Join(dir, registry.Socket)), 0o600); err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	log, err := os.OpenFile(filepath.Join(dir, "log", "registry.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	defer log.Close() //nolint:errcheck // the program has its own descriptor
	cmd := exec.CommandContext(ctx, program, "serve", config)
	cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, dir
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	err = cmd.Run()
	if ctx.Err() != nil {
		return nil // it was asked to end
	}
	if err == nil {
		err = errors.New("it ended by itself")
	}
	return fmt.Errorf("registry: %w; the end of %s:\n%s", err, log.Name(), tailOf(log.Name(), 5))
}

// administrator is how the API server of a kubeconfig is reached.
func administrator(kubeconfig string) (api string, _ *http.Client, err error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return "", nil, fmt.Errorf("kubeconfig of the cluster: %w", err)
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return "", nil, fmt.Errorf("kubeconfig of the cluster: %w", err)
	}
	client.Transport = behindService{client.Transport}
	return config.Host, client, nil
}

// behindService says of a Service that nobody stands behind yet what its own address
// would say: that nobody listens. The API server answers with 503 instead.
type behindService struct{ next http.RoundTripper }

// RoundTrip asks the API server.
func (b behindService) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.next.RoundTrip(r)
	if err != nil || res.StatusCode != http.StatusServiceUnavailable {
		return res, err
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, 500))
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%s: %s: %w", res.Status, strings.TrimSpace(string(text)), syscall.ECONNREFUSED)
}

// CloseIdleConnections lets the client close them.
func (b behindService) CloseIdleConnections() {
	if closer, ok := b.next.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}
