package host

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExcludeWins(t *testing.T) {
	re := regexp.MustCompile
	for name, tc := range map[string]struct {
		filter Filter
		want   map[string]bool
	}{
		"nothing is given":  {Filter{}, map[string]bool{"eth0": true, "lo": true}},
		"include":           {Filter{Include: re("^(?:eth.*)$")}, map[string]bool{"eth0": true, "veth0": false, "lo": false}},
		"exclude":           {Filter{Exclude: re("^(?:veth.*|lo)$")}, map[string]bool{"eth0": true, "veth0": false, "lo": false}},
		"both of one thing": {Filter{Include: re("^(?:eth.*)$"), Exclude: re("^(?:eth1)$")}, map[string]bool{"eth0": true, "eth1": false}},
	} {
		t.Run(name, func(t *testing.T) {
			for subject, want := range tc.want {
				if got := tc.filter.admits(subject); got != want {
					t.Errorf("%s: %v, want %v", subject, got, want)
				}
			}
		})
	}
}

func TestFiltersNarrowEachPart(t *testing.T) {
	re := func(s string) *regexp.Regexp { return regexp.MustCompile("^(?:" + s + ")$") }
	tr := newTree(t)
	tr.put("proc/1/mountinfo",
		"20 1 8:1 / / rw - ext4 /dev/sda rw", "21 1 8:2 / /srv rw - ext4 /dev/sdb rw", "22 1 8:2 /x /data rw - ext4 /dev/sdb rw",
		"23 1 0:9 / /tmp rw - tmpfs tmpfs rw", `24 1 0:8 / /a\040b rw - xfs /dev/sdc rw`)
	tr.put("proc/diskstats", "8 0 sda 10 0 20 30 0 0 0 0 0 40 50", "8 1 sda1 1 0 2 3 0 0 0 0 0 4 5", "8 16 sdb 10 0 20 30 0 0 0 0 0 40 50", "253 0 dm-0 odd")
	tr.put("proc/1/net/dev", "eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", "veth1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", "veth2: odd")
	tr.filters = Filters{
		Mounts:     Filter{Exclude: re("/srv|/a b")},
		Fstypes:    Filter{Include: re("ext4|xfs")},
		Disks:      Filter{Include: re("sd.*"), Exclude: re("sdb")},
		Interfaces: Filter{Exclude: re("veth.*")},
	}
	d, rep, err := tr.Disk(t.Context())
	if err != nil || len(rep.Skipped) != 0 {
		t.Errorf("a line that nobody wants was reported: %+v, %v", rep.Skipped, err)
	}
	got := map[string]bool{} // whether a mount is counted
	for _, fs := range d.Filesystems {
		got[fs.Mountpoint] = fs.Counted
	}
	// Without /srv, its file system is counted where it is still shown.
	if d := cmp.Diff(map[string]bool{"/": true, "/data": true}, got); d != "" {
		t.Errorf("mounts (-want +got):\n%s", d)
	}
	if len(d.Devices) != 1 || d.Devices[0].Name != "sda" {
		t.Errorf("disks %+v", d.Devices)
	}
	n, rep, err := tr.Network(t.Context())
	if err != nil || len(n.Interfaces) != 1 || n.Interfaces[0].Name != "eth0" || len(rep.Skipped) != 0 {
		t.Errorf("interfaces %+v, %+v, %v", n, rep, err)
	}
}
