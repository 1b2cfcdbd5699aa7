package source

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
)

// cgroupParent is the cgroup in which those of all nodes lie.
const cgroupParent = "ballast"

// cgroupRoot is where the cgroups of a node's pods are, as the kubelet names them.
func cgroupRoot(name string) string { return "/" + cgroupParent + "/" + name + "/pods" }

// hierarchies are the mount points of the cgroup hierarchies that have controllers:
// one for each or a few of version 1, or the only one of version 2.
type hierarchies struct {
	version int
	mounts  []string
	// beside has no controllers, and the container runtime makes cgroups there all the
	// same: version 2 on a host whose controllers are in version 1.
	beside []string
}

// all are the mount points of every hierarchy in which a node may leave something.
func (h hierarchies) all() []string { return slices.Concat(h.mounts, h.beside) }

// findHierarchies reads what is mounted.
func findHierarchies() (hierarchies, error) {
	f, err := os.Open("/proc/self/mounts")
	if err != nil {
		return hierarchies{}, fmt.Errorf("cgroups: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	return hierarchiesOf(f)
}

// hierarchiesOf reads mounts as the kernel lists them. A host that has both versions
// is one of version 1: that is where its controllers are.
func hierarchiesOf(mounts io.Reader) (hierarchies, error) {
	var one, two []string
	lines := bufio.NewScanner(mounts)
	for lines.Scan() {
		const at, kind = 1, 2
		fields := strings.Fields(lines.Text())
		if len(fields) <= kind {
			continue
		}
		switch fields[kind] {
		case "cgroup":
			one = append(one, fields[at]) // the kubelet asks for every one, systemd's without controllers too
		case "cgroup2":
			two = append(two, fields[at])
		}
	}
	if err := lines.Err(); err != nil {
		return hierarchies{}, fmt.Errorf("cgroups: what is mounted: %w", err)
	}
	switch {
	case len(one) > 0:
		return hierarchies{version: 1, mounts: one, beside: two}, nil
	case len(two) > 0:
		return hierarchies{version: 2, mounts: two[:1], beside: two[1:]}, nil
	}
	return hierarchies{}, errors.New("cgroups: no hierarchy is mounted, so that no container can be started; mount /sys/fs/cgroup")
}

// create makes the cgroups of a node and puts the calling process into one of them.
func (h hierarchies) create(name string) error {
	for _, mount := range h.mounts {
		node := filepath.Join(mount, cgroupParent, name)
		for _, dir := range []string{filepath.Join(mount, cgroupParent), node, filepath.Join(node, "system"), filepath.Join(node, "pods")} {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return fmt.Errorf("cgroups: %w", err)
			}
			if err := h.inherit(dir); err != nil {
				return fmt.Errorf("cgroups: %w", err)
			}
		}
		if err := h.outweigh(filepath.Join(node, "pods"), runtime.NumCPU()); err != nil {
			return fmt.Errorf("cgroups: %w", err)
		}
		procs := filepath.Join(node, "system", "cgroup.procs")
		if err := os.WriteFile(procs, []byte("0"), 0); err != nil {
			return fmt.Errorf("cgroups: enter %s: %w", procs, err)
		}
	}
	return nil
}

// podsPerCPU is the weight of the pods for each CPU, where that of the node's daemons is 1.
// A kubelet gives its pods 1 for each CPU, which is enough beside few daemons; here they
// include etcd, the API server and the builder of images. ADR 0014 has the measurements.
const podsPerCPU = 2

// outweigh gives a cgroup its weight over one that has the usual. Where the hierarchy does
// not divide CPUs, there is nothing to give.
func (h hierarchies) outweigh(dir string, cpus int) error {
	file, usual, most := "cpu.shares", 1024, 262144
	if h.version != 1 {
		file, usual, most = "cpu.weight", 100, 10000
	}
	file = filepath.Join(dir, file)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return os.WriteFile(file, []byte(strconv.Itoa(min(most, podsPerCPU*cpus*usual))), 0)
}

// inherit gives a new cgroup what it does not have by itself: the CPUs of its
// parent in version 1, the controllers of its parent in version 2.
func (h hierarchies) inherit(dir string) error {
	if h.version == 1 {
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			own, err := os.ReadFile(filepath.Join(dir, file))
			if errors.Is(err, fs.ErrNotExist) {
				continue // another hierarchy
			}
			if err != nil {
				return err
			}
			if strings.TrimSpace(string(own)) != "" {
				continue
			}
			parent, err := os.ReadFile(filepath.Join(filepath.Dir(dir), file))
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, file), parent, 0); err != nil {
				return err
			}
		}
		return nil
	}
	if filepath.Base(dir) == "system" {
		return nil // processes live here, so that it may pass nothing on
	}
	controllers, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return err
	}
	for _, c := range strings.Fields(string(controllers)) {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+c), 0); err != nil {
			return fmt.Errorf("pass on %s: %w", c, err)
		}
	}
	return nil
}

// remove removes every cgroup of a node, the innermost first. Processes that are
// still in one are on their way out: it is tried for some seconds.
func (h hierarchies) remove(name string) error {
	var errs []error
	for _, mount := range h.all() {
		node := filepath.Join(mount, cgroupParent, name)
		var err error
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			if err = removeTree(node); err == nil || time.Now().After(end) {
				break
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("cgroups: %w", err))
			continue
		}
		// The parent goes with the last node.
		if err := syscall.Rmdir(filepath.Join(mount, cgroupParent)); err != nil && !gone(err) && !errors.Is(err, syscall.EBUSY) && !errors.Is(err, syscall.ENOTEMPTY) {
			errs = append(errs, fmt.Errorf("cgroups: %w", err))
		}
	}
	return errors.Join(errs...)
}

// thaw lets all that is frozen of a node go on. Only version 1 keeps what was frozen
// from ending.
func (h hierarchies) thaw(name string) error {
	if h.version != 1 {
		return nil
	}
	var errs []error
	for _, mount := range h.mounts {
		for _, group := range groupsBelow(filepath.Join(mount, cgroupParent, name)) {
			// Hierarchies without a freezer have no such file, and a group may vanish.
			state := filepath.Join(group, "freezer.state")
			if text, err := os.ReadFile(state); err != nil || strings.TrimSpace(string(text)) == "THAWED" {
				continue
			}
			if err := os.WriteFile(state, []byte("THAWED"), 0); err != nil && !gone(err) {
				errs = append(errs, fmt.Errorf("cgroups: thaw: %w", err))
			}
		}
	}
	return errors.Join(errs...)
}

// groupsBelow are a cgroup and all in it, the outermost first. What vanishes meanwhile
// has ended.
func groupsBelow(root string) []string {
	var groups []string
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			groups = append(groups, path)
		}
		return nil
	})
	return groups
}

func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// removeTree removes directories alone: the files of a cgroup go with it.
func removeTree(dir string) error {
	var dirs []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if gone(err) {
				return nil
			}
			return err
		}
		if d.IsDir() {
			dirs = append(dirs, path)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, d := range slices.Backward(dirs) {
		if err := syscall.Rmdir(d); err != nil && !gone(err) {
			return &fs.PathError{Op: "rmdir", Path: d, Err: err}
		}
	}
	return nil
}

// processes are those of a node, as the host numbers them.
func (h hierarchies) processes(name string) []int {
	var pids []int
	for _, group := range groupsBelow(filepath.Join(h.mounts[0], cgroupParent, name)) {
		text, err := os.ReadFile(filepath.Join(group, "cgroup.procs"))
		if err != nil {
			continue // it has vanished
		}
		for _, field := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// processOf names a process by its program and returns its resident bytes, and those
// of them that are its share of what others have, too.
func processOf(pid int) (name string, rss, pss uint64, err error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return "", 0, 0, err
	}
	line, err := p.CmdLine()
	if err != nil {
		return "", 0, 0, err
	}
	memory, err := p.ProcSMapsRollup()
	if err != nil {
		return "", 0, 0, err
	}
	if len(line) == 0 {
		return "", 0, 0, os.ErrProcessDone
	}
	name = filepath.Base(line[0])
	switch {
	case name == "server":
		name = "etcd"
	case name == "cluster" && len(line) > 1:
		name = "cluster " + strings.TrimLeft(line[1], "_")
	}
	return name, memory.Rss, memory.Pss, nil
}

// left are the cgroups of a node that still exist.
func (h hierarchies) left(name string) []string {
	var out []string
	for _, mount := range h.all() {
		if node := filepath.Join(mount, cgroupParent, name); exists(node) {
			out = append(out, node)
		}
	}
	return out
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
