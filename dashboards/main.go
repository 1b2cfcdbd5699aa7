// Command dashboards writes Grafana's dashboards, as JSON, from what the repository's
// SLOs record and its programs export. The files are committed. `dashboards preview` draws
// them from live data, and `dashboards push` brings them to a Grafana.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ballast-sre/ballast/internal/slo"
)

//go:generate go run .

// runbooks is where the runbooks of this repository are read, as in the alerts.
const runbooks = "https://github.com/ballast-sre/ballast/blob/main/docs/runbooks/"

func main() { os.Exit(command(os.Args[1:], os.Getenv, os.Stdout, os.Stderr)) }

// command runs what the first argument names. Without one the files are written.
func command(args []string, environ func(string) string, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		switch args[0] {
		case "preview":
			return runPreview(args[1:], environ, stdout, stderr)
		case "push":
			return runPush(args[1:], environ, stdout, stderr)
		}
	}
	return run(args, stderr)
}

// Exit codes, as of the runner.
const (
	exitOK      = 0
	exitUsage   = 64
	exitData    = 65
	exitUnwrite = 74
)

// run writes a file for each dashboard. What is wrong with the documents is exit code 65.
func run(args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("dashboards", flag.ContinueOnError)
	flags.SetOutput(stderr)
	slos := flags.String("slos", filepath.Join("..", "alerts", "slo"), "`directory` of the SLO documents")
	out := flags.String("out", ".", "`directory` that the files are written to")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitOK
		}
		return exitUsage
	}
	set, err := slo.Load(*slos)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitData
	}
	files, err := generate(set, promSource{})
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitData
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(*out, name), content, 0o644); err != nil {
			fmt.Fprintln(stderr, err)
			return exitUnwrite
		}
	}
	return exitOK
}

// boards are all dashboards.
func boards(set slo.Set) []board {
	o := objectivesOf(set, runbooks)
	return []board{o.overview(), o.detail(), monitorBoard(), chaosBoard(), platformBoard()}
}

// generate makes the files, by name.
func generate(set slo.Set, src source) (map[string][]byte, error) { //nolint:unparam // one data source of several
	files := map[string][]byte{}
	for _, b := range boards(set) {
		d, err := b.build(src)
		if err != nil {
			return nil, err
		}
		content, err := encode(d)
		if err != nil {
			return nil, err
		}
		files[b.uid[len("ballast-"):]+".json"] = content
	}
	return files, nil
}
