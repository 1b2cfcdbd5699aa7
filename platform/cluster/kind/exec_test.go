package kind_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"go.uber.org/goleak"
	"sigs.k8s.io/yaml"

	"github.com/ballast-sre/ballast/platform/cluster/kind"
)

// TestMain lets the test's own program be what a cluster starts: its process on the
// host, and its registry.
func TestMain(m *testing.M) {
	run := map[string]func(ctx context.Context, arg string) error{kind.ServeCommand: host, "__registry": images}
	if len(os.Args) < 2 || run[os.Args[1]] == nil {
		goleak.VerifyTestMain(m)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run[os.Args[1]](ctx, os.Args[len(os.Args)-1])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// host is the process on the host, with repositories that are made up. What it is
// told it writes down.
func host(ctx context.Context, dir string) error {
	return kind.Serve(ctx, dir, slog.New(slog.NewJSONHandler(os.Stderr, nil)), func(h kind.Host) (kind.Repositories, error) {
		told, err := json.Marshal(map[string]string{"registry": h.Registry, "user": h.User, "password": h.Password, "api": h.API})
		return repositories{}, errors.Join(err, os.WriteFile(filepath.Join(dir, "told.json"), told, 0o600))
	})
}

// repositories say which one was asked for.
type repositories struct{}

// ServeHTTP answers.
func (repositories) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "repository %s", r.URL.Path)
}

// Serve answers until ctx ends.
func (r repositories) Serve(ctx context.Context, l net.Listener) error { return answer(ctx, l, r) }

// images is a registry as far as pushing and pulling goes.
func images(ctx context.Context, config string) error {
	text, err := os.ReadFile(config)
	if err != nil {
		return err
	}
	var c struct{ HTTP struct{ Net, Addr string } }
	if err := yaml.Unmarshal(text, &c); err != nil {
		return err
	}
	if err := os.Remove(c.HTTP.Addr); err != nil && !os.IsNotExist(err) {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, c.HTTP.Net, c.HTTP.Addr)
	if err != nil {
		return err
	}
	return answer(ctx, l, registry.New(registry.Logger(slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo))))
}

func answer(ctx context.Context, l net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); ctx.Err() == nil {
		return err
	}
	return nil
}
