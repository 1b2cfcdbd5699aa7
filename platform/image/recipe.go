package main

import (
	"context"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
)

// recipe says what an image is made of: the program of a package, and what it does
// unless it is told otherwise.
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

// inputs are what an image and its recipe are made of, a line each, relative to the
// repository: the directories of the packages, whose embedded files lie in them too,
// and what says which modules and compiler are used. While none of it changes, no
// other package can come to it.
func inputs(ctx context.Context, _ options, name string) (string, error) {
	r, err := find(name)
	if err != nil {
		return "", err
	}
	// A module may be replaced by a directory of the repository.
	const format = "{{with .Module}}{{if .Main}}{{$.ImportPath}} {{.Path}}{{else}}{{with .Replace}}{{if not .Version}}{{.Path}} .{{end}}{{end}}{{end}}{{end}}"
	out, err := exec.CommandContext(ctx, "go", "list", "-deps", "-f", format, r.pkg, "./platform/image").Output()
	if err != nil {
		return "", fmt.Errorf("packages of %s: %w", name, err)
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
