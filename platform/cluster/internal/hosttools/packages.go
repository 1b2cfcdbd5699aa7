package hosttools

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// ErrMissing is what Ensure returns when the machine lacks something.
var ErrMissing = errors.New("this machine lacks what a cluster needs")

// Ensure returns nil when every tool named is on the machine; without names, every
// tool there is. What is missing is fetched from Debian if Install allows it. If not,
// the error is ErrMissing, names the tools and their packages, and nothing has been
// changed. It blocks while packages are fetched; ctx ends that.
func (m *Machine) Ensure(ctx context.Context, names ...string) error {
	missing := m.missing(ctx, names)
	if len(missing) == 0 {
		return nil
	}
	apt, err := m.Program("apt-get")
	if err != nil {
		return fmt.Errorf("%w: %s; install them and put them on the PATH (there is no apt-get here)", ErrMissing, describe(missing))
	}
	install, unpack := packages(missing)
	if !m.Install {
		return fmt.Errorf("%w: %s. Nothing was started. There are two ways on:\n"+
			"  install them yourself and run the command again;\n"+
			"  run `make up INSTALL=1` (`cluster up --install`), which %s", ErrMissing, describe(missing), m.plan(install, unpack))
	}
	if os.Getuid() != 0 {
		return fmt.Errorf("%w: %s; installing packages needs root", ErrMissing, describe(missing))
	}
	m.report("INSTALL=1 %s", m.plan(install, unpack))
	if err := m.apt(ctx, apt, "", "update", "-qq"); err != nil {
		return err
	}
	if len(install) > 0 {
		if err := m.apt(ctx, apt, "", append([]string{"install", "--yes", "-qq", "--no-install-recommends"}, install...)...); err != nil {
			return err
		}
	}
	for _, pkg := range unpack {
		if err := m.unpack(ctx, apt, pkg); err != nil {
			return err
		}
	}
	if missing := m.missing(ctx, names); len(missing) > 0 {
		return fmt.Errorf("%w, also after apt-get fetched the packages: %s", ErrMissing, describe(missing))
	}
	return nil
}

func (m *Machine) missing(ctx context.Context, names []string) []tool {
	return slices.DeleteFunc(tools(), func(t tool) bool {
		return len(names) > 0 && !slices.Contains(names, t.name) || m.find(ctx, t) == nil
	})
}

// describe lists tools with their packages.
func describe(missing []tool) string {
	var all []string
	for i, t := range missing {
		name := t.name
		if i+1 == len(missing) || missing[i+1].pkg != t.pkg {
			name += " (Debian package " + t.pkg + ")"
		}
		all = append(all, name)
	}
	return strings.Join(all, ", ")
}

// packages are those to install and those to unpack.
func packages(missing []tool) (install, unpack []string) {
	for _, t := range missing {
		to := &install
		if t.unpack {
			to = &unpack
		}
		if !slices.Contains(*to, t.pkg) {
			*to = append(*to, t.pkg)
		}
	}
	return install, unpack
}

// plan says what becomes of packages, and that it stays.
func (m *Machine) plan(install, unpack []string) string {
	var parts []string
	if len(install) > 0 {
		parts = append(parts, "installs the Debian packages "+strings.Join(install, ", ")+
			", which stay installed after `make down`, removes no package and starts no service")
	}
	if len(unpack) > 0 {
		parts = append(parts, "unpacks the Debian packages "+strings.Join(unpack, ", ")+" into "+m.unpacked+
			", where they stay and where nothing but clusters uses them")
	}
	return strings.Join(parts, ", and ")
}

// apt runs apt-get in a directory. It stops before it removes a package, as one of
// Docker's would be that conflicts with Debian's, and keeps configuration files that
// were changed.
func (m *Machine) apt(ctx context.Context, program, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, append([]string{"--no-remove", "-o", "Dpkg::Options::=--force-confold"}, args...)...)
	cmd.Dir = dir
	// The scripts of packages start services with systemctl, which does nothing while it
	// is offline; needrestart is a hook of apt-get that restarts others.
	cmd.Env = append(os.Environ(), "PATH="+m.Path(), "DEBIAN_FRONTEND=noninteractive", "SYSTEMD_OFFLINE=1", "NEEDRESTART_SUSPEND=1", "LC_ALL=C.UTF-8")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get %s: %w:\n%s", strings.Join(args, " "), err, lastLines(out, 10))
	}
	return nil
}

// unpack puts the files of a package into a directory of ours. Its scripts do not run,
// so no service is started or enabled, and it is not in dpkg's database, so it
// conflicts with no other package. apt-get checks its signature, as for an installation.
func (m *Machine) unpack(ctx context.Context, apt, pkg string) (err error) {
	if err := os.MkdirAll(m.unpacked, 0o755); err != nil {
		return fmt.Errorf("package %s: %w", pkg, err)
	}
	dir, err := os.MkdirTemp(m.unpacked, "."+pkg+"-")
	if err != nil {
		return fmt.Errorf("package %s: %w", pkg, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := m.apt(ctx, apt, dir, "download", "-qq", pkg); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil {
		return fmt.Errorf("package %s: %w", pkg, err)
	}
	if len(files) != 1 {
		return fmt.Errorf("package %s: apt-get downloaded %d files, want one", pkg, len(files))
	}
	dpkg, err := m.Program("dpkg-deb")
	if err != nil {
		return fmt.Errorf("package %s: %w", pkg, err)
	}
	whole := filepath.Join(dir, "whole")
	if out, err := exec.CommandContext(ctx, dpkg, "--extract", files[0], whole).CombinedOutput(); err != nil {
		return fmt.Errorf("package %s: dpkg-deb: %w: %s", pkg, err, lastLines(out, 5))
	}
	// Another command may have unpacked the same meanwhile, which is as good.
	if err := os.Rename(whole, filepath.Join(m.unpacked, pkg)); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("package %s: %w", pkg, err)
	}
	return nil
}

func lastLines(text []byte, n int) string {
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
