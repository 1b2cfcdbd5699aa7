package host

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChooseMounts(t *testing.T) {
	for name, tc := range map[string]struct {
		table string   // without the numbers of the mounts
		want  []string // mount points; those that sums count have a plus
	}{
		"kernel trees are left out": {
			"0:1 / /proc rw - proc proc rw\n0:2 / /sys rw - sysfs sysfs rw\n0:3 / /run/user/1/gvfs rw - autofs x rw\n8:1 / / rw - ext4 /dev/a rw",
			[]string{"+/"},
		},
		"a container's overlay root is shown": {"0:9 / / rw - overlay overlay rw", []string{"+/"}},
		"a file system mounted often is shown once, nearest the root": {
			"8:1 /hosts /etc/hosts rw - ext4 /dev/a rw\n8:1 / /mnt/data rw - ext4 /dev/a rw\n8:2 / /srv rw - xfs /dev/b rw",
			[]string{"+/mnt/data", "+/srv"},
		},
		"a bind mount directly below the root is shown, and not counted": {
			"8:1 / / rw - ext4 /dev/a rw\n8:1 /data/home /home rw - ext4 /dev/a rw\n8:1 /x /srv/x rw - ext4 /dev/a rw",
			[]string{"+/", "/home"},
		},
		"each btrfs subvolume is shown, a bind mount of one is not, and one is counted": {
			"0:30 /@ / rw - btrfs /dev/a rw,subvol=/@\n0:30 /@home /home rw - btrfs /dev/a rw,subvol=/@home\n" +
				"0:30 /@log /var/log rw - btrfs /dev/a rw,subvol=/@log\n0:30 /@log/app /opt/app/log rw - btrfs /dev/a rw,subvol=/@log",
			[]string{"+/", "/home", "/var/log"},
		},
		"two exports of one server are shown, the same one twice is not": {
			"0:40 / /mnt/a rw - nfs4 nas:/a rw\n0:40 / /mnt/again rw - nfs4 nas:/a rw\n0:40 / /mnt/b rw - nfs4 nas:/b rw",
			[]string{"+/mnt/a", "/mnt/b"},
		},
		"tmpfs of different numbers are each counted, the same one seen twice is not": {
			"0:50 / /tmp rw - tmpfs tmpfs rw\n0:51 / /run rw - tmpfs tmpfs rw\n0:51 /lock /var/run/lock rw - tmpfs tmpfs rw",
			[]string{"+/run", "+/tmp"},
		},
		"a mount that a later one covers is not shown": {
			"8:1 / /mnt rw - ext4 /dev/a rw\n0:1 / /mnt rw - proc proc rw", nil,
		},
		"runtimes' own mounts are left out, their neighbours are not": {
			"0:60 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw\n8:1 / /var/lib/dockerish rw - ext4 /dev/a rw",
			[]string{"+/var/lib/dockerish"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var table strings.Builder
			for i, line := range strings.Split(tc.table, "\n") {
				fmt.Fprintf(&table, "%d 1 %s\n", 20+i, line)
			}
			var rep Report
			var got []string
			for _, m := range chooseMounts(parseMounts(table.String(), "", &rep), Filters{}.wanted()) {
				got = append(got, map[bool]string{true: "+"}[m.counted]+m.point)
			}
			if d := cmp.Diff(tc.want, got); d != "" || rep.Skipped != nil {
				t.Errorf("mounts (-want +got):\n%s%+v", d, rep)
			}
		})
	}
}

func TestTheTopmostOfStackedMountsIsTheOneWithoutAChild(t *testing.T) {
	// Since Linux 6.8 the table is in order of number, whatever lies on top.
	var rep Report
	table := "20 1 8:2 / /mnt rw - xfs /dev/top rw\n30 1 8:1 / /mnt rw - ext4 /dev/below rw\n20 30 8:2 / /mnt rw - xfs /dev/top rw\n"
	got := chooseMounts(parseMounts(table[strings.Index(table, "30 1"):]+"", "", &rep), Filters{}.wanted())
	if len(got) != 1 || got[0].source != "/dev/top" {
		t.Errorf("got %+v", got)
	}
	reversed := "20 30 8:2 / /mnt rw - xfs /dev/top rw\n30 1 8:1 / /mnt rw - ext4 /dev/below rw\n"
	if got := chooseMounts(parseMounts(reversed, "", &rep), Filters{}.wanted()); len(got) != 1 || got[0].source != "/dev/top" {
		t.Errorf("in the other order: got %+v", got)
	}
}

func TestParseMount(t *testing.T) {
	for name, tc := range map[string]struct {
		line string
		want mount
	}{
		"optional fields of any number": {
			"36 35 98:0 / /mnt rw,noatime shared:1 master:2 - ext3 /dev/root rw,errors=continue",
			mount{id: 36, parent: 35, device: "98:0", root: "/", point: "/mnt", fstype: "ext3", source: "/dev/root"},
		},
		"every name is unescaped": {
			`36 35 0:5 /a\040b /mnt/q"uo\040te rw - cifs //foo/BLA\040BLA rw`,
			mount{id: 36, parent: 35, device: "0:5", root: "/a b", point: `/mnt/q"uo te`, fstype: "cifs", source: "//foo/BLA BLA"},
		},
		"a source that is empty": {
			"36 35 0:5 / /mnt rw - tmpfs  rw",
			mount{id: 36, parent: 35, device: "0:5", root: "/", point: "/mnt", fstype: "tmpfs"},
		},
		"a file system that the kernel made read-only": {
			"36 35 8:1 / /mnt rw - ext4 /dev/a ro,errors=remount-ro",
			mount{id: 36, parent: 35, device: "8:1", root: "/", point: "/mnt", fstype: "ext4", source: "/dev/a", readOnly: true},
		},
		"a mount point that is named like the dash": {
			"36 35 8:1 / /- rw - ext4 /dev/a rw",
			mount{id: 36, parent: 35, device: "8:1", root: "/", point: "/-", fstype: "ext4", source: "/dev/a"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := parseMount(tc.line)
			if !ok || got != tc.want {
				t.Errorf("got %+v, %v, want %+v", got, ok, tc.want)
			}
		})
	}
	for _, line := range []string{
		"", "36", "36 35 98:0 / /mnt rw", "x 35 98:0 / /mnt rw - ext3 a rw", "36 35 98 / /mnt rw - ext3 a rw",
		"36 35 98:0 / mnt rw - ext3 a rw", "36 35 98:0 / /mnt rw shared:1 ext3 a rw", "36 35 98:0 / /mnt rw - ext3",
	} {
		if got, ok := parseMount(line); ok {
			t.Errorf("%q was read as %+v", line, got)
		}
	}
}

func FuzzParseMount(f *testing.F) {
	f.Add("36 35 98:0 / /mnt rw,noatime shared:1 - ext3 /dev/root rw")
	f.Add("- - - - - - - - -")
	f.Fuzz(func(t *testing.T, line string) {
		if m, ok := parseMount(line); ok && (m.point == "" || m.device == "") {
			t.Errorf("%q was read as %+v", line, m)
		}
	})
}
