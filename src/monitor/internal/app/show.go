package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ballast-sre/ballast/src/monitor/internal/httpapi"
	"github.com/ballast-sre/ballast/src/monitor/internal/web"
)

const (
	// showTime bounds how long a monitor may take to answer, maxShown how
	// much it may say, in bytes.
	showTime = 10 * time.Second
	maxShown = 64 << 20
	// usual is where a monitor listens by default.
	usual = "http://127.0.0.1:8080"
)

func newShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show [URL]",
		Short: "Print what a running monitor shows, as tables",
		Long: `show asks a running monitor once and prints the host, the own cgroup, file
systems, disks and network as tables. URL is that of the monitor; without one
it is ` + usual + `.`,
		Example: "  monitor show\n  monitor show http://node-1:8080",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("%w: %d arguments: name one URL at most", errUsage, len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			base := usual
			if len(args) == 1 {
				base = args[0]
			}
			return show(cmd.Context(), base, cmd.OutOrStdout())
		},
	}
}

func show(ctx context.Context, base string, out io.Writer) error {
	at, err := url.Parse(base)
	if err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Host == "" {
		return fmt.Errorf("%w: %q is no URL of a monitor; write %s, say", errUsage, base, usual)
	}
	ctx, cancel := context.WithTimeout(ctx, showTime)
	defer cancel()
	body, err := ask(ctx, at.JoinPath("api", "v1", "snapshot").String())
	if err != nil {
		return fmt.Errorf("ask the monitor at %s: %w", at.Redacted(), err)
	}
	if err := web.WriteText(out, web.Page{Snapshot: body, Now: time.Now()}); err != nil {
		return fmt.Errorf("show what %s answers: %w", at.Redacted(), err)
	}
	return nil
}

func ask(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if urlErr := (*url.Error)(nil); errors.As(err, &urlErr) {
			err = urlErr.Err // the address is said already
		}
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxShown+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > maxShown:
		return nil, fmt.Errorf("the answer is larger than %d bytes", maxShown)
	case resp.StatusCode == http.StatusOK:
		return body, nil
	}
	var p httpapi.Problem
	if json.Unmarshal(body, &p) == nil && p.Detail != "" {
		return nil, fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(p.Detail))
	}
	return nil, errors.New(resp.Status)
}
