package cli_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"go.uber.org/goleak"
	"sigs.k8s.io/yaml"

	"github.com/ballast-sre/ballast/platform/cluster/git"
	"github.com/ballast-sre/ballast/platform/cluster/internal/cli"
	"github.com/ballast-sre/ballast/platform/cluster/internal/sandbox"
	"github.com/ballast-sre/ballast/platform/cluster/kind"
)

// TestMain lets the test's own program be what a cluster starts: its process on the
// host, the hooks of its repositories, the sandbox of its builds, and its registry,
// `registry serve CONFIG`.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case kind.ServeCommand, git.HookCommand, sandbox.Subcommand:
			os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
		case "serve":
			if err := images(os.Args[2]); err != nil {
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	goleak.VerifyTestMain(m)
}

// images is a registry as far as pushing and pulling goes. A signal ends it.
func images(config string) error {
	text, err := os.ReadFile(config)
	if err != nil {
		return err
	}
	var c struct{ HTTP struct{ Net, Addr string } }
	if err := yaml.Unmarshal(text, &c); err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), c.HTTP.Net, c.HTTP.Addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: registry.New(registry.Logger(slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo))), ReadHeaderTimeout: time.Minute}
	return server.Serve(l)
}
