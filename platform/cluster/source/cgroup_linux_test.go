package source

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWhatIsMountedSaysWhichVersionAHostHas(t *testing.T) {
	const (
		rest    = "proc /proc proc rw,nosuid 0 0\ntmpfs /sys/fs/cgroup tmpfs ro,mode=755 0 0\noverlay / overlay rw,lowerdir=/cgroup2 0 0\n"
		memory  = "cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n"
		cpu     = "cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\n"
		systemd = "cgroup /sys/fs/cgroup/systemd cgroup rw,xattr,name=systemd 0 0\n"
		unified = "cgroup2 /sys/fs/cgroup/unified cgroup2 rw,nsdelegate 0 0\n"
		two     = "cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\n"
	)
	failed := errors.New("no")
	tests := map[string]struct {
		mounts io.Reader
		want   hierarchies
		is     error
		says   string
	}{
		"version 1": {mounts: strings.NewReader(rest + memory + cpu + systemd), want: hierarchies{
			version: 1, mounts: []string{"/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/systemd"},
		}},
		"version 2": {mounts: strings.NewReader(rest + two), want: hierarchies{version: 2, mounts: []string{"/sys/fs/cgroup"}, beside: []string{}}},
		"both, with the controllers in version 1": {mounts: strings.NewReader(rest + unified + memory + systemd), want: hierarchies{
			version: 1, mounts: []string{"/sys/fs/cgroup/memory", "/sys/fs/cgroup/systemd"}, beside: []string{"/sys/fs/cgroup/unified"},
		}},
		// Docker in Docker and the like mount it once more.
		"version 2 in two places": {mounts: strings.NewReader(two + "none /mnt/cgroup cgroup2 rw 0 0\n"), want: hierarchies{
			version: 2, mounts: []string{"/sys/fs/cgroup"}, beside: []string{"/mnt/cgroup"},
		}},
		"without the end of a line": {mounts: strings.NewReader(strings.TrimSpace(two)), want: hierarchies{version: 2, mounts: []string{"/sys/fs/cgroup"}, beside: []string{}}},
		"none":                      {mounts: strings.NewReader(rest), says: "no hierarchy is mounted"},
		"nothing at all":            {mounts: strings.NewReader(""), says: "no hierarchy is mounted"},
		"lines that are too short":  {mounts: strings.NewReader("\ncgroup\ncgroup2 /sys/fs/cgroup\n"), says: "no hierarchy is mounted"},
		"a list that breaks off":    {mounts: io.MultiReader(strings.NewReader(memory), iotest.ErrReader(failed)), is: failed, says: "cgroups: what is mounted: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := hierarchiesOf(tt.mounts)
			if tt.says != "" {
				if err == nil || !strings.Contains(err.Error(), tt.says) || tt.is != nil && !errors.Is(err, tt.is) {
					t.Errorf("%v, want %q", err, tt.says)
				}
				return
			}
			if d := cmp.Diff(tt.want, got, cmp.AllowUnexported(hierarchies{})); err != nil || d != "" {
				t.Errorf("%v (-want +got):\n%s", err, d)
			}
		})
	}
}

// tree makes directories, those that lead to them included.
func tree(t *testing.T, root string, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// below is what is in a directory, at any depth.
func below(t *testing.T, root string) []string {
	t.Helper()
	var paths []string
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, _ fs.DirEntry, err error) error {
		if path != "." {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestATreeIsRemovedFromTheInnermost(t *testing.T) {
	root := t.TempDir()
	tree(t, root, "node/system", "node/pods/burstable/pod1/c1", "node/pods/burstable/pod2", "beside")
	if err := removeTree(filepath.Join(root, "node")); err != nil {
		t.Error(err)
	}
	if got := below(t, root); !slices.Equal(got, []string{"beside"}) {
		t.Errorf("left: %q", got)
	}
	if err := removeTree(filepath.Join(root, "node")); err != nil {
		t.Errorf("once more: %v", err)
	}
	// The files of a cgroup are the kernel's: one that keeps its directory is another's.
	write(t, filepath.Join(root, "beside", "deep", "file"), "")
	var path *fs.PathError
	if err := removeTree(filepath.Join(root, "beside")); !errors.As(err, &path) || path.Path != filepath.Join(root, "beside", "deep") || !errors.Is(err, syscall.ENOTEMPTY) {
		t.Errorf("a directory with a file in it: %v", err)
	}
}

// mounted are two hierarchies with controllers and one beside, as directories.
func mounted(t *testing.T) hierarchies {
	t.Helper()
	return hierarchies{version: 1, mounts: []string{t.TempDir(), t.TempDir()}, beside: []string{t.TempDir()}}
}

// populate makes the cgroups of a node as they come to be: the runtime makes some in
// the hierarchy beside, too.
func (h hierarchies) populate(t *testing.T, name string) {
	t.Helper()
	for _, mount := range h.mounts {
		tree(t, filepath.Join(mount, cgroupParent, name), "system", "pods/besteffort/pod1/c1")
	}
	for _, mount := range h.beside {
		tree(t, mount, cgroupRoot(name)+"/besteffort/pod1/c1")
	}
}

func TestTheParentStaysUntilTheLastNodeIsGone(t *testing.T) {
	h := mounted(t)
	h.populate(t, "one")
	h.populate(t, "one-more")
	tree(t, h.mounts[0], "system.slice") // the host's own
	if got := h.left("one"); len(got) != 3 {
		t.Errorf("one has %q", got)
	}
	if err := h.remove("one"); err != nil {
		t.Fatal(err)
	}
	if got := h.left("one"); len(got) > 0 {
		t.Errorf("left: %q", got)
	}
	if got := h.left("one-more"); len(got) != 3 {
		t.Errorf("of the other node only %q is left", got)
	}
	for range 2 { // the second finds nothing
		if err := h.remove("one-more"); err != nil {
			t.Fatal(err)
		}
	}
	for i, mount := range h.all() {
		var want []string
		if i == 0 {
			want = []string{"system.slice"}
		}
		if got := below(t, mount); !slices.Equal(got, want) {
			t.Errorf("left in %s: %q", mount, got)
		}
	}
}

// A file in a directory stands for a process in a cgroup: neither can be removed.
func TestCgroupsOfProcessesThatAreOnTheirWayOut(t *testing.T) {
	t.Run("are waited for", func(t *testing.T) {
		h := mounted(t)
		h.populate(t, "one")
		busy := filepath.Join(h.mounts[0], cgroupParent, "one", "system", "process")
		write(t, busy, "")
		synctest.Test(t, func(t *testing.T) {
			time.AfterFunc(3*time.Second, func() { _ = os.Remove(busy) })
			began := time.Now()
			if err := h.remove("one"); err != nil {
				t.Error(err)
			}
			if took := time.Since(began).Round(time.Second); took != 3*time.Second {
				t.Errorf("it took %s", took)
			}
		})
		if got := below(t, h.mounts[0]); len(got) > 0 {
			t.Errorf("left: %q", got)
		}
	})
	t.Run("are named when they do not end, and the others go", func(t *testing.T) {
		h := mounted(t)
		h.populate(t, "one")
		busy := filepath.Join(h.mounts[0], cgroupParent, "one", "system")
		write(t, filepath.Join(busy, "process"), "")
		synctest.Test(t, func(t *testing.T) {
			if err := h.remove("one"); !errors.Is(err, syscall.ENOTEMPTY) || !strings.Contains(err.Error(), busy) {
				t.Errorf("%v, want one that names %s", err, busy)
			}
		})
		if got := h.left("one"); len(got) != 1 {
			t.Errorf("left: %q", got)
		}
	})
}

func TestTheKubeletsCgroupIsWhereTheNodesAre(t *testing.T) {
	if got := cgroupRoot("sandbox"); got != "/ballast/sandbox/pods" {
		t.Errorf("it is %s", got)
	}
	h := mounted(t)
	if err := h.create("sandbox"); err != nil {
		t.Fatal(err)
	}
	for _, mount := range h.mounts {
		if !exists(filepath.Join(mount, cgroupRoot("sandbox"))) {
			t.Errorf("%s has only %q", mount, below(t, mount))
		}
		if !exists(filepath.Join(mount, cgroupParent, "sandbox", "system", "cgroup.procs")) {
			t.Errorf("no process has entered %s: %q", mount, below(t, mount))
		}
	}
	if got := below(t, h.beside[0]); len(got) > 0 {
		t.Errorf("without controllers there is nothing to make: %q", got)
	}
}

func TestWhatANewCgroupInherits(t *testing.T) {
	tests := map[string]struct {
		version     int
		name        string
		parent, own map[string]string // files
		want        map[string]string
		fails       bool
	}{
		"version 1: the CPUs and the memory of its parent": {
			version: 1, parent: map[string]string{"cpuset.cpus": "0-3\n", "cpuset.mems": "0\n"}, own: map[string]string{"cpuset.cpus": "\n", "cpuset.mems": ""},
			want: map[string]string{"cpuset.cpus": "0-3\n", "cpuset.mems": "0\n"},
		},
		"version 1: nothing that it has": {
			version: 1, parent: map[string]string{"cpuset.cpus": "0-3\n", "cpuset.mems": "0\n"}, own: map[string]string{"cpuset.cpus": "1\n", "cpuset.mems": ""},
			want: map[string]string{"cpuset.cpus": "1\n", "cpuset.mems": "0\n"},
		},
		"version 1: nothing in another hierarchy": {version: 1},
		"version 1: nothing from a parent that has none": {
			version: 1, own: map[string]string{"cpuset.cpus": ""}, fails: true,
		},
		"version 2: the controllers": {
			version: 2, own: map[string]string{"cgroup.controllers": "memory\n", "cgroup.subtree_control": ""},
			want: map[string]string{"cgroup.subtree_control": "+memory"},
		},
		"version 2: none that is not there": {
			version: 2, own: map[string]string{"cgroup.controllers": "\n", "cgroup.subtree_control": ""},
			want: map[string]string{"cgroup.subtree_control": ""},
		},
		"version 2: none to pass on where processes are": {
			version: 2, name: "system", own: map[string]string{"cgroup.controllers": "memory\n", "cgroup.subtree_control": ""},
			want: map[string]string{"cgroup.subtree_control": ""},
		},
		"version 2: none where there is no cgroup": {version: 2, fails: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			dir := filepath.Join(parent, "pods")
			if tt.name != "" {
				dir = filepath.Join(parent, tt.name)
			}
			tree(t, dir, ".")
			for file, text := range tt.parent {
				write(t, filepath.Join(parent, file), text)
			}
			for file, text := range tt.own {
				write(t, filepath.Join(dir, file), text)
			}
			err := hierarchies{version: tt.version}.inherit(dir)
			if tt.fails != errors.Is(err, fs.ErrNotExist) || !tt.fails && err != nil {
				t.Fatal(err)
			}
			for file, want := range tt.want {
				if got := read(t, filepath.Join(dir, file)); got != want {
					t.Errorf("%s is %q, want %q", file, got, want)
				}
			}
		})
	}
}

func TestPodsOutweighTheDaemonsOfTheNode(t *testing.T) {
	tests := map[string]struct {
		version, cpus int
		file, want    string
	}{
		"version 1":                         {1, 2, "cpu.shares", "4096"},
		"version 1 on many CPUs":            {1, 512, "cpu.shares", "262144"},
		"version 2":                         {2, 2, "cpu.weight", "400"},
		"version 2 on many CPUs":            {2, 128, "cpu.weight", "10000"},
		"a hierarchy that divides no CPUs":  {1, 2, "", ""},
		"version 2 without this controller": {2, 2, "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if tt.file != "" {
				write(t, filepath.Join(dir, tt.file), "")
			}
			if err := (hierarchies{version: tt.version}).outweigh(dir, tt.cpus); err != nil {
				t.Fatal(err)
			}
			if tt.file == "" {
				if files := below(t, dir); len(files) != 0 {
					t.Errorf("it wrote %v", files)
				}
				return
			}
			if got := read(t, filepath.Join(dir, tt.file)); got != tt.want {
				t.Errorf("%s is %q, want %q", tt.file, got, tt.want)
			}
		})
	}
}

func TestTheProcessesOfANode(t *testing.T) {
	h := mounted(t)
	h.populate(t, "one")
	h.populate(t, "two")
	root := filepath.Join(h.mounts[0], cgroupParent)
	write(t, filepath.Join(root, "one", "system", "cgroup.procs"), "11\n12\n")
	write(t, filepath.Join(root, "one", "pods", "besteffort", "pod1", "c1", "cgroup.procs"), "13\n")
	write(t, filepath.Join(root, "one", "pods", "cgroup.procs"), "")
	write(t, filepath.Join(root, "one", "pods", "tasks"), "99\n") // threads
	write(t, filepath.Join(root, "two", "system", "cgroup.procs"), "21\n")
	got := h.processes("one")
	slices.Sort(got)
	if !slices.Equal(got, []int{11, 12, 13}) {
		t.Errorf("they are %v", got)
	}
	if got := h.processes("three"); len(got) > 0 {
		t.Errorf("a node that there is not has %v", got)
	}
}

func TestAProcessIsNamedByItsProgram(t *testing.T) {
	name, rss, pss, err := processOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Base(os.Args[0]); name != want || pss == 0 || rss < pss {
		t.Errorf("%s takes %d bytes, %d of them its share; want %s", name, rss, pss, want)
	}
	if name, _, _, err := processOf(0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("one that there is not is %q, %v", name, err)
	}
}
