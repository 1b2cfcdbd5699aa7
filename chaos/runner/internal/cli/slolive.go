package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/rules"
)

// liveTimeout is how long one question about days of samples may take.
const liveTimeout = 30 * time.Second

// liveServer is the Prometheus that SLOs are compared with, where one is named.
type liveServer struct{ url, httpFile string }

func (l *liveServer) flags(f *pflag.FlagSet) {
	f.StringVar(&l.url, "prometheus-url", "", "a Prometheus that scrapes what the SLOs are about: they are compared with its series, its traffic and how long it keeps samples")
	f.StringVar(&l.httpFile, "prometheus-http-config", "", "file with Prometheus' own http_config, for tokens, passwords and certificates, and azuread (with --prometheus-url)")
}

func (l *liveServer) check() error {
	switch {
	case l.url == "" && l.httpFile != "":
		return usageError{errors.New("--prometheus-http-config without --prometheus-url configures nothing; give --prometheus-url, or leave it out")}
	case l.url == "":
		return nil
	}
	client, err := prom.New(prom.Config{URL: l.url})
	if err != nil {
		return usageError{fmt.Errorf("--prometheus-url: %w", err)}
	}
	client.Close()
	return nil
}

// lint compares the SLOs of a checkout with the server; without one it finds nothing.
func (l *liveServer) lint(ctx context.Context, root string) (document.Problems, error) {
	if l.url == "" {
		return nil, nil
	}
	cfg := prom.Config{URL: l.url, Timeout: liveTimeout}
	if l.httpFile != "" {
		auth, err := readPromAuth(l.httpFile)
		if err != nil {
			return nil, usageError{err}
		}
		server, err := auth.server(ctx, l.url, l.httpFile)
		if errors.Is(err, prom.ErrUnreachable) {
			return nil, err
		}
		if err != nil {
			return nil, usageError{err}
		}
		cfg.RoundTripper = server.RoundTripper
	}
	client, err := prom.New(cfg)
	if err != nil {
		return nil, usageError{fmt.Errorf("--prometheus-url: %w", err)}
	}
	defer client.Close()
	return rules.LintLive(ctx, root, client)
}
