package host

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	mib = 1 << 20
	gib = 1 << 30
)

// cgroups lays out this process's own procfs with its memberships, and mounts:
// lines of mountinfo from the root of the mount on, in which TREE is where
// the fixture is.
func cgroups(t *testing.T, memberships string, mounts ...string) *tree {
	t.Helper()
	tr := newTree(t)
	tr.own = filepath.Join(tr.root, "own")
	tr.put("own/self/cgroup", memberships)
	lines := []string{"22 1 0:5 / / rw - ext4 /dev/sda rw"}
	for i, m := range mounts {
		lines = append(lines, itoa(uint64(30+i))+" 22 0:"+itoa(uint64(30+i))+" "+strings.ReplaceAll(m, "TREE", tr.root))
	}
	tr.put("own/self/mountinfo", lines...)
	return tr
}

// second lays out a group of version 2.
func (tr *tree) second(dir string) {
	tr.put(dir+"/cgroup.type", "domain")
	tr.put(dir+"/cpu.stat", "usage_usec 2500000", "user_usec 1500000", "system_usec 1000000", "nr_periods 100", "nr_throttled 25", "throttled_usec 750000", "nr_bursts 0")
	tr.put(dir+"/cpu.max", "max 100000")
	tr.put(dir+"/cpu.pressure", "some avg10=5.00 avg60=2.00 avg300=1.00 total=3000000", "full avg10=1.00 avg60=0.50 avg300=0.25 total=500000")
	tr.put(dir+"/memory.current", itoa(300*mib))
	tr.put(dir+"/memory.stat", "anon 1", "file 2", "inactive_file "+itoa(100*mib))
	tr.put(dir+"/memory.max", "max")
	tr.put(dir+"/memory.swap.current", itoa(10*mib))
	tr.put(dir+"/memory.events", "low 1", "high 2", "max 3", "oom 4", "oom_kill 5", "oom_group_kill 6")
}

// first lays out a group of version 1, with both trees in one directory.
func (tr *tree) first(dir string) {
	tr.put(dir+"/cpuacct.usage", "2500000000")
	tr.put(dir+"/cpuacct.stat", "user 150", "system 100")
	tr.put(dir+"/cpu.stat", "nr_periods 100", "nr_throttled 25", "throttled_time 750000000")
	tr.put(dir+"/cpu.cfs_quota_us", "-1")
	tr.put(dir+"/cpu.cfs_period_us", "100000")
	tr.put(dir+"/memory.usage_in_bytes", itoa(300*mib))
	tr.put(dir+"/memory.memsw.usage_in_bytes", itoa(310*mib))
	tr.put(dir+"/memory.limit_in_bytes", "9223372036854771712")
	tr.put(dir+"/memory.stat", "inactive_file 7", "total_inactive_file "+itoa(100*mib), "hierarchical_memory_limit 9223372036854771712")
	tr.put(dir+"/memory.failcnt", "3")
	tr.put(dir+"/memory.oom_control", "oom_kill_disable 0", "under_oom 0", "oom_kill 5")
}

func cgroup(t *testing.T, tr *tree) (Cgroup, Report) {
	t.Helper()
	c, rep, err := tr.Cgroup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c, rep
}

func TestTheOwnCgroupOfVersion2(t *testing.T) {
	tr := cgroups(t, "0::/", "/ TREE/cg rw - cgroup2 cgroup rw") // as in a container
	tr.second("cg")
	tr.put("cg/cpu.max", "50000 100000")
	tr.put("cg/memory.max", itoa(400*mib))
	got, rep := cgroup(t, tr)
	want := Cgroup{
		CPU: &CgroupCPU{
			Membership: Membership{Version: 2, Path: "/"}, UsageSeconds: 2.5, UserSeconds: new(1.5), SystemSeconds: new(1.0),
			Limit: &CPULimit{Path: "/", Cores: 0.5, UsageSeconds: new(2.5), Periods: bytes(100), ThrottledPeriods: bytes(25), ThrottledSeconds: new(0.75)},
			Pressure: &Pressure{
				Some: Stall{Percent10s: 5, Percent60s: 2, Percent300s: 1, Seconds: 3},
				Full: &Stall{Percent10s: 1, Percent60s: 0.5, Percent300s: 0.25, Seconds: 0.5},
			},
		},
		Memory: &CgroupMemory{
			Membership: Membership{Version: 2, Path: "/"}, UsageBytes: 300 * mib, WorkingSetBytes: bytes(200 * mib), SwapBytes: bytes(10 * mib),
			Limit:  &MemoryLimit{Path: "/", Bytes: 400 * mib, UsageBytes: bytes(300 * mib), UsedPercent: new(75.0), WorkingSetPercent: new(50.0)},
			Events: MemoryEvents{Low: bytes(1), High: bytes(2), Max: bytes(3), OOM: bytes(4), OOMKills: bytes(5), OOMGroupKills: bytes(6)},
		},
	}
	if d := cmp.Diff(want, got); d != "" || rep.Files != nil || rep.Skipped != nil {
		t.Errorf("cgroup (-want +got):\n%s%+v", d, rep)
	}
}

func TestTheOwnCgroupOfVersion1(t *testing.T) {
	for name, mounts := range map[string][]string{
		"with a namespace": {"/ TREE/cpu rw - cgroup cgroup rw,cpu,cpuacct", "/ TREE/mem rw - cgroup cgroup rw,memory"},
		"without one":      {"/docker/a TREE/cpu rw - cgroup cgroup rw,cpu,cpuacct", "/docker/a TREE/mem rw - cgroup cgroup rw,memory"},
	} {
		t.Run(name, func(t *testing.T) {
			path := "/"
			if name == "without one" {
				path = "/docker/a"
			}
			tr := cgroups(t, "3:cpu,cpuacct:"+path+"\n2:memory:"+path+"\n1:name=systemd:"+path, mounts...)
			tr.first("cpu")
			tr.first("mem")
			tr.put("cpu/cpu.cfs_quota_us", "200000")
			tr.put("mem/memory.limit_in_bytes", itoa(400*mib))
			tr.put("mem/memory.stat", "total_inactive_file "+itoa(100*mib), "hierarchical_memory_limit "+itoa(400*mib))
			got, rep := cgroup(t, tr)
			want := Cgroup{
				CPU: &CgroupCPU{
					Membership: Membership{Version: 1, Path: path}, UsageSeconds: 2.5, UserSeconds: new(1.5), SystemSeconds: new(1.0),
					Limit: &CPULimit{Path: path, Cores: 2, UsageSeconds: new(2.5), Periods: bytes(100), ThrottledPeriods: bytes(25), ThrottledSeconds: new(0.75)},
				},
				Memory: &CgroupMemory{
					Membership: Membership{Version: 1, Path: path}, UsageBytes: 300 * mib, WorkingSetBytes: bytes(200 * mib), SwapBytes: bytes(10 * mib),
					Limit:  &MemoryLimit{Path: path, Bytes: 400 * mib, UsageBytes: bytes(300 * mib), UsedPercent: new(75.0), WorkingSetPercent: new(50.0)},
					Events: MemoryEvents{Max: bytes(3), OOMKills: bytes(5)},
				},
			}
			if d := cmp.Diff(want, got); d != "" || rep.Files != nil || rep.Skipped != nil {
				t.Errorf("cgroup (-want +got):\n%s%+v", d, rep)
			}
		})
	}
}

func TestBothVersionsBesideEachOther(t *testing.T) {
	// Times in a tree of their own, memory under version 1, and nothing
	// under version 2.
	tr := cgroups(t, "4:memory:/box\n2:cpuacct:/box\n1:cpu:/box\n0::/box",
		"/ TREE/cpu rw - cgroup cgroup rw,cpu", "/ TREE/acct rw - cgroup cgroup rw,cpuacct", "/ TREE/mem rw - cgroup cgroup rw,memory", "/ TREE/unified rw - cgroup2 cgroup2 rw")
	tr.first("mem/box")
	tr.first("mem")
	tr.put("acct/box/cpuacct.usage", "1000000000")
	tr.put("cpu/box/cpu.cfs_quota_us", "25000")
	tr.put("cpu/box/cpu.cfs_period_us", "100000")
	tr.put("cpu/box/cpu.stat", "nr_periods 4", "nr_throttled 3", "throttled_time 2000000000")
	tr.put("unified/box/cpu.stat", "usage_usec 9")
	got, rep := cgroup(t, tr)
	want := &CgroupCPU{
		Membership: Membership{Version: 1, Path: "/box"}, UsageSeconds: 1,
		Limit: &CPULimit{Path: "/box", Cores: 0.25, UsageSeconds: new(1.0), Periods: bytes(4), ThrottledPeriods: bytes(3), ThrottledSeconds: new(2.0)},
	}
	if d := cmp.Diff(want, got.CPU); d != "" || rep.Files != nil {
		t.Errorf("cpu (-want +got):\n%s%+v", d, rep)
	}
	if got.Memory == nil || got.Memory.Version != 1 || got.Memory.Limit != nil {
		t.Errorf("memory %+v", got.Memory)
	}
	// Controllers that version 1 does not have are version 2's.
	tr = cgroups(t, "1:name=systemd:/init\n0::/box", "/ TREE/systemd rw - cgroup cgroup rw,name=systemd", "/ TREE/unified rw - cgroup2 cgroup2 rw")
	tr.second("unified/box")
	if got, _ := cgroup(t, tr); got.CPU == nil || got.CPU.Version != 2 || got.Memory == nil || got.Memory.Version != 2 {
		t.Errorf("hybrid without a controller of version 1: %+v", got)
	}
}

func TestTheTightestLimitOfNestedGroupsCounts(t *testing.T) {
	tr := cgroups(t, "0::/pod/box/inner", "/ TREE/cg rw - cgroup2 cgroup2 rw")
	for _, dir := range []string{"cg/pod", "cg/pod/box", "cg/pod/box/inner"} {
		tr.second(dir)
	}
	tr.put("cg/cpu.stat", "usage_usec 99000000") // the root has neither limit nor memory.current
	tr.put("cg/pod/cpu.max", "100000 100000")
	tr.put("cg/pod/cpu.stat", "usage_usec 7000000", "nr_periods 9", "nr_throttled 8", "throttled_usec 1000000")
	tr.put("cg/pod/box/cpu.max", "300000 100000")
	tr.put("cg/pod/memory.max", itoa(gib))
	tr.put("cg/pod/box/memory.max", itoa(500*mib))
	tr.put("cg/pod/box/memory.current", itoa(450*mib))
	tr.put("cg/pod/box/inner/memory.max", itoa(2*gib))
	got, rep := cgroup(t, tr)
	wantCPU := &CPULimit{Path: "/pod", Cores: 1, UsageSeconds: new(7.0), Periods: bytes(9), ThrottledPeriods: bytes(8), ThrottledSeconds: new(1.0)}
	if d := cmp.Diff(wantCPU, got.CPU.Limit); d != "" || rep.Files != nil {
		t.Errorf("cpu limit (-want +got):\n%s%+v", d, rep)
	}
	wantMemory := &MemoryLimit{Path: "/pod/box", Bytes: 500 * mib, UsageBytes: bytes(450 * mib), UsedPercent: new(90.0), WorkingSetPercent: new(70.0)}
	if d := cmp.Diff(wantMemory, got.Memory.Limit); d != "" || got.Memory.UsageBytes != 300*mib || got.CPU.UsageSeconds != 2.5 {
		t.Errorf("memory limit (-want +got):\n%s%+v", d, got.Memory)
	}

	// Version 1 tells of a limit above what is mounted.
	tr = cgroups(t, "2:memory:/pod/box", "/pod/box TREE/mem rw - cgroup cgroup rw,memory")
	tr.first("mem")
	tr.put("mem/memory.limit_in_bytes", itoa(2*gib))
	tr.put("mem/memory.stat", "total_inactive_file 0", "hierarchical_memory_limit "+itoa(gib))
	if got, _ := cgroup(t, tr); !cmp.Equal(got.Memory.Limit, &MemoryLimit{Bytes: gib}) {
		t.Errorf("limit above: %+v", got.Memory.Limit)
	}
	// Without hierarchy, only the own limit counts.
	tr = cgroups(t, "2:memory:/pod/box", "/ TREE/mem rw - cgroup cgroup rw,memory")
	tr.first("mem/pod")
	tr.first("mem/pod/box")
	tr.put("mem/pod/memory.limit_in_bytes", itoa(100*mib))
	if got, _ := cgroup(t, tr); got.Memory.Limit != nil {
		t.Errorf("limit of a group that does not count: %+v", got.Memory.Limit)
	}
	tr.put("mem/pod/box/memory.limit_in_bytes", itoa(600*mib))
	tr.put("mem/pod/box/memory.stat", "total_inactive_file 0", "hierarchical_memory_limit "+itoa(600*mib))
	if got, _ := cgroup(t, tr); got.Memory.Limit == nil || got.Memory.Limit.Path != "/pod/box" || *got.Memory.Limit.UsedPercent != 50 {
		t.Errorf("own limit: %+v", got.Memory.Limit)
	}
}

func TestTheRootGroupHasNoMemoryAndThatIsNoProblem(t *testing.T) {
	tr := cgroups(t, "0::/", "/ TREE/cg rw - cgroup2 cgroup2 rw")
	tr.put("cg/cpu.stat", "usage_usec 1000000")
	tr.put("cg/memory.stat", "inactive_file 1")
	got, rep := cgroup(t, tr)
	if got.Memory != nil || got.CPU == nil || !got.CPU.Root || got.CPU.Limit != nil || rep.Files != nil {
		t.Errorf("root of version 2: %+v, %+v", got, rep)
	}
	tr = cgroups(t, "1:memory:/", "/ TREE/mem rw - cgroup cgroup rw,memory")
	tr.first("mem")
	tr.put("mem/release_agent", "")
	if got, _ := cgroup(t, tr); got.Memory == nil || !got.Memory.Root {
		t.Errorf("root of version 1: %+v", got)
	}
}

func TestAMissingControllerCostsItsFigures(t *testing.T) {
	tr := cgroups(t, "0::/box", "/ TREE/cg rw - cgroup2 cgroup2 rw")
	tr.second("cg/box")
	tr.remove("cg/box/memory.current")
	got, rep := cgroup(t, tr)
	if got.Memory != nil || got.CPU == nil || len(rep.Files) != 1 || rep.Files[0].Reason != Missing || !strings.Contains(rep.Files[0].Detail, "not enabled") {
		t.Errorf("no memory controller: %+v, %+v", got, rep)
	}
	tr = cgroups(t, "1:memory:/box", "/ TREE/mem rw - cgroup cgroup rw,memory")
	tr.first("mem/box")
	got, rep = cgroup(t, tr)
	if got.CPU != nil || got.Memory == nil || len(rep.Files) != 1 {
		t.Errorf("no cpu controller at all: %+v, %+v", got, rep)
	}
}

func TestOddFilesOfACgroupCostThemselves(t *testing.T) {
	tr := cgroups(t, "0::/box\nodd\n7:cpu", "/ TREE/cg rw - cgroup2 cgroup2 rw")
	tr.second("cg/box")
	tr.put("cg/box/cpu.max", "many 100000")
	tr.put("cg/box/memory.max", "much")
	tr.put("cg/box/memory.swap.current", "")
	tr.put("cg/box/memory.events", "low x", "oom_kill 7", "oom 1 2", "")
	tr.block("cg/box/memory.stat")
	got, rep := cgroup(t, tr)
	if got.CPU.Limit != nil || got.Memory.Limit != nil || got.Memory.SwapBytes != nil || got.Memory.WorkingSetBytes != nil ||
		*got.Memory.Events.OOMKills != 7 || got.Memory.Events.Low != nil || got.Memory.Events.OOM != nil {
		t.Errorf("cgroup %+v %+v", got.CPU, got.Memory)
	}
	reasons := make(map[string]Reason)
	for _, p := range rep.Files {
		reasons[filepath.Base(p.Path)] = p.Reason
	}
	if d := cmp.Diff(map[string]Reason{"cpu.max": Malformed, "memory.max": Malformed, "memory.swap.current": Empty, "memory.stat": Other}, reasons); d != "" {
		t.Errorf("files (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"odd", "7:cpu", "low", "oom"}, skipped(rep)); d != "" {
		t.Errorf("skipped (-want +got):\n%s", d)
	}
}

func TestACgroupThatCannotBeSeenIsAFailureAndNoneIsUnsupported(t *testing.T) {
	for name, tc := range map[string]struct {
		tree        func() *tree
		unsupported bool
		want        error
	}{
		"a kernel without control groups": {func() *tree { return newOwn(t) }, true, os.ErrNotExist},
		"nothing is mounted":              {func() *tree { return cgroups(t, "0::/box") }, true, errNoHierarchy},
		"the mount shows other groups":    {func() *tree { return cgroups(t, "0::/box", "/other TREE/cg rw - cgroup2 cgroup2 rw") }, false, ErrNotVisible},
		"a name that only begins like it": {func() *tree { return cgroups(t, "0::/boxer", "/box TREE/cg rw - cgroup2 cgroup2 rw") }, false, ErrNotVisible},
		"above the own namespace":         {func() *tree { return cgroups(t, "0::/../x", "/ TREE/cg rw - cgroup2 cgroup2 rw") }, false, ErrNotVisible},
		"the group is not there":          {func() *tree { return cgroups(t, "0::/box", "/ TREE/cg rw - cgroup2 cgroup2 rw") }, false, ErrNotVisible},
		"memberships are empty":           {func() *tree { return cgroups(t, "") }, false, ErrEmpty},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := tc.tree().Cgroup(t.Context())
			if !errors.Is(err, tc.want) || errors.Is(err, ErrUnsupported) != tc.unsupported {
				t.Errorf("got %v", err)
			}
		})
	}
}

// newOwn is a tree whose own procfs is empty.
func newOwn(t *testing.T) *tree {
	t.Helper()
	tr := newTree(t)
	tr.own = filepath.Join(tr.root, "own")
	return tr
}

func TestThisProcessIsInACgroup(t *testing.T) {
	c, rep, err := New(Config{}).Cgroup(t.Context())
	if errors.Is(err, ErrUnsupported) {
		t.Skipf("no control groups here: %v", err)
	}
	if err != nil || c.CPU == nil && c.Memory == nil {
		t.Fatalf("%+v, %+v, %v", c, rep, err)
	}
	if c.CPU != nil && c.CPU.UsageSeconds <= 0 || c.Memory != nil && c.Memory.UsageBytes == 0 {
		t.Errorf("cpu %+v, memory %+v", c.CPU, c.Memory)
	}
}

func FuzzCgroupTables(f *testing.F) {
	f.Add("0::/a\n4:cpu,cpuacct:/b", "/a", "30 1 0:5 /a /cg rw - cgroup2 c rw")
	f.Add("1:x", "/", "")
	f.Fuzz(func(t *testing.T, memberships, root, line string) {
		var rep Report
		paths := parseGroups(memberships, "f", &rep)
		m, _ := parseMount(line)
		for _, own := range paths {
			m.root = root
			list, ok := below(m, own, 2)
			if ok && len(list) == 0 {
				t.Fatalf("%q below %q: seen, but no group", own, root)
			}
			for _, g := range list {
				if ok && m.point != "" && g.dir != m.point && !strings.HasPrefix(g.dir, strings.TrimSuffix(filepath.Clean(m.point), "/")+"/") {
					t.Fatalf("%q below %q leads to %q, out of %q", own, root, g.dir, m.point)
				}
			}
		}
	})
}
