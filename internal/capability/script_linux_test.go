package capability_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/internal/capability"
	"github.com/ballast-sre/ballast/tests/executable"
)

// shell is a place where the script runs for real: this machine, as it is.
type shell struct {
	env    []string // beside that of the test
	nobody bool     // without the rights of root
	bin    string   // stands for /usr/local/bin; "" is itself
	groups string   // stands for /host-sys/fs/cgroup; "" is itself
}

func (s shell) exec(ctx context.Context, command ...string) (string, error) {
	for place, other := range map[string]string{"/usr/local/bin/": s.bin, "/host-sys/fs/cgroup/": s.groups} {
		if other != "" {
			command[len(command)-1] = strings.ReplaceAll(command[len(command)-1], place, other+"/")
		}
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = "/"
	cmd.Env = append(cmd.Environ(), s.env...)
	if s.nobody {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err == nil && stderr.Len() > 0 {
		err = errors.New("the script is not silent")
	}
	if err != nil {
		return string(out), fmt.Errorf("%w: %s", err, stderr.String())
	}
	return string(out), nil
}

func probe(t *testing.T, s shell) capability.Document {
	t.Helper()
	d, err := capability.Probe(t.Context(), s.exec)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// In namespaces of its own, in which nobody else works, what is there before and
// after the script is the same.
func TestTheScriptLeavesNothingBehind(t *testing.T) {
	if _, err := exec.LookPath("unshare"); err != nil {
		t.Skip(err)
	}
	temporary := t.TempDir()
	const around = `set -e
mount -t tmpfs none /run
ip link set lo up
state() {
	for c in "ip addr" "ip rule" "ip route show table all" "ip netns" "tc qdisc" "ipset list" "iptables-save" "iptables-legacy-save" \
		"cat /proc/self/oom_score_adj" "cat /proc/self/mountinfo" "ls -R /run $TMPDIR"; do
		echo "$c:"
		$c 2>&1 || true
	done
}
state
echo ====
sh -c "$0" >/dev/null
state`
	script := ""
	_, _ = capability.Probe(t.Context(), func(_ context.Context, command ...string) (string, error) {
		script = command[2]
		return "", nil
	})
	cmd := exec.CommandContext(t.Context(), "unshare", "--net", "--mount", "sh", "-c", around, script)
	cmd.Env = append(cmd.Environ(), "TMPDIR="+temporary)
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "unshare: ") {
		t.Skipf("no namespace can be made here: %s", out)
	}
	before, after, ok := strings.Cut(string(out), "====\n")
	if err != nil || !ok || before == "" {
		t.Fatalf("%v: %s", err, out)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the probe left something behind (-before +after):\n%s", diff)
	}
}

func TestTheScriptReportsEveryFactOfThisMachine(t *testing.T) {
	places := map[string]shell{"as it is": {}}
	if os.Getuid() == 0 {
		places["without the rights of root"] = shell{nobody: true}
	}
	for name, place := range places {
		t.Run(name, func(t *testing.T) {
			d := probe(t, place)
			release, err := os.ReadFile("/proc/sys/kernel/osrelease")
			if err != nil || strings.TrimSpace(string(release)) != d.Kernel {
				t.Errorf("the kernel is %q, not %q: %v", d.Kernel, release, err)
			}
			for _, n := range capability.Names() {
				f, ok := d.Fact(n)
				switch {
				case slices.Contains(elsewhere(), n):
				case !ok && n == capability.DNSServer: // a machine outside of a cluster cannot tell
				case !ok:
					t.Errorf("%s is not reported", n)
				default:
					t.Logf("%-18s %-5v %s", n, f.Present, f.Detail)
				}
			}
			if place.nobody { // a test that finds everything would find these
				for _, n := range []capability.Name{capability.Netem, capability.IPTables, capability.Bridge, capability.CapSysPtrace, capability.CapSysResource} {
					if f, _ := d.Fact(n); f.Present {
						t.Errorf("%s is there without the rights for it", n)
					}
				}
			}
		})
	}
}

// write makes a program that is a script of this text.
func write(t *testing.T, dir, name, text string) {
	t.Helper()
	executable.Write(t, filepath.Join(dir, name), text, 0o755)
}

// imageOf makes what an image of the chaos daemon has in /usr/local/bin.
func imageOf(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	for _, name := range []string{"pause", "memStress", "toda", "tproxy"} {
		write(t, bin, name, "#!/bin/sh\n")
	}
	write(t, bin, "cdh", "#!/bin/sh\n[ \"$1\" = --help ] && echo Usage: cdh '[command]'\n")
	write(t, bin, "stress-ng", "#!/bin/sh\n[ \"$1\" = --version ] && echo stress-ng, version 0.15.06\n")
	// The kinds of arguments that the chaos daemon gives it.
	write(t, bin, "nsexec", `#!/bin/sh
case "$*" in
"-n /proc/self/ns/net -- echo entered" | "-l -m /proc/1/ns/mnt -- cdh --help") while [ "$1" != -- ]; do shift; done; shift; exec "$@" ;;
esac
echo "nsexec: $*" >&2
exit 64
`)
	// As an object that is embedded has them in its table of symbols.
	write(t, bin, "chaos-daemon", "fakeclock/fake_clock_gettime.o\x00fake_clock_gettime.c\x00fake_clock_gettime\x00TV_SEC_DELTA\x00fake_gettimeofday\x00")
	return bin
}

func TestTheScriptFindsThePrograms(t *testing.T) {
	type absent map[capability.Name]string // with a part of the detail
	for name, tc := range map[string]struct {
		change func(t *testing.T, bin string)
		absent absent
	}{
		"that an image has": {func(*testing.T, string) {}, nil},
		"but not those that are missing or do not run": {
			func(t *testing.T, bin string) {
				if err := os.Remove(filepath.Join(bin, "toda")); err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(filepath.Join(bin, "tproxy"), 0o644); err != nil {
					t.Fatal(err)
				}
				write(t, bin, "stress-ng", "#!/bin/sh\necho 'libjudy.so: cannot open' >&2\nexit 127\n")
				write(t, bin, "nsexec", "#!/bin/sh\necho 'EPERM: Operation not permitted' >&2\nexit 101\n")
				// The names are in the daemon's own text too.
				write(t, bin, "chaos-daemon", "\x00fakeclock/.embed.o\x00fake_clock_gettime.ofake_gettimeofday.o\x00")
			},
			absent{
				capability.Toda: "there is no program", capability.TProxy: "there is no program",
				capability.StressNG: "libjudy.so: cannot open",
				capability.Nsexec:   "Operation not permitted", capability.NsexecLocal: "Operation not permitted",
				capability.FakeClock: "holds no object with the symbol fake_clock_gettime",
			},
		},
		"but not those that do half of their work": {
			func(t *testing.T, bin string) {
				write(t, bin, "nsexec", "#!/bin/sh\n[ \"$1\" = -l ] || exec echo entered\necho \"failed to execute $5\" >&2\n")
				write(t, bin, "chaos-daemon", "\x00fake_clock_gettime\x00")
			},
			absent{
				capability.NsexecLocal: "failed to execute cdh",
				capability.FakeClock:   "holds no object with the symbol fake_gettimeofday",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			bin := imageOf(t)
			tc.change(t, bin)
			d := probe(t, shell{bin: bin, env: []string{
				"PATH=" + bin + ":" + os.Getenv("PATH"), "CHAOS_MESH_DNS_SERVER_SERVICE_HOST=10.0.0.53",
			}})
			for _, n := range []capability.Name{
				capability.Nsexec, capability.NsexecLocal, capability.Pause, capability.StressNG, capability.MemStress,
				capability.Toda, capability.TProxy, capability.FakeClock, capability.DNSServer,
			} {
				f, ok := d.Fact(n)
				detail, missing := tc.absent[n]
				if !ok || f.Present == missing || !strings.Contains(f.Detail, detail) {
					t.Errorf("%s is %v, %v: %s", n, f.Present, ok, f.Detail)
				}
			}
		})
	}
}

func TestTheScriptSaysWhoseMemStressItIs(t *testing.T) {
	for name, tc := range map[string]struct{ program, says string }{
		"Ballast's own says so":          {"#!/bin/sh\n[ \"$1\" = --version ] && echo memStress of Ballast\n", "memStress of Ballast"},
		"another one knows no such flag": {"#!/bin/sh\necho 'flag provided but not defined: -version' >&2\nexit 2\n", "memStress"},
	} {
		t.Run(name, func(t *testing.T) {
			bin := imageOf(t)
			write(t, bin, "memStress", tc.program)
			f, ok := probe(t, shell{bin: bin, env: []string{"PATH=" + bin + ":" + os.Getenv("PATH")}}).Fact(capability.MemStress)
			if !ok || !f.Present || !strings.HasSuffix(f.Detail, tc.says) {
				t.Errorf("%v: %+v", ok, f)
			}
		})
	}
}

// The command line of a chaos daemon has the address of the container runtime.
func TestTheSocketOfTheContainerRuntimeIsThatOfTheDaemon(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "containerd.sock")
	write(t, dir, "chaos-daemon", "#!/bin/sh\nread line\n") // until its standard input ends
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "chaos-daemon"), "--runtime", "containerd", "--runtime-socket-path", socket, "--pprof")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stdin.Close(); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait() // at the end of its input read fails
	})

	if f, _ := probe(t, shell{}).Fact(capability.ContainerRuntime); f.Present || f.Detail != socket+" is no socket" {
		t.Errorf("while nothing listens it is %+v", f)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if f, _ := probe(t, shell{}).Fact(capability.ContainerRuntime); !f.Present || f.Detail != socket {
		t.Errorf("while something listens it is %+v", f)
	}
}

// A stressor is put into every hierarchy of version 1 that the host seems to have.
func TestTheScriptFindsHierarchiesThatAreNotMounted(t *testing.T) {
	if probe(t, shell{}).Cgroup == capability.CgroupV2 {
		t.Skip("version 2 has one hierarchy only")
	}
	text, err := os.ReadFile("/proc/1/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	var mounted []string
	for line := range strings.Lines(string(text)) {
		if parts := strings.SplitN(line, ":", 3); len(parts) == 3 {
			mounted = append(mounted, strings.Split(strings.TrimPrefix(parts[1], "name="), ",")...)
		}
	}
	known := []string{"systemd", "freezer", "pids", "net_cls", "net_prio", "perf_event", "cpuset", "cpuacct", "blkio", "rdma", "devices", "hugetlb"}
	here := slices.DeleteFunc(slices.Clone(known), func(c string) bool { return !slices.Contains(mounted, c) })
	absent := slices.DeleteFunc(slices.Clone(known), func(c string) bool { return slices.Contains(mounted, c) })
	if len(here) == 0 || len(absent) == 0 {
		t.Skipf("these are mounted: %v, these are not: %v", here, absent)
	}
	attach := func(t *testing.T, dirs ...string) capability.Fact {
		t.Helper()
		root := t.TempDir()
		for _, c := range append([]string{"cpu", "memory"}, dirs...) {
			if err := os.Mkdir(filepath.Join(root, c), 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(root, c), "cgroup.procs", "")
		}
		f, _ := probe(t, shell{groups: root}).Fact(capability.CgroupAttach)
		return f
	}
	if f := attach(t, here...); !f.Present {
		t.Errorf("all are mounted: %+v", f)
	}
	for _, c := range absent {
		if f := attach(t, append(slices.Clone(here), c)...); f.Present || !strings.Contains(f.Detail, "/"+c+" is there, and no process has") {
			t.Errorf("%s is not: %+v", c, f)
		}
	}
}
