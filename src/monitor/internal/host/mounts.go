package host

import (
	"regexp"
	"slices"
	"strings"

	"github.com/shirou/gopsutil/v3/disk"
)

// pseudo says whether a type is a kernel interface that looks like a file
// system. Asking one is useless, or, for autofs, mounts what nobody wanted
// mounted.
func pseudo(fstype string) bool {
	switch fstype {
	case "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs",
		"efivarfs", "fusectl", "hugetlbfs", "mqueue", "nsfs", "proc", "pstore", "rpc_pipefs", "securityfs",
		"selinuxfs", "squashfs", "sysfs", "tracefs":
		return true
	default:
		return false
	}
}

// Places where container runtimes mount the same data again and again, and
// where the kernel's own trees are.
var noMountpoint = regexp.MustCompile(
	`^/(dev|proc|sys|run/credentials|run/containerd|run/docker/netns|var/lib/(docker|containerd|containers|kubelet/pods))($|/)`)

var partOrVirtual = regexp.MustCompile(`^(z?ram|loop|fd)\d+$|^([hsv]|xv)d[a-z]+\d+$|^(nvme\d+n\d+|mmcblk\d+)p\d+$`)

// wholeDisk says whether a block device is a disk of its own: a partition's
// traffic is counted with its disk's already.
func wholeDisk(name string) bool { return !partOrVirtual.MatchString(name) }

// chooseMounts returns the mounts that hold data, sorted by mount point:
// of several at one point the last, which hides the others, and of several
// of one block device the one nearest the root.
func chooseMounts(parts []disk.PartitionStat) []disk.PartitionStat {
	visible := make(map[string]disk.PartitionStat, len(parts))
	for _, p := range parts {
		// Even one that is not wanted hides what was mounted there before.
		visible[p.Mountpoint] = p
	}
	byDevice := make(map[string]disk.PartitionStat, len(visible))
	chosen := make([]disk.PartitionStat, 0, len(visible))
	for _, p := range visible {
		if pseudo(p.Fstype) || noMountpoint.MatchString(p.Mountpoint) {
			continue
		}
		if !strings.HasPrefix(p.Device, "/dev/") {
			chosen = append(chosen, p)
			continue
		}
		if known, ok := byDevice[p.Device]; !ok || nearer(p.Mountpoint, known.Mountpoint) {
			byDevice[p.Device] = p
		}
	}
	for _, p := range byDevice {
		chosen = append(chosen, p)
	}
	slices.SortFunc(chosen, func(a, b disk.PartitionStat) int { return strings.Compare(a.Mountpoint, b.Mountpoint) })
	return chosen
}

func nearer(a, b string) bool {
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}
