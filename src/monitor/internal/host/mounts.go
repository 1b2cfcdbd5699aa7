package host

import (
	"regexp"
	"slices"
	"strings"
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

// noMountpoint matches places where container runtimes mount the same data
// again and again, and where the kernel's own trees are.
var noMountpoint = regexp.MustCompile(
	`^/(dev|proc|sys|run/credentials|run/containerd|run/docker/netns|var/lib/(docker|containerd|containers|kubelet/pods))($|/)`)

// wanted returns what tells mounts that hold data, and that the filters let
// through.
func (f Filters) wanted() func(mount) bool {
	return func(m mount) bool {
		return !pseudo(m.fstype) && !noMountpoint.MatchString(m.point) &&
			f.Mounts.admits(clean(m.point)) && f.Fstypes.admits(clean(m.fstype))
	}
}

// chosenMount is a mount that is shown.
type chosenMount struct {
	mount
	// counted is true for one mount of each file system.
	counted bool
}

// chooseMounts returns the wanted mounts, sorted by mount point: of
// several at one point the one on top, and of several of one file system
// those that somebody may look for by name. These are the one nearest the
// root, which is the one that sums count, those directly below the root
// (/home), and each btrfs subvolume and each source of a network file system.
// Other bind mounts show what is shown already.
func chooseMounts(mounts []mount, wanted func(mount) bool) []chosenMount {
	groups := make(map[string][]mount) // by file system
	for _, m := range onTop(mounts) {
		if wanted(m) {
			groups[m.device] = append(groups[m.device], m)
		}
	}
	var chosen []chosenMount
	for _, group := range groups {
		slices.SortFunc(group, nearerRoot)
		named := make(map[[2]string]bool)
		for i, m := range group {
			name := [2]string{m.source, m.subvolume}
			if i == 0 || !named[name] || strings.Count(m.point, "/") == 1 {
				chosen = append(chosen, chosenMount{mount: m, counted: i == 0})
			}
			named[name] = true
		}
	}
	slices.SortFunc(chosen, func(a, b chosenMount) int { return strings.Compare(a.point, b.point) })
	return chosen
}

// onTop leaves out mounts that another one covers at the same point: a mount
// whose parent is the one below it, or, where the table does not say, the
// later line. Even one that is not wanted covers what was mounted before.
func onTop(mounts []mount) map[string]mount {
	type place struct {
		parent uint64
		point  string
	}
	covered := make(map[place]bool, len(mounts))
	for _, m := range mounts {
		covered[place{m.parent, m.point}] = m.parent != m.id
	}
	top := make(map[string]mount, len(mounts))
	for _, m := range mounts {
		if !covered[place{m.id, m.point}] {
			top[m.point] = m
		}
	}
	return top
}

func nearerRoot(a, b mount) int {
	if len(a.point) != len(b.point) {
		return len(a.point) - len(b.point)
	}
	return strings.Compare(a.point, b.point)
}
