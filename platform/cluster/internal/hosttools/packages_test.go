package hosttools

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// calls are a line for each time that apt-get ran: its arguments, and a part of its
// environment.
func (m *made) calls(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(filepath.Dir(m.bin), "calls"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// apt puts an apt-get onto the machine that installs and downloads programs of the
// names of their packages.
func (m *made) apt(t *testing.T) {
	t.Helper()
	script(t, filepath.Join(m.bin, "apt-get"), `PATH=/usr/bin:/bin
echo "$@ SYSTEMD_OFFLINE=$SYSTEMD_OFFLINE NEEDRESTART_SUSPEND=$NEEDRESTART_SUSPEND DEBIAN_FRONTEND=$DEBIAN_FRONTEND" >>`+filepath.Dir(m.bin)+`/calls
while [ "$1" != update ] && [ "$1" != install ] && [ "$1" != download ]; do shift; done
does=$1
for name; do
  case "$does $name" in
  install\ -* | "$does $does" | download\ -* | update\ *) ;;
  install\ *) cp "$0" `+m.bin+`/$name ;;
  download\ *) echo "$name" >${name}_1_amd64.deb ;;
  esac
done`)
	// dpkg-deb --extract FILE DIRECTORY makes the programs of the package.
	script(t, filepath.Join(m.bin, "dpkg-deb"), `PATH=/usr/bin:/bin
mkdir -p "$3/usr/bin" "$3/usr/lib/cni"
case "$(cat "$2")" in
containerd) names="bin/containerd bin/containerd-shim-runc-v2 bin/ctr" ;;
runc) names=bin/runc ;;
*) names="lib/cni/bridge lib/cni/host-local lib/cni/loopback lib/cni/portmap" ;;
esac
for name in $names; do cp "$0" "$3/usr/$name"; done`)
}

func (m *made) has(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(filepath.Dir(m.bin), func(path string, _ os.DirEntry, err error) error {
		found = append(found, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestNothingIsInstalledUnasked(t *testing.T) {
	m := machine(t, slices.DeleteFunc(all(), func(name string) bool { return slices.Contains([]string{"runc", "ipset", "iptables"}, name) })...)
	m.apt(t)
	before := m.has(t)
	err := m.Ensure(t.Context())
	if !errors.Is(err, ErrMissing) {
		t.Fatalf("%v, want %v", err, ErrMissing)
	}
	for _, want := range []string{
		"runc (Debian package runc), iptables (Debian package iptables), ipset (Debian package ipset)",
		"Nothing was started", "install them yourself and run the command again", "`make up INSTALL=1` (`cluster up --install`)",
		"installs the Debian packages iptables, ipset, which stay installed after `make down`",
		"unpacks the Debian packages runc into " + filepath.Join(filepath.Dir(m.bin), "cache", "debian"),
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q: %v", want, err)
		}
	}
	if len(m.calls(t)) > 0 || len(m.told) > 0 {
		t.Errorf("it began all the same: %q, %q", m.calls(t), m.told)
	}
	if d := cmp.Diff(before, m.has(t)); d != "" {
		t.Errorf("the machine has changed (-before +after):\n%s", d)
	}
}

func TestWhatIsMissingIsInstalledWhenAsked(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, without which nothing is installed")
	}
	m := machine(t, slices.DeleteFunc(all(), func(name string) bool {
		return slices.Contains([]string{Containerd, "containerd-shim-runc-v2", Ctr, "runc", plugins, "conntrack", "mmdebstrap"}, name)
	})...)
	m.apt(t)
	m.Install = true
	for range 2 { // the second time, nothing is missing
		if err := m.Ensure(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	const (
		options = "--no-remove -o Dpkg::Options::=--force-confold "
		env     = " SYSTEMD_OFFLINE=1 NEEDRESTART_SUSPEND=1 DEBIAN_FRONTEND=noninteractive"
	)
	want := []string{
		options + "update -qq" + env,
		options + "install --yes -qq --no-install-recommends conntrack mmdebstrap" + env,
		options + "download -qq containerd" + env,
		options + "download -qq runc" + env,
		options + "download -qq containernetworking-plugins" + env,
	}
	if d := cmp.Diff(want, m.calls(t)); d != "" {
		t.Errorf("apt-get ran (-want +got):\n%s", d)
	}
	if len(m.told) != 1 || !strings.Contains(m.told[0], "conntrack, mmdebstrap, which stay installed") || !strings.Contains(m.told[0], "containerd, runc, containernetworking-plugins into") {
		t.Errorf("reported %q", m.told)
	}
	path, err := m.Program(Containerd)
	if err != nil || path != filepath.Join(m.unpacked, "containerd", "usr", "bin", "containerd") {
		t.Errorf("containerd is %s, %v", path, err)
	}
	dir, err := m.CNIPlugins()
	if err != nil || dir != filepath.Join(m.unpacked, "containernetworking-plugins", "usr", "lib", "cni") {
		t.Errorf("the plugins are in %s, %v", dir, err)
	}
	left, err := os.ReadDir(m.unpacked)
	if err != nil || len(left) != 3 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A machine with Docker has these, from a package that conflicts with Debian's.
func TestWhatDockerBroughtIsUsed(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, without which nothing is installed")
	}
	m := machine(t, slices.DeleteFunc(all(), func(name string) bool { return name == plugins || name == "ipset" })...)
	m.apt(t)
	m.Install = true
	if err := m.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, call := range m.calls(t) {
		for word := range strings.FieldsSeq(call) {
			if word == "containerd" || word == "runc" {
				t.Errorf("apt-get was asked for %s: %s", word, call)
			}
		}
	}
	if path, err := m.Program(Containerd); err != nil || path != filepath.Join(m.bin, Containerd) {
		t.Errorf("containerd is %s, %v", path, err)
	}
}

func TestWhatCannotBeInstalled(t *testing.T) {
	root := os.Getuid() == 0
	for name, tt := range map[string]struct {
		apt, says string
		needsRoot bool
	}{
		"without apt-get": {"", "there is no apt-get here", false},
		"a package that would take others away, which apt-get refuses": {"echo 'E: Packages need to be removed but remove is disabled.'; exit 100", "remove is disabled", true},
		"packages that do not hold what they should":                   {"exit 0", "also after apt-get fetched the packages: ipset (Debian package ipset)", true},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.needsRoot && !root {
				t.Skip("needs root, without which nothing is installed")
			}
			m := machine(t, slices.DeleteFunc(all(), func(name string) bool { return name == "ipset" })...)
			if tt.apt != "" {
				script(t, filepath.Join(m.bin, "apt-get"), tt.apt)
			}
			m.Install = true
			if err := m.Ensure(t.Context()); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %q", err, tt.says)
			}
		})
	}
}

func TestOnlyWhatIsNamedIsNeeded(t *testing.T) {
	m := machine(t, LibC)
	if err := m.Ensure(t.Context(), GCC, LibC); err != nil {
		t.Errorf("it has both: %v", err)
	}
	if err := m.Ensure(t.Context(), GCC, "ip"); err == nil || strings.Contains(err.Error(), "containerd") || !strings.Contains(err.Error(), "ip (Debian package iproute2)") {
		t.Errorf("%v", err)
	}
}

// The real apt-get with the arguments of Ensure, and with the status of a machine that
// has Docker's containerd. It only simulates, and needs neither a network nor rights.
func TestTheRealAptGetRemovesNothing(t *testing.T) {
	program, err := exec.LookPath("apt-get")
	if err != nil {
		t.Skip("there is no apt-get")
	}
	dir := t.TempDir()
	status := "Package: containerd.io\nStatus: install ok installed\nPriority: optional\nMaintainer: x\nArchitecture: all\nVersion: 1.7.27-1\n" +
		"Provides: containerd, runc\nConflicts: containerd, runc\nReplaces: containerd, runc\nDescription: Docker's\n\n"
	index := "Package: runc\nArchitecture: all\nVersion: 1.1.5\nMaintainer: x\nFilename: ./runc.deb\nSize: 1\nSHA256: " + strings.Repeat("0", 64) + "\nDescription: Debian's\n\n"
	for file, text := range map[string]string{
		"status": status, "repository/Packages": index, "sources": "deb [trusted=yes] file:" + dir + "/repository ./\n",
		"lists/partial/x": "", "archives/partial/x": "", "preferences": "",
	} {
		path := filepath.Join(dir, file)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	m := machine(t)
	script(t, filepath.Join(m.bin, "apt-get"), "exec "+program+" -o APT::Get::Simulate=true -o Dir::State::status="+dir+"/status -o Dir::State::lists="+dir+"/lists -o Dir::State::extended_states="+dir+"/extended"+
		" -o Dir::Etc::sourcelist="+dir+"/sources -o Dir::Etc::sourceparts=- -o Dir::Etc::preferencesparts=- -o Dir::Etc::preferences="+dir+"/preferences"+
		" -o Dir::Cache="+dir+" -o Debug::NoLocking=1 -o APT::Sandbox::User= "+`"$@"`)
	ask := func(ctx context.Context, args ...string) error {
		return m.Machine.apt(ctx, filepath.Join(m.bin, "apt-get"), "", args...)
	}
	if err := ask(t.Context(), "update", "-qq"); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(m.bin, "apt-get"), "install", "--yes", "runc").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Remv containerd.io") {
		t.Fatalf("without our options it would be removed, or this shows nothing: %v: %s", err, out)
	}
	if err := ask(t.Context(), "install", "--yes", "-qq", "--no-install-recommends", "runc"); err == nil || !strings.Contains(err.Error(), "remove is disabled") {
		t.Errorf("%v, want that it refuses", err)
	}
}
