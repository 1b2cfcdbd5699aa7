package host

import (
	"slices"
	"strconv"
	"strings"
)

// mount is one line of mountinfo, unescaped.
type mount struct {
	id, parent uint64
	// device is the kernel's number of the file system, "254:1". Mounts of
	// one file system have the same one.
	device string
	// root is what of the file system is mounted, point where.
	root, point string
	fstype      string
	source      string
	readOnly    bool
	subvolume   string // of btrfs
	super       string // options of the file system; of control groups only
}

// parseMounts reads a mountinfo file. A line that cannot be read costs one
// mount.
func parseMounts(content, path string, rep *Report) []mount {
	var mounts []mount
	for line := range strings.Lines(content) {
		line = strings.TrimSuffix(line, "\n")
		if m, ok := parseMount(line); ok {
			mounts = append(mounts, m)
		} else if fields := strings.Split(line, " "); len(fields) > 4 {
			rep.skip(path, fields[4], line)
		} else {
			rep.skipUnlessBlank(path, line)
		}
	}
	return mounts
}

// parseMount reads a line such as
//
//	36 35 98:0 /sub /mnt\040a rw,noatime master:1 - ext3 /dev/sda1 rw,errors=continue
//
// with any number of fields before the dash. The source can be empty.
func parseMount(line string) (mount, bool) {
	fields := strings.Split(line, " ")
	if len(fields) < 9 {
		return mount{}, false
	}
	dash := slices.Index(fields[6:], "-") + 6
	if dash < 6 || len(fields) < dash+3 {
		return mount{}, false
	}
	id, errID := strconv.ParseUint(fields[0], 10, 64)
	parent, errParent := strconv.ParseUint(fields[1], 10, 64)
	if errID != nil || errParent != nil || !isDevice(fields[2]) || !strings.HasPrefix(fields[4], "/") {
		return mount{}, false
	}
	m := mount{
		id: id, parent: parent, device: fields[2],
		root: unescape(fields[3]), point: unescape(fields[4]),
		fstype: unescape(fields[dash+1]), source: unescape(fields[dash+2]),
	}
	options := strings.Split(fields[5], ",")
	m.readOnly = slices.Contains(options, "ro")
	if len(fields) > dash+3 {
		// What the kernel does to a file system with errors is said here.
		options = strings.Split(fields[dash+3], ",")
		if m.fstype == "cgroup" {
			m.super = fields[dash+3]
		}
		m.readOnly = m.readOnly || slices.Contains(options, "ro")
	}
	if m.fstype == "btrfs" {
		m.subvolume = m.root
		for _, o := range options {
			if name, ok := strings.CutPrefix(o, "subvol="); ok {
				m.subvolume = unescape(name)
			}
		}
	}
	return m, true
}

func isDevice(s string) bool {
	major, minor, ok := strings.Cut(s, ":")
	_, errMajor := strconv.ParseUint(major, 10, 32)
	_, errMinor := strconv.ParseUint(minor, 10, 32)
	return ok && errMajor == nil && errMinor == nil
}
