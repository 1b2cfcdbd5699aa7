package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// errNoHierarchy reports that no mount here shows a controller's groups.
var errNoHierarchy = errors.New("no cgroup file system is mounted here")

// group is one control group, as this process sees it.
type group struct {
	version int
	// path is what /proc/self/cgroup calls it; dir is where its files are.
	path, dir string
}

// has says whether the group has a file.
func (g group) has(file string) bool {
	_, err := os.Stat(filepath.Join(g.dir, file))
	return err == nil
}

// root says whether the group is that of the whole machine. Of version 2 it
// is the only one without a type, of version 1 the one with a release agent.
func (g group) root() bool {
	if g.version == 2 {
		return !g.has("cgroup.type")
	}
	return g.has("release_agent")
}

// hierarchies are the trees of groups in which this process is: of version 1
// one for each set of controllers, and one of version 2. Both can be there.
type hierarchies struct {
	mounts []mount // of control groups
	paths  map[string]string
}

// unified is the name of the tree of version 2 in paths.
const unified = ""

// hierarchies reads where this process is, always from its own procfs.
func (h *Host) hierarchies(rep *Report) (*hierarchies, error) {
	own := filepath.Join(h.own, "self", "cgroup")
	content, err := readAll(own)
	if err == nil && strings.TrimSpace(content) == "" {
		err = fmt.Errorf("%s: %w", own, ErrEmpty)
	}
	if err != nil {
		return nil, err
	}
	hs := &hierarchies{paths: parseGroups(content, own, rep)}
	table := filepath.Join(h.own, "self", "mountinfo")
	content, err = readAll(table)
	if err != nil {
		return nil, err
	}
	for _, m := range parseMounts(content, table, &Report{}) { // whose lines are no business of this collector
		if m.fstype == "cgroup" || m.fstype == "cgroup2" {
			hs.mounts = append(hs.mounts, m)
		}
	}
	// The mount that shows most of the tree comes first.
	slices.SortStableFunc(hs.mounts, func(a, b mount) int { return len(a.root) - len(b.root) })
	return hs, nil
}

// parseGroups reads lines such as "4:cpu,cpuacct:/a" and "0::/b", and returns
// the path by controller.
func parseGroups(content, file string, rep *Report) map[string]string {
	paths := make(map[string]string)
	for line := range strings.Lines(content) {
		line = strings.TrimSuffix(line, "\n")
		fields := strings.SplitN(line, ":", 3)
		if len(fields) != 3 || !strings.HasPrefix(fields[2], "/") {
			rep.skipUnlessBlank(file, line)
			continue
		}
		for name := range strings.SplitSeq(fields[1], ",") {
			paths[name] = fields[2]
		}
	}
	return paths
}

// groups returns the group of this process under a controller and those above
// it, as far up as one can see from here, the own one first.
func (hs *hierarchies) groups(controller string) ([]group, error) {
	version, name := 1, controller
	if _, ok := hs.paths[controller]; !ok {
		version, name = 2, unified
	}
	own, ok := hs.paths[name]
	if !ok {
		return nil, errNoHierarchy
	}
	err := errNoHierarchy
	for _, m := range hs.mounts {
		if version == 2 && m.fstype != "cgroup2" || version == 1 && (m.fstype != "cgroup" || !slices.Contains(strings.Split(m.super, ","), controller)) {
			continue
		}
		list, ok := below(m, own, version)
		if !ok {
			err = fmt.Errorf("%w: this process is in %s, and %s shows %s", ErrNotVisible, own, m.point, m.root)
			continue
		}
		if _, errStat := os.Stat(list[0].dir); errStat != nil {
			err = errStat
			if errors.Is(errStat, fs.ErrNotExist) {
				err = fmt.Errorf("%w: %w", ErrNotVisible, errStat)
			}
			continue
		}
		return list, nil
	}
	return nil, err
}

// below returns a group and those above it up to the root of the mount; false
// when the mount does not show it.
func below(m mount, own string, version int) ([]group, bool) {
	rest, ok := strings.CutPrefix(own, strings.TrimSuffix(m.root, "/"))
	if !ok || rest != "" && rest[0] != '/' || slices.Contains(strings.Split(own, "/"), "..") {
		return nil, false
	}
	rest = strings.TrimSuffix(rest, "/")
	list := []group{{version: version, path: own, dir: filepath.Join(m.point, rest)}}
	for rest != "" {
		own, rest = path.Dir(own), strings.TrimSuffix(path.Dir(rest), "/")
		list = append(list, group{version: version, path: own, dir: filepath.Join(m.point, rest)})
	}
	return list, true
}
