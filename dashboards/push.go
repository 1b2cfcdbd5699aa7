package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/ballast-sre/ballast/dashboards/internal/grafana"
	"github.com/ballast-sre/ballast/dashboards/internal/lint"
)

// exitRefused is the exit code where not every dashboard was pushed.
const exitRefused = 1

// runPush pushes the dashboards and prints of each what became of it.
func runPush(args []string, environ func(string) string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("dashboards push", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("dir", ".", "`directory` of the dashboards")
	cfg := grafana.Config{}
	flags.StringVar(&cfg.URL, "grafana-url", "", "`URL` of Grafana; without it the environment variable GRAFANA_URL")
	flags.StringVar(&cfg.FolderUID, "folder-uid", "ballast", "`uid` of the folder")
	flags.StringVar(&cfg.FolderTitle, "folder", "Ballast", "`title` of the folder, where it has to be made")
	flags.StringVar(&cfg.Message, "message", "", "`note` in the history of versions")
	flags.BoolVar(&cfg.Overwrite, "overwrite", false, "replace what somebody else saves meanwhile")
	flags.DurationVar(&cfg.Timeout, "timeout", grafana.DefaultTimeout, "`limit` of one request")
	file := flags.String("token-file", "", "`file` with the token of a service account; without it GRAFANA_TOKEN_FILE names it, or GRAFANA_TOKEN holds the token")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitOK
		}
		return exitUsage
	}
	if flags.NArg() > 0 {
		fmt.Fprintln(stderr, "dashboards push: it takes no arguments; a token is never one: it would be seen in the list of processes")
		return exitUsage
	}
	if cfg.URL == "" {
		cfg.URL = environ("GRAFANA_URL")
	}
	var err error
	if cfg.Token, err = token(*file, environ); err != nil {
		fmt.Fprintln(stderr, "dashboards push:", err)
		return exitUsage
	}
	boards, err := readPushed(*dir)
	if err != nil {
		fmt.Fprintln(stderr, "dashboards push:", err)
		return exitData
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	reports, err := grafana.Push(ctx, cfg, boards)
	for _, r := range reports {
		switch r.Outcome {
		case grafana.Pushed:
			fmt.Fprintf(stdout, "pushed      %s, version %d: %s\n", r.Title, r.Version, r.URL)
		case grafana.Unknown:
			fmt.Fprintf(stdout, "unknown     %s: it may have been saved\n", r.Title)
		case grafana.NotPushed:
			fmt.Fprintf(stdout, "not pushed  %s\n", r.Title)
		}
	}
	if err != nil {
		fmt.Fprintln(stderr, "dashboards push:", err)
		return exitRefused
	}
	return exitOK
}

// token reads the token from the file, or from the environment.
func token(file string, environ func(string) string) (string, error) {
	if file == "" {
		file = environ("GRAFANA_TOKEN_FILE")
	}
	if file == "" {
		return strings.TrimSpace(environ("GRAFANA_TOKEN")), nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("the token: %w", err)
	}
	return strings.TrimSpace(string(content)), nil
}

// readPushed reads the files to push. What Grafana would not show is an error, and nothing
// is pushed.
func readPushed(dir string) ([]grafana.Dashboard, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err == nil && len(paths) == 0 {
		err = fmt.Errorf("%s holds no dashboard", dir)
	}
	errs := []error{err}
	var out []grafana.Dashboard
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err == nil {
			err = lint.Strict(content)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
			continue
		}
		problems, err := lint.Check(content)
		for _, p := range problems {
			errs = append(errs, fmt.Errorf("%s: %s", path, p))
		}
		d, parsed := lint.Parse(content)
		if err = errors.Join(err, parsed); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
			continue
		}
		out = append(out, grafana.Dashboard{UID: d.UID, Title: d.Title, JSON: json.RawMessage(content)})
	}
	return out, errors.Join(errs...)
}
