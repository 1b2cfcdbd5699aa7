package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/rules"
)

// liveTimeout is how long one question about days of samples may take.
const liveTimeout = 30 * time.Second

// liveServer is the Prometheus that SLOs are compared with, where one is named.
type liveServer struct{ url, httpFile string }

// flags registers where it is, and what it is for.
func (l *liveServer) flags(f *pflag.FlagSet, purpose string) {
	f.StringVar(&l.url, "prometheus-url", "", purpose)
	f.StringVar(&l.httpFile, "prometheus-http-config", "", "file with Prometheus' own http_config, for tokens, passwords and certificates, and azuread (with --prometheus-url)")
}

func (l *liveServer) check() error {
	switch {
	case l.url == "" && l.httpFile != "":
		return usageError{errors.New("--prometheus-http-config without --prometheus-url configures nothing; give --prometheus-url, or leave it out")}
	case l.url == "":
		return nil
	}
	if err := checkServer("prometheus-url", l.url); err != nil {
		return usageError{err}
	}
	return nil
}

// checkServer refuses what is not the whole URL of a server, which the flag of that name
// has to be. It shows no password.
func checkServer(flag, value string) error {
	if document.WebAddress(value) {
		return nil
	}
	return fmt.Errorf("--%s %q is not the URL of a server; want such as http://there.example:9090", flag, result.Redact(value))
}

// lint compares the SLOs of a checkout with the server; without one it finds nothing.
func (l *liveServer) lint(ctx context.Context, root string) (found document.Problems, err error) {
	if l.url == "" {
		return nil, nil
	}
	err = l.ask(ctx, func(client *prom.Client) error {
		found, err = rules.LintLive(ctx, root, client)
		return err
	})
	return found, err
}

// ask lets do ask the server, and returns when it does.
func (l *liveServer) ask(ctx context.Context, do func(*prom.Client) error) error {
	cfg := prom.Config{URL: l.url, Timeout: liveTimeout}
	if l.httpFile != "" {
		auth, err := readPromAuth(l.httpFile)
		if err != nil {
			return usageError{err}
		}
		server, err := auth.server(ctx, l.url, l.httpFile)
		if errors.Is(err, prom.ErrUnreachable) {
			return err
		}
		if err != nil {
			return usageError{err}
		}
		cfg.RoundTripper = server.RoundTripper
	}
	client, err := prom.New(cfg)
	if err != nil {
		return usageError{fmt.Errorf("--prometheus-url: %w", err)}
	}
	defer client.Close()
	return do(client)
}
