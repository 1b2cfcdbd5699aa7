package host

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shirou/gopsutil/v3/disk"
)

func TestChooseMounts(t *testing.T) {
	mount := func(device, point, fstype string) disk.PartitionStat {
		return disk.PartitionStat{Device: device, Mountpoint: point, Fstype: fstype}
	}
	for name, tc := range map[string]struct {
		parts []disk.PartitionStat
		want  []string // mount points
	}{
		"kernel trees are left out": {
			[]disk.PartitionStat{mount("proc", "/proc", "proc"), mount("sysfs", "/sys", "sysfs"), mount("x", "/run/user/1/gvfs", "autofs"), mount("/dev/a", "/", "ext4")},
			[]string{"/"},
		},
		"a container's overlay root is shown": {
			[]disk.PartitionStat{mount("overlay", "/", "overlay")},
			[]string{"/"},
		},
		"a device mounted often is shown once, nearest the root": {
			[]disk.PartitionStat{mount("/dev/a", "/etc/hosts", "ext4"), mount("/dev/a", "/data", "ext4"), mount("/dev/b", "/srv", "xfs")},
			[]string{"/data", "/srv"},
		},
		"file systems without a device are each shown": {
			[]disk.PartitionStat{mount("tmpfs", "/tmp", "tmpfs"), mount("tmpfs", "/run", "tmpfs")},
			[]string{"/run", "/tmp"},
		},
		"a mount that another hides is not shown": {
			[]disk.PartitionStat{mount("/dev/a", "/mnt", "ext4"), mount("proc", "/mnt", "proc")},
			nil,
		},
		"runtimes' own mounts are left out, their neighbours are not": {
			[]disk.PartitionStat{mount("overlay", "/var/lib/docker/overlay2/x/merged", "overlay"), mount("/dev/a", "/var/lib/dockerish", "ext4")},
			[]string{"/var/lib/dockerish"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, p := range chooseMounts(tc.parts) {
				got = append(got, p.Mountpoint)
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("mounts (-want +got):\n%s", d)
			}
		})
	}
}

func TestWholeDisk(t *testing.T) {
	for name, want := range map[string]bool{
		"sda": true, "vda": true, "xvda": true, "nvme0n1": true, "mmcblk0": true, "dm-0": true, "md127": true,
		"sda1": false, "vdb12": false, "xvda1": false, "nvme0n1p2": false, "mmcblk0p1": false, "loop7": false, "ram0": false, "zram0": false,
	} {
		if got := wholeDisk(name); got != want {
			t.Errorf("wholeDisk(%q) = %v, want %v", name, got, want)
		}
	}
}
