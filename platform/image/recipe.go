package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
)

// recipe says what an image is made of: the program of a package, and the defaults of
// its settings.
type recipe struct {
	program, pkg, description string
	env                       map[string]string
}

// recipes are the images by name. Those of the monitor hold the same program in the
// same layer, so that a node which has one of them has all but a few hundred bytes of
// the others.
func recipes() map[string]recipe {
	monitor := func(of, collector string) recipe {
		r := recipe{program: "monitor", pkg: "./src/monitor", description: "The monitoring service" + of}
		if collector != "" {
			r.env = map[string]string{"MONITOR_COLLECTORS": collector}
		}
		return r
	}
	return map[string]recipe{
		"monitor":         monitor("", ""),
		"monitor-cpu":     monitor(", of processors alone", "cpu"),
		"monitor-memory":  monitor(", of memory alone", "memory"),
		"monitor-disk":    monitor(", of file systems and disks alone", "disk"),
		"monitor-network": monitor(", of network interfaces alone", "network"),
		"ballast":         {program: "ballast", pkg: "./chaos/runner", description: "The chaos runner and load generator"},
	}
}

func find(name string) (recipe, error) {
	r, ok := recipes()[name]
	if !ok {
		return r, fmt.Errorf("there is no image %q; there are %s", name, strings.Join(slices.Sorted(maps.Keys(recipes())), ", "))
	}
	return r, nil
}

// inputs are the files that an image depends on, a line each, relative to the
// repository: the directories of its packages, with their embedded files, and go.mod
// and go.sum. While none of them changes, the list stays the same.
func inputs(ctx context.Context, _ options, name string) (string, error) {
	r, err := find(name)
	if err != nil {
		return "", err
	}
	// A module may be replaced by a directory of the repository.
	const format = "{{with .Module}}{{if .Main}}{{$.ImportPath}} {{.Path}}{{else}}{{with .Replace}}{{if not .Version}}{{.Path}} .{{end}}{{end}}{{end}}{{end}}"
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-f", format, r.pkg, "./platform/image")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("packages of %s: %w: %s; run it at the root of the repository", name, err, bytes.TrimSpace(stderr.Bytes()))
	}
	all := []string{"go.mod", "go.sum"}
	for line := range strings.Lines(string(out)) {
		pkg, module, ok := strings.Cut(strings.TrimSpace(line), " ")
		if ok {
			all = append(all, strings.TrimPrefix(pkg, module+"/"))
		}
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), "\n"), nil
}
