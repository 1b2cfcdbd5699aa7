package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// link puts a symbolic link, as those of namespaces are.
func (tr *tree) link(path, target string) {
	tr.t.Helper()
	path = filepath.Join(tr.root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		tr.t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		tr.t.Fatal(err)
	}
}

func TestReadingsSayWhetherTheyAreOfTheHostOrOfAContainer(t *testing.T) {
	type scopes = map[string]bool
	for name, tc := range map[string]struct {
		own  bool // the procfs is this process's own
		lay  func(*tree)
		want scopes
	}{
		"on the host, with a new kernel": {true, func(tr *tree) {
			tr.link("proc/self/ns/pid", "pid:[4026531836]")
			tr.link("proc/self/ns/uts", "uts:[4026531838]")
			tr.link("proc/self/ns/net", "net:[4026531833]")
		}, scopes{"interfaces": true, "filesystems": true, "hostname": true}},
		"on the host, with an old kernel": {true, func(tr *tree) {
			tr.link("proc/self/ns/pid", "pid:[4026531836]")
			tr.link("proc/self/ns/net", "net:[4026531992]")
			tr.put("proc/sys/net/core/netdev_max_backlog", "1000")
		}, scopes{"interfaces": true, "filesystems": true}},
		"in a pod": {true, func(tr *tree) {
			tr.link("proc/self/ns/pid", "pid:[4026532300]")
			tr.link("proc/self/ns/uts", "uts:[4026532301]")
			tr.link("proc/self/ns/net", "net:[4026532302]")
			tr.put("proc/sys/net/core/somaxconn", "4096")
		}, scopes{"interfaces": false, "filesystems": false, "hostname": false}},
		"in a pod with the host's network": {true, func(tr *tree) {
			tr.link("proc/self/ns/pid", "pid:[4026532300]")
			tr.put("proc/sys/net/core/netdev_max_backlog", "1000")
		}, scopes{"interfaces": true, "filesystems": false}},
		"nothing can be said": {true, func(*tree) {}, scopes{}},
		"with the host's procfs": {false, func(tr *tree) {
			tr.put("proc/2/comm", "kthreadd")
			tr.link("proc/self/ns/pid", "pid:[4026532300]")
		}, scopes{"interfaces": true, "filesystems": true, "hostname": true}},
		"with a container's procfs for the host's": {false, func(tr *tree) {
			tr.put("proc/1/comm", "sleep")
		}, scopes{"interfaces": false, "filesystems": false, "hostname": true}},
		"with a procfs that shows no process": {false, func(*tree) {}, scopes{"hostname": true}},
	} {
		t.Run(name, func(t *testing.T) {
			tr := system(t)
			tr.put("proc/1/net/dev", "lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0")
			tr.put("proc/net/dev", "lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0")
			tr.put("proc/1/mountinfo", "20 1 0:0 / / rw - ext4 /dev/sda rw")
			if tc.own {
				tr.own = tr.proc
			}
			tc.lay(tr)
			got := scopes{}
			_, network, errNetwork := tr.Network(t.Context())
			_, disk, errDisk := tr.Disk(t.Context())
			_, facts, errSystem := tr.System(t.Context())
			if errNetwork != nil || errDisk != nil || errSystem != nil {
				t.Fatal(errNetwork, errDisk, errSystem)
			}
			for _, rep := range []Report{network, disk, facts} {
				for _, s := range rep.Scopes {
					got[s.Figures] = s.Host
					if !s.Host && !strings.Contains(s.Detail, "--host-proc=/host/proc") {
						t.Errorf("%s: %q does not say how to mount the host's", s.Figures, s.Detail)
					}
				}
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("scopes (-want +got):\n%s", d)
			}
		})
	}
}

func TestAFileThatAnotherFileSystemCoversIsTheContainers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "meminfo")
	if err := os.WriteFile(file, []byte("MemTotal: 1 kB\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		procfs, file string
		want         bool
	}{
		{"/proc", file, true},
		{"/proc", "/proc/meminfo", false},
		{filepath.Dir(file), file, false}, // no procfs: nothing can be said
		{"/proc", file + "-not", false},
	} {
		if got := covers(tc.procfs, tc.file); got != tc.want {
			t.Errorf("%s in %s: %v, want %v", tc.file, tc.procfs, got, tc.want)
		}
	}
}
