package main

import (
	"io/fs"
	"slices"
	"strings"
)

// sharedGroup explains why the tests' own load delays the meter; empty when it does
// not. The command runs in a session of its own. Where the kernel groups tasks by
// session it divides the CPUs between the groups first, so that the meter, alone in its
// own, gets the CPU however many threads the tests run. It does so in the root of the
// CPU's control groups only: in a container or a systemd slice all are of one group.
func sharedGroup(root fs.FS) string {
	const shared = "the tests' own load delays it here"
	if enabled, err := fs.ReadFile(root, "proc/sys/kernel/sched_autogroup_enabled"); err != nil || strings.TrimSpace(string(enabled)) != "1" {
		return shared
	}
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return shared
	}
	// Each line is ID:CONTROLLERS:PATH. Version 2 has ID 0 and names no controllers.
	// Inside a cgroup namespace the path is / too, but the files tell the true root.
	isRoot := false
	for line := range strings.Lines(string(groups)) {
		id, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, path, _ := strings.Cut(rest, ":")
		switch {
		case slices.Contains(strings.Split(controllers, ","), "cpu"):
			if path == "/" && exists(root, "sys/fs/cgroup/"+controllers+"/release_agent") {
				return ""
			}
			return shared
		case id == "0" && path == "/":
			isRoot = exists(root, "sys/fs/cgroup/cgroup.controllers") && !exists(root, "sys/fs/cgroup/cgroup.type")
		}
	}
	if isRoot {
		return ""
	}
	return shared
}

func exists(root fs.FS, name string) bool {
	_, err := fs.Stat(root, name)
	return err == nil
}
