package main

import (
	"testing"
	"testing/fstest"
)

func TestTheMeterKnowsWhetherTheTestsDelayIt(t *testing.T) {
	const on, v1, v2 = "1\n", "2:cpuacct:/\n1:cpu:/\n0::/\n", "0::/\n"
	for _, c := range []struct {
		name, autogroup, cgroup string
		files                   []string
		delays                  bool
	}{
		{"version 1, at the root", on, v1, []string{"cpu/release_agent"}, false},
		{"version 1, two controllers together", on, "4:cpu,cpuacct:/\n", []string{"cpu,cpuacct/release_agent"}, false},
		{"version 1, in a group", on, "1:cpu:/docker/abc\n0::/\n", []string{"cpu/release_agent"}, true},
		{"version 1, in a namespace that shows a root", on, v1, nil, true},
		{"version 2, at the root", on, v2, []string{"cgroup.controllers"}, false},
		{"version 2, in a slice", on, "0::/user.slice/session-1.scope\n", []string{"cgroup.controllers"}, true},
		{"version 2, in a namespace that shows a root", on, v2, []string{"cgroup.controllers", "cgroup.type"}, true},
		{"version 2, without its files", on, v2, nil, true},
		{"the kernel groups nothing", "0\n", v1, []string{"cpu/release_agent"}, true},
		{"the kernel cannot group", "", v1, []string{"cpu/release_agent"}, true},
		{"no control groups at all", on, "", nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := fstest.MapFS{"proc/self/cgroup": {Data: []byte(c.cgroup)}}
			if c.autogroup != "" {
				root["proc/sys/kernel/sched_autogroup_enabled"] = &fstest.MapFile{Data: []byte(c.autogroup)}
			}
			for _, f := range c.files {
				root["sys/fs/cgroup/"+f] = &fstest.MapFile{}
			}
			if got := sharedGroup(root); (got != "") != c.delays {
				t.Errorf("it says %q, want delays: %t", got, c.delays)
			}
		})
	}
}
