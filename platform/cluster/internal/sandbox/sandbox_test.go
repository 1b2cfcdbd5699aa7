package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
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
	"time"

	"go.uber.org/goleak"
)

// TestMain lets the test's own program be process 1 of a sandbox.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == Subcommand {
		os.Exit(Main(os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

// bench is a sandbox with a program in it that tries what it must not do.
type bench struct {
	Sandbox
	dir      string // of all
	bin, own string // that it reads, that it writes to
}

// newBench skips the test where no sandbox can be made.
func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{dir: t.TempDir()}
	b.bin, b.own = filepath.Join(b.dir, "bin"), filepath.Join(b.dir, "own")
	b.Root = filepath.Join(b.dir, "root")
	for _, dir := range []string{b.bin, b.Root} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := Possible(t.Context(), b.Root); forbidden(err) {
		t.Skipf("needs root, or a system that lets others make namespaces: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	if err := Own(b.own); err != nil {
		t.Fatal(err)
	}
	b.ReadOnly, b.Writable = []string{b.bin}, []string{b.own}
	if built := os.Getenv("SANDBOX_INTRUDER"); built != "" {
		if err := os.CopyFS(b.bin, os.DirFS(built)); err != nil {
			t.Fatal(err)
		}
	} else {
		build(t, b.program())
	}
	return b
}

func build(t *testing.T, program string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./testdata/intruder")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// forbidden says whether this system does not let the test make namespaces. Everything
// else that keeps a sandbox from being made is a defect.
func forbidden(err error) bool {
	return err != nil && (errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) ||
		os.Getuid() != 0 && (strings.Contains(err.Error(), "operation not permitted") || strings.Contains(err.Error(), "permission denied")))
}

func (b *bench) program() string { return filepath.Join(b.bin, "intruder") }

type answer struct{ Got, Error string }

// attempts runs the program once for all of what it tries.
func (b *bench) attempts(t *testing.T, online bool, tries ...string) []answer {
	t.Helper()
	var out bytes.Buffer
	err := b.Run(t.Context(), Command{
		Args: append([]string{b.program()}, tries...), Env: []string{"TMPDIR=" + b.own}, Dir: b.own, Output: &out, Online: online,
	})
	if err != nil {
		t.Fatalf("%v: %s", err, &out)
	}
	var all []answer
	for decoder := json.NewDecoder(&out); decoder.More(); {
		var a answer
		if err := decoder.Decode(&a); err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
	if len(all) != len(tries) {
		t.Fatalf("%d answers to %q: %v", len(all), tries, all)
	}
	return all
}

func TestWhatAProgramCannotDo(t *testing.T) {
	b := newBench(t)
	secret := filepath.Join(b.dir, "secret") // beside what it sees
	readable := filepath.Join(b.bin, "readable")
	for _, path := range []string{secret, readable} {
		if err := os.WriteFile(path, []byte("precious"), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0o666); err != nil { // modes alone would let it
			t.Fatal(err)
		}
	}
	if err := os.Chmod(b.bin, 0o777); err != nil {
		t.Fatal(err)
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	abstract, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", fmt.Sprintf("@sandbox-%d", os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	defer abstract.Close()
	self := os.Getpid()
	tries := []string{
		"read /etc/shadow", "read /etc/passwd", "read /../etc/passwd", "list /root", "list /home", "list /etc", "list /sys", "list /usr", "list /var/lib",
		"read " + secret, "read /proc/1/root" + secret, "append " + secret, "remove " + secret, fmt.Sprintf("read /proc/%d/environ", self), "read /proc/kcore", "write /proc/sys/kernel/hostname", "write /proc/sysrq-trigger",
		"write " + readable, "append " + readable, "remove " + readable, "rename " + readable, "chmod " + readable, "link " + readable, "write " + filepath.Join(b.bin, "new"),
		"write /new", "write /etc/new", "write /dev/new",
		"mknod " + filepath.Join(b.own, "disk"), "mount " + b.own, "remount " + b.bin, "unmount " + b.bin, "chroot " + b.own, "hostname",
		"dial tcp " + l.Addr().String(), "dial udp4 192.0.2.1:53", "dial unix " + abstract.Addr().String(),
		fmt.Sprintf("kill %d", self),
	}
	if os.Getuid() == 0 {
		tries = append(tries, "setuid")
	}
	for i, a := range b.attempts(t, false, tries...) {
		if a.Error == "" {
			t.Errorf("it can %s: %q", tries[i], a.Got)
		}
	}
	for _, path := range []string{secret, readable} {
		if text, err := os.ReadFile(path); err != nil || string(text) != "precious" {
			t.Errorf("%s holds %q, %v", path, text, err)
		}
	}
	if left, err := os.ReadDir(b.Root); err != nil || len(left) > 0 {
		t.Errorf("the root holds on the machine %v, %v", left, err)
	}
}

func TestWhatAProgramIs(t *testing.T) {
	t.Setenv("SECRET", "of-the-builder")
	b := newBench(t)
	b.Files = map[string]string{"/etc/resolv.conf": "nameserver 192.0.2.1\n"}
	keep, err := os.Open(os.Args[0]) // a descriptor that is not for it
	if err != nil {
		t.Fatal(err)
	}
	defer keep.Close()
	got := map[string]string{}
	tries := []string{
		"environ", "processes", "descriptors", "status Uid", "status Groups", "status CapEff", "status CapPrm", "status CapBnd", "status CapAmb", "status CapInh", "status NoNewPrivs",
		"read /proc/self/oom_score_adj", "read /etc/resolv.conf", "list /", "write " + filepath.Join(b.own, "made"), "write /tmp/made", "write /dev/null",
	}
	for i, a := range b.attempts(t, false, tries...) {
		if a.Error != "" {
			t.Errorf("%s: %s", tries[i], a.Error)
		}
		got[tries[i]] = a.Got
	}
	user, groups := fmt.Sprint(user), ""
	if os.Getuid() != 0 {
		user, groups = "0", got["status Groups"] // in its namespace of users; groups cannot be given up
	}
	const none = "0000000000000000"
	for what, want := range map[string]string{
		"environ": "TMPDIR=" + b.own, "processes": "/proc/1", "status Uid": strings.Join(slices.Repeat([]string{user}, 4), "\t"), "status Groups": groups,
		"status CapEff": none, "status CapPrm": none, "status CapBnd": none, "status CapAmb": none, "status CapInh": none, "status NoNewPrivs": "1",
		"read /proc/self/oom_score_adj": "1000\n", "read /etc/resolv.conf": "nameserver 192.0.2.1\n",
		"list /": strings.Join(slices.Compact(slices.Sorted(slices.Values([]string{"dev", "etc", "proc", "tmp", strings.Split(b.dir, "/")[1]}))), " "),
	} {
		if got[what] != want {
			t.Errorf("%s: %q, want %q", what, got[what], want)
		}
	}
	for open := range strings.FieldsSeq(got["descriptors"]) {
		if fd, to, _ := strings.Cut(open, "="); strings.HasPrefix(to, "/") && to != "/dev/null" && !strings.HasPrefix(to, "/proc/") {
			t.Errorf("descriptor %s is %s", fd, to)
		}
	}
	if info, err := os.Stat(filepath.Join(b.own, "made")); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("what it made is %v, %v", info, err)
	}
}

func TestAProgramIsOnlineWhenItIsLetOnline(t *testing.T) {
	b := newBench(t)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	try := "dial tcp " + l.Addr().String()
	if a := b.attempts(t, true, try); a[0].Error != "" {
		t.Errorf("online: %s", a[0].Error)
	}
	if a := b.attempts(t, false, try); a[0].Error == "" {
		t.Error("offline it reaches this machine")
	}
	if os.Getuid() != 0 {
		return // only root enters a network
	}
	network, err := os.Open("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	defer network.Close()
	var out bytes.Buffer
	if err := b.Run(t.Context(), Command{Args: []string{b.program(), try}, Dir: "/", Output: &out, Online: true, Network: network}); err != nil || !strings.Contains(out.String(), `"Error":""`) {
		t.Errorf("in a network that it was given: %v: %s", err, &out)
	}
}

func TestASeededDirectoryBeginsWithAnotherOnesContent(t *testing.T) {
	b := newBench(t)
	origin, dir := filepath.Join(b.dir, "origin"), filepath.Join(b.dir, "cache")
	for path, text := range map[string]string{"00/old": "old", "00/changed": "old", "01/other": "other"} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(origin, path)), 0o755), os.WriteFile(filepath.Join(origin, path), []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	seen, err := OwnSeed(dir, "00", "01")
	if err != nil {
		t.Fatal(err)
	}
	b.Seeded = []Seed{{Dir: seen, From: origin}}
	seeded := b.attempts(t, false, "read "+filepath.Join(seen, "00", "old"))[0].Error == ""
	if !seeded {
		t.Log("the file system of this machine cannot seed: the directory begins empty")
	}
	for _, try := range []string{"write " + filepath.Join(seen, "00", "new"), "remove " + filepath.Join(seen, "00", "changed"), "write " + filepath.Join(seen, "00", "changed")} {
		if a := b.attempts(t, false, try)[0]; a.Error != "" && (seeded || !strings.HasPrefix(try, "remove")) {
			t.Errorf("%s: %s", try, a.Error)
		}
	}
	if again, err := OwnSeed(dir, "00", "01"); err != nil || again != seen {
		t.Errorf("%s, %v", again, err)
	}
	if a := b.attempts(t, false, "read "+filepath.Join(seen, "00", "new"), "read "+filepath.Join(seen, "00", "changed")); a[0].Got != "intruder" || a[1].Got != "intruder" {
		t.Errorf("the next program reads %+v", a)
	}
	for path, want := range map[string]string{"00/old": "old", "00/changed": "old", "01/other": "other"} {
		if text, err := os.ReadFile(filepath.Join(origin, path)); err != nil || string(text) != want {
			t.Errorf("the origin's %s is %q, %v", path, text, err)
		}
	}
	if _, err := os.Stat(filepath.Join(origin, "00", "new")); err == nil {
		t.Error("the origin has what the program wrote")
	}
}

func TestAProgramEnds(t *testing.T) {
	b := newBench(t)
	living := func() []string {
		t.Helper()
		all, err := filepath.Glob("/proc/[0-9]*/exe")
		if err != nil {
			t.Fatal(err)
		}
		return slices.DeleteFunc(all, func(exe string) bool {
			to, err := os.Readlink(exe)
			return err != nil || to != b.program()
		})
	}
	t.Run("and all that it started with it", func(t *testing.T) {
		if a := b.attempts(t, false, "spawn"); a[0].Error != "" || a[0].Got == "" {
			t.Fatalf("it started nothing: %+v", a)
		}
		if left := living(); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	})
	t.Run("with its context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			ended <- b.Run(ctx, Command{Args: []string{b.program(), "spawn", "sleep"}, Dir: "/", Output: &bytes.Buffer{}})
		}()
		until(t, "two processes", func() bool { return len(living()) == 2 })
		cancel()
		var exit *exec.ExitError
		if err := <-ended; !errors.As(err, &exit) {
			t.Errorf("it ended with %v", err)
		}
		if left := living(); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	})
	t.Run("with who runs it", func(t *testing.T) {
		builder := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHelperRuns$")
		told, err := json.Marshal(b.Sandbox)
		if err != nil {
			t.Fatal(err)
		}
		builder.Env = append(os.Environ(), "SANDBOX_HELPER="+string(told), "SANDBOX_PROGRAM="+b.program())
		if err := builder.Start(); err != nil {
			t.Fatal(err)
		}
		until(t, "a process", func() bool { return len(living()) == 1 })
		if err := builder.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = builder.Wait() // it was killed
		until(t, "its end", func() bool { return len(living()) == 0 })
	})
	t.Run("with its own exit code", func(t *testing.T) {
		var out bytes.Buffer
		err := b.Run(t.Context(), Command{Args: []string{filepath.Join(b.bin, "absent")}, Dir: "/", Output: &out})
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 70 || !strings.Contains(out.String(), "sandbox: "+filepath.Join(b.bin, "absent")+": no such file or directory") {
			t.Errorf("%v: %s", err, &out)
		}
	})
}

// TestHelperRuns is a process that another test kills.
func TestHelperRuns(t *testing.T) {
	told := os.Getenv("SANDBOX_HELPER")
	if told == "" {
		t.Skip("part of another test")
	}
	var s Sandbox
	if err := json.Unmarshal([]byte(told), &s); err != nil {
		t.Fatal(err)
	}
	t.Error(s.Run(t.Context(), Command{Args: []string{os.Getenv("SANDBOX_PROGRAM"), "sleep"}, Dir: "/", Output: os.Stderr}))
}

func TestWhatKeepsASandboxFromBeingMade(t *testing.T) {
	b := newBench(t)
	for name, tt := range map[string]struct {
		change func(s *Sandbox)
		says   string
	}{
		"a root that does not exist":                {func(s *Sandbox) { s.Root = filepath.Join(b.dir, "absent") }, "mount " + filepath.Join(b.dir, "absent")},
		"a directory to read that does not exist":   {func(s *Sandbox) { s.ReadOnly = []string{filepath.Join(b.dir, "absent")} }, "show " + filepath.Join(b.dir, "absent")},
		"a directory to write that does not exist":  {func(s *Sandbox) { s.Writable = []string{filepath.Join(b.dir, "absent")} }, "show " + filepath.Join(b.dir, "absent")},
		"a file where the machine's own is visible": {func(s *Sandbox) { s.Files = map[string]string{filepath.Join(b.bin, "mine"): ""} }, "read-only file system"},
	} {
		t.Run(name, func(t *testing.T) {
			s := b.Sandbox
			tt.change(&s)
			var out bytes.Buffer
			if err := s.Run(t.Context(), Command{Args: []string{b.program()}, Dir: "/", Output: &out}); err == nil || !strings.Contains(out.String(), tt.says) {
				t.Errorf("%v: %s, want %q", err, &out, tt.says)
			}
		})
	}
	if err := Possible(t.Context(), filepath.Join(b.dir, "absent")); err == nil || !strings.Contains(err.Error(), "mount ") {
		t.Errorf("%v", err)
	}
}

func TestWhatProgramsMadeUnreadableIsRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	hidden := filepath.Join(dir, "a", "b")
	if err := errors.Join(os.MkdirAll(hidden, 0o755), os.WriteFile(filepath.Join(hidden, "file"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	elsewhere := t.TempDir()
	if err := errors.Join(os.Chmod(elsewhere, 0o500), os.Symlink(elsewhere, filepath.Join(dir, "a", "link"))); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chmod(hidden, 0), os.Chmod(filepath.Dir(hidden), 0)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := Remove(dir); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("it is there: %v", err)
	}
	if info, err := os.Stat(elsewhere); err != nil || info.Mode().Perm() != 0o500 {
		t.Errorf("a link was followed: %v, %v", info, err)
	}
}

func TestItIsNotForPeopleToStart(t *testing.T) {
	var out bytes.Buffer
	if code := Main(&out); code != 70 || !strings.Contains(out.String(), "this is process 1 of a sandbox") {
		t.Errorf("%d: %s", code, &out)
	}
}

// The other tests again, as a user who is not root.
func TestWithoutRoot(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("this is what the others are")
	}
	if testing.Short() {
		t.Skip("it runs the other tests again")
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "tests")
	text, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	const nobody = 65534
	if err := errors.Join(os.WriteFile(program, text, 0o755), os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(dir, "home")
	if err := errors.Join(os.Mkdir(home, 0o700), os.Chown(home, nobody, nobody)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-test.v", "-test.run=^(TestWhat.*|TestAProgram.*|TestASeeded.*)$")
	built := filepath.Join(dir, "built")
	build(t, filepath.Join(built, "intruder"))
	cmd.Env = append(os.Environ(), "HOME="+home, "TMPDIR="+home, "SANDBOX_INTRUDER="+built)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v", err)
	}
	t.Logf("%s", out)
}

// until asks real processes, which no fake clock moves, until they are as they should
// be. The deadline is far off: it is only met when something is wrong.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	ticks := time.NewTicker(5 * time.Millisecond)
	defer ticks.Stop()
	for end := time.Now().Add(time.Minute); !so(); <-ticks.C {
		if time.Now().After(end) {
			t.Fatalf("never came: %s", what)
		}
	}
}
