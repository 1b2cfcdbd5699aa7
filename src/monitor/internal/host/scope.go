package host

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Scope says whether some figures are those of the host or of the container
// that this process is in.
type Scope struct {
	// Figures are what it is about: interfaces, filesystems, …
	Figures string `json:"figures"`
	Host    bool   `json:"host"`
	// Detail says how that is known, and how to get the host's.
	Detail string `json:"detail,omitempty"`
}

// The numbers that the kernel gives to the first namespaces, of networks
// since Linux 6.18.
const (
	firstPIDNamespace     = "pid:[4026531836]"
	firstUTSNamespace     = "uts:[4026531838]"
	firstNetworkNamespace = "net:[4026531833]"
)

// scoped adds a scope to the report if it is known.
func (r *Report) scoped(figures string, host, known bool, otherwise string) {
	switch {
	case known && host:
		r.Scopes = append(r.Scopes, Scope{Figures: figures, Host: true})
	case known:
		r.Scopes = append(r.Scopes, Scope{Figures: figures, Detail: otherwise})
	}
}

// scopeOfProcesses says whether the procfs shows the processes of the host,
// whose process 1 then has the host's mounts and interfaces.
func (h *Host) scopeOfProcesses() (host, known bool) {
	if h.proc == h.own {
		namespace, err := os.Readlink(filepath.Join(h.own, "self", "ns", "pid"))
		return namespace == firstPIDNamespace, err == nil
	}
	// Only the host has processes that are the kernel's. Who is process 1
	// there is another one's secret.
	content, err := readAll(h.procPath("2", "comm"))
	if errors.Is(err, fs.ErrNotExist) && !h.hidden() {
		_, errFirst := os.Stat(h.procPath(firstProcess, "comm"))
		return false, errFirst == nil
	}
	return strings.TrimSpace(content) == "kthreadd", err == nil
}

// scopeOfInterfaces says whether the interfaces that are read are the host's.
func (h *Host) scopeOfInterfaces() (host, known bool) {
	if h.proc != h.own {
		return h.scopeOfProcesses()
	}
	if namespace, err := os.Readlink(filepath.Join(h.own, "self", "ns", "net")); err == nil && namespace == firstNetworkNamespace {
		return true, true
	}
	// Older kernels give the first namespace any number, but only there
	// they have the settings that are for all.
	exists := func(name string) bool {
		_, err := os.Stat(filepath.Join(h.own, "sys", "net", "core", name))
		return err == nil
	}
	all := exists("netdev_max_backlog")
	return all, all || exists("somaxconn")
}

// scopeOfHostname says whether the name is the host's.
func (h *Host) scopeOfHostname() (host, known bool) {
	if h.proc != h.own {
		return true, true
	}
	namespace, err := os.Readlink(filepath.Join(h.own, "self", "ns", "uts"))
	return namespace == firstUTSNamespace, err == nil
}

const (
	ownInterfaces = "this process has a network namespace of its own, as a pod has; for the host's interfaces mount its /proc and /sys, " +
		"at /host/proc and /host/sys say, and give --host-proc=/host/proc --host-sys=/host/sys"
	ownFilesystems = "this procfs shows a container's processes, and so its mounts; for the host's mount its /proc and its /, " +
		"at /host/proc and /host/root say, the latter with propagation (HostToContainer), and give --host-proc=/host/proc --host-root=/host/root"
	ownHostname = "this process has a hostname of its own, as a container has; for the host's mount its /proc and its /, " +
		"at /host/proc and /host/root say, and give --host-proc=/host/proc --host-root=/host/root"
	ownFile = "another file system covers this file, as LXCFS does in a container; for the host's figures mount its /proc, " +
		"at /host/proc say, and give --host-proc=/host/proc"
)

// covered adds a scope if a file of the procfs is another file system's.
func (h *Host) covered(figures, file string, rep *Report) {
	if covers(h.proc, h.procPath(file)) {
		rep.scoped(figures, false, true, ownFile)
	}
}

func covers(procfs, file string) bool {
	var dir, at unix.Statfs_t
	return unix.Statfs(procfs, &dir) == nil && unix.Statfs(file, &at) == nil &&
		dir.Type == unix.PROC_SUPER_MAGIC && at.Type != unix.PROC_SUPER_MAGIC
}
