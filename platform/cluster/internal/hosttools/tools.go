// Package hosttools finds the programs that a cluster needs on its machine, and
// fetches those that are missing from Debian when somebody asks for that. It never
// removes a package and never starts a service.
package hosttools

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Names of the tools that others ask for. Those that are programs are named as they
// are on the PATH.
const (
	Containerd = "containerd"
	Ctr        = "ctr"
	GCC        = "gcc"
	LibC       = "libc.a"
	GitServer  = "git-http-backend"
	plugins    = "CNI plugins"
)

// tool is a program, or what is found as one.
type tool struct {
	name string
	// pkg is the Debian package that has it.
	pkg string
	// unpack says that the package is not installed: its files are used from a
	// directory of ours. That is for packages that bring a system service, or that
	// conflict with those of Docker.
	unpack bool
}

// tools are all that a node needs.
func tools() []tool {
	return []tool{
		{name: Containerd, pkg: "containerd", unpack: true},
		{name: "containerd-shim-runc-v2", pkg: "containerd", unpack: true},
		{name: Ctr, pkg: "containerd", unpack: true},
		{name: "runc", pkg: "runc", unpack: true},
		{name: plugins, pkg: "containernetworking-plugins", unpack: true},
		{name: "iptables", pkg: "iptables"},
		{name: "ipset", pkg: "ipset"},
		{name: "conntrack", pkg: "conntrack"},
		{name: "ip", pkg: "iproute2"},
		{name: "mmdebstrap", pkg: "mmdebstrap"},
		{name: GCC, pkg: "gcc"},
		{name: LibC, pkg: "libc6-dev"},
		{name: GitServer, pkg: "git"},
	}
}

// Machine is where to look on this machine. Its zero value finds nothing: see Here.
type Machine struct {
	// programs are directories in which programs are looked for, in this order.
	programs []string
	// plugins are directories that may hold CNI plugins: no PATH leads to them.
	plugins []string
	// unpacked is where packages are unpacked, each in a directory of its name.
	unpacked string
	// Install allows Ensure to fetch what is missing.
	Install bool
	report  func(format string, args ...any)
}

// Here looks along the PATH, which need not name the directories of programs for
// root, and after that into the packages that were unpacked below cache, unless that
// is empty. report receives the progress of Ensure, a line each.
func Here(cache string, report func(format string, args ...any)) *Machine {
	m := &Machine{unpacked: filepath.Join(cache, "debian"), report: report}
	list := func(paths string, more ...string) []string {
		var dirs []string
		for _, dir := range append(filepath.SplitList(paths), more...) {
			if filepath.IsAbs(dir) && !slices.Contains(dirs, dir) { // a relative one means another one elsewhere
				dirs = append(dirs, dir)
			}
		}
		return dirs
	}
	m.programs = list(os.Getenv("PATH"), "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
	m.plugins = list(os.Getenv("CNI_PATH"), "/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni")
	if cache == "" {
		return m
	}
	for _, t := range tools() {
		if dir := filepath.Join(m.unpacked, t.pkg, "usr"); t.unpack && !slices.Contains(m.programs, filepath.Join(dir, "bin")) {
			m.programs = append(m.programs, filepath.Join(dir, "bin"), filepath.Join(dir, "sbin"))
			m.plugins = append(m.plugins, filepath.Join(dir, "lib", "cni"))
		}
	}
	return m
}

// Path is the PATH on which a program finds all that Ensure has found.
func (m *Machine) Path() string { return strings.Join(m.programs, string(filepath.ListSeparator)) }

// Program is the path of a program.
func (m *Machine) Program(name string) (string, error) {
	for _, dir := range m.programs {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("program %s is not in %s", name, m.Path())
}

// CNIPlugins is the directory of the plugins that connect pods.
func (m *Machine) CNIPlugins() (string, error) {
	needed := []string{"bridge", "host-local", "loopback", "portmap"}
	for _, dir := range m.plugins {
		if !slices.ContainsFunc(needed, func(name string) bool { return !exists(filepath.Join(dir, name)) }) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("none of %[2]s has the CNI plugins %[1]s; CNI_PATH names other directories", strings.Join(needed, ", "), strings.Join(m.plugins, ", "))
}

// GitServer is git's own server for HTTP, which lies where git has its helper
// programs: each distribution has another place for them.
func (m *Machine) GitServer(ctx context.Context) (string, error) {
	git, err := m.Program("git")
	if err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, git, "--exec-path").Output()
	if err != nil {
		return "", fmt.Errorf("%s --exec-path: %w", git, err)
	}
	path := filepath.Join(strings.TrimSpace(string(out)), GitServer)
	if !exists(path) {
		return "", fmt.Errorf("git has no %s: install the part of git that serves HTTP", path)
	}
	return path, nil
}

// libc is the C library for static programs, as the compiler finds it.
func (m *Machine) libc(ctx context.Context) error {
	gcc, err := m.Program(GCC)
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, gcc, "-print-file-name="+LibC).Output()
	if err != nil {
		return fmt.Errorf("%s -print-file-name=%s: %w", gcc, LibC, err)
	}
	if path := strings.TrimSpace(string(out)); !filepath.IsAbs(path) { // it repeats the name of what it does not find
		return errors.New(gcc + " finds no " + LibC)
	}
	return nil
}

func (m *Machine) find(ctx context.Context, t tool) error {
	var err error
	switch t.name {
	case plugins:
		_, err = m.CNIPlugins()
	case GitServer:
		_, err = m.GitServer(ctx)
	case LibC:
		err = m.libc(ctx)
	default:
		_, err = m.Program(t.name)
	}
	return err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
