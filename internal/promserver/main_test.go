package promserver_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/promserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open starts a server that the test closes, with its log in the test's.
func open(t testing.TB, cfg promserver.Config) *promserver.Server {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	s, err := promserver.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// inProcess asks s without a network.
func inProcess(t testing.TB, s *promserver.Server, cfg prom.Config) *prom.Client {
	t.Helper()
	cfg.URL = "http://embedded"
	cfg.Timeout = time.Minute // a busy machine is not what is tested
	cfg.RoundTripper = promserver.Transport(s.Handler())
	c, err := prom.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func ruleFile(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
