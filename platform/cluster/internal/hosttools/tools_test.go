package hosttools

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/tests/executable"
)

// made is a machine whose programs are made up: all of them are in one directory.
type made struct {
	*Machine
	bin, plugins string
	told         []string
}

// machine has what is named and nothing else.
func machine(t *testing.T, names ...string) *made {
	t.Helper()
	root := t.TempDir()
	m := &made{bin: filepath.Join(root, "bin"), plugins: filepath.Join(root, "cni")}
	t.Setenv("PATH", m.bin)
	t.Setenv("CNI_PATH", m.plugins)
	m.Machine = Here(filepath.Join(root, "cache"), func(format string, args ...any) { m.told = append(m.told, fmt.Sprintf(format, args...)) })
	// This machine's own are out of sight.
	inTest := func(dirs []string) (kept []string) {
		for _, dir := range dirs {
			if strings.HasPrefix(dir, root) {
				kept = append(kept, dir)
			}
		}
		return kept
	}
	m.Machine.programs, m.Machine.plugins = inTest(m.Machine.programs), inTest(m.Machine.plugins)
	for _, name := range names {
		m.add(t, name)
	}
	return m
}

// add puts a tool onto the machine.
func (m *made) add(t *testing.T, name string) {
	t.Helper()
	switch name {
	case plugins:
		for _, plugin := range []string{"bridge", "host-local", "loopback", "portmap"} {
			script(t, filepath.Join(m.plugins, plugin), "")
		}
	case GitServer: // where no Debian has it
		libexec := filepath.Join(filepath.Dir(m.bin), "usr", "libexec", "git-core")
		script(t, filepath.Join(m.bin, "git"), "echo "+libexec)
		script(t, filepath.Join(libexec, GitServer), "")
	case LibC:
		script(t, filepath.Join(m.bin, GCC), `echo /somewhere/${1#-print-file-name=}`)
	case GCC:
		script(t, filepath.Join(m.bin, GCC), `echo "${1#-print-file-name=}"`) // as it says that it finds none
	default:
		script(t, filepath.Join(m.bin, name), "")
	}
}

func script(t *testing.T, path, does string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	executable.Write(t, path, "#!/bin/sh\n"+does+"\n", 0o755)
}

// all are the names of all tools.
func all() []string {
	var names []string
	for _, t := range tools() {
		names = append(names, t.name)
	}
	return names
}

func TestEveryToolIsLookedForByItself(t *testing.T) {
	if err := machine(t, all()...).Ensure(t.Context()); err != nil {
		t.Fatalf("nothing is missing: %v", err)
	}
	for _, missing := range tools() {
		t.Run(missing.name, func(t *testing.T) {
			var others []string
			for _, name := range all() {
				if name != missing.name && (missing.name != GCC || name != LibC) { // which is asked from the compiler
					others = append(others, name)
				}
			}
			err := machine(t, append(others, "apt-get")...).Ensure(t.Context())
			if err == nil || !strings.Contains(err.Error(), missing.name+" (Debian package "+missing.pkg+")") {
				t.Errorf("%v, want that %s of %s is missing", err, missing.name, missing.pkg)
			}
		})
	}
}

func TestAProgramIsOneThatCanRun(t *testing.T) {
	m := machine(t, "first")
	for name, mode := range map[string]os.FileMode{"text": 0o644, "directory": os.ModeDir | 0o755} {
		path := filepath.Join(m.bin, name)
		if mode.IsDir() {
			if err := os.Mkdir(path, 0o755); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
		if found, err := m.Program(name); err == nil {
			t.Errorf("%s is taken for a program", found)
		}
	}
	if found, err := m.Program("first"); err != nil || found != filepath.Join(m.bin, "first") {
		t.Errorf("%s, %v", found, err)
	}
}

func TestWhereProgramsAreLookedFor(t *testing.T) {
	t.Setenv("PATH", ":relative:/opt/mine:/usr/bin:/opt/mine")
	t.Setenv("CNI_PATH", "/opt/plugins")
	m := Here("/cache", t.Logf)
	want := "/opt/mine:/usr/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin:/bin:" +
		"/cache/debian/containerd/usr/bin:/cache/debian/containerd/usr/sbin:/cache/debian/runc/usr/bin:/cache/debian/runc/usr/sbin:" +
		"/cache/debian/containernetworking-plugins/usr/bin:/cache/debian/containernetworking-plugins/usr/sbin"
	if got := m.Path(); got != want {
		t.Errorf("in\n%s, want\n%s", got, want)
	}
	if got, cached := Here("", t.Logf).Path(), "/cache/"; strings.Contains(got, "debian") || want[:strings.Index(want, ":"+cached)] != got {
		t.Errorf("without a cache in\n%s", got)
	}
	if got := m.plugins[0]; got != "/opt/plugins" {
		t.Errorf("plugins are looked for in %s first", got)
	}
}

func TestGitsHelpersAreWhereGitSays(t *testing.T) {
	m := machine(t, GitServer)
	if path, err := m.GitServer(t.Context()); err != nil || !strings.HasSuffix(path, "/usr/libexec/git-core/git-http-backend") {
		t.Errorf("%s, %v", path, err)
	}
	for name, tt := range map[string]struct{ git, says string }{
		"a git without it":       {"echo /nowhere", "git has no /nowhere/git-http-backend: install the part of git that serves HTTP"},
		"a git that is broken":   {"exit 3", "--exec-path: exit status 3"},
		"a git that says no end": {"", "git has no git-http-backend"},
	} {
		t.Run(name, func(t *testing.T) {
			m := machine(t)
			script(t, filepath.Join(m.bin, "git"), tt.git)
			if path, err := m.GitServer(t.Context()); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s, %v, want %q", path, err, tt.says)
			}
		})
	}
	if _, err := machine(t).GitServer(t.Context()); err == nil || !strings.Contains(err.Error(), "program git is not in") {
		t.Errorf("without git: %v", err)
	}
}
