package host

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ballast-sre/ballast/src/monitor/internal/host/hosttest"
)

// TestWhichMountAPathLeadsTo mounts real file systems.
func TestWhichMountAPathLeadsTo(t *testing.T) { hosttest.InMountNamespace(t, lookAtMounts) }

// TestAHiddenProcessIsSaidAndNotReplaced reads a real procfs that hides
// process 1, without the rights of root.
func TestAHiddenProcessIsSaidAndNotReplaced(t *testing.T) {
	hosttest.InMountNamespace(t, lookWithoutRights)
}

func lookWithoutRights(t *testing.T) {
	if i, err := identify("/"); err != nil || !i.hasID {
		t.Skipf("before Linux 5.8 the option would be set for the whole machine: %v", err)
	}
	dir := t.TempDir()
	proc := filepath.Join(dir, "proc")
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(proc, 0o755)); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("proc", proc, "proc", 0, "hidepid=2"); err != nil {
		hosttest.Cannot(t, "no procfs can be mounted here", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(proc, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	t.Chdir(dir) // the way there is root's only
	done := make(chan struct{})
	go func() {
		defer close(done)
		// This thread becomes nobody, and ends with the goroutine.
		runtime.LockOSThread()
		const nobody = 65534
		_, _, groups := unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0)
		_, _, group := unix.RawSyscall(unix.SYS_SETRESGID, nobody, nobody, nobody)
		_, _, user := unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody)
		if max(groups, group, user) != 0 {
			t.Error(groups, group, user)
			return
		}
		h := New(Config{Proc: "proc"})
		d, rep, err := h.Disk(t.Context())
		if err != nil || d.Filesystems != nil || d.Devices == nil || len(rep.Files) == 0 || rep.Files[0].Reason != Hidden {
			t.Errorf("disk: %+v, %+v, %v, want disks, and no mounts because they are hidden", d, rep, err)
		}
		if n, _, err := h.Network(t.Context()); !errors.Is(err, ErrHidden) || errors.Is(err, ErrUnsupported) {
			t.Errorf("network: %+v, %v, want %v", n, err, ErrHidden)
		}
		if cores, _, err := h.CPUTimes(t.Context()); err != nil || len(cores) == 0 {
			t.Errorf("processors, which everybody may read: %v", err)
		}
	}()
	<-done
}

func lookAtMounts(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(path, 0o750); err != nil {
			t.Fatal(err)
		}
		return path
	}
	mount := func(source, target, fstype string, flags uintptr, data string) {
		t.Helper()
		if err := unix.Mount(source, target, fstype, flags, data); err != nil {
			hosttest.Cannot(t, "no "+fstype+" can be mounted here", err)
		}
		t.Cleanup(func() {
			if err := unix.Unmount(target, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
	}
	tmpfs := func(path, size string) { t.Helper(); mount("none", path, "tmpfs", 0, "size="+size) }

	tmpfs(at("over"), "1m")
	tmpfs(at("over"), "2m")
	tmpfs(at("masked/in"), "1m")
	tmpfs(at("masked"), "8m")
	at("masked/in") // there is such a path in what masks it, too
	tmpfs(at("source"), "3m")
	mount(at("source/sub"), at("bind"), "", unix.MS_BIND, "")
	tmpfs(at(`odd "q' \`), "5m")
	tmpfs(at("odd\xff"), "6m")
	tmpfs(at("odd\xfe"), "7m")
	tmpfs(at("later"), "1m")
	disk := loop(t)
	mount(disk, at("btr"), "btrfs", unix.MS_RDONLY, "subvol=@")
	mount(disk, at("btrhome"), "btrfs", unix.MS_RDONLY, "subvol=@home")
	device(t, at("btr"))

	tr := newTree(t)
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	// As process 1 sees it: it does not have the mounts that come now.
	tr.put("proc/1/mountinfo", strings.TrimSpace(string(table)))
	tr.put("proc/diskstats")
	tmpfs(at("later"), "4m")

	const mib = 1 << 20
	want := map[string]uint64{ // sizes, 0 for not visible
		"over": 2 * mib, "masked": 8 * mib, "masked/in": 0, "bind": 3 * mib, `odd "q' \`: 5 * mib, `odd\xff`: 6 * mib, `odd\xfe`: 7 * mib,
		"later": 0, "btr": 64 * mib, "btrhome": 64 * mib,
	}
	h := New(Config{Proc: tr.proc})
	d, _, err := h.Disk(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	counted := map[string]bool{}
	for _, fs := range d.Filesystems {
		name, ours := strings.CutPrefix(fs.Mountpoint, dir+"/")
		if !ours {
			continue
		}
		size, ok := want[name]
		delete(want, name)
		switch {
		case !ok:
			t.Errorf("%s is shown: %+v", name, fs)
		case size == 0 && (fs.Usage != nil || fs.Reason != NotVisible):
			t.Errorf("%s: %+v with usage %+v, want none: it is not visible here", name, fs, fs.Usage)
		case size != 0 && (fs.Usage == nil || fs.Usage.SizeBytes != size):
			t.Errorf("%s: %+v with usage %+v, want %d bytes", name, fs, fs.Usage, size)
		}
		counted[name] = fs.Counted
	}
	for name := range want {
		t.Errorf("%s is not shown", name)
	}
	if !counted["btr"] || counted["btrhome"] {
		t.Errorf("of two subvolumes one must be counted: %v", counted)
	}
	// The same host, where its root is given without its mounts.
	bare := New(Config{Proc: tr.proc, Root: at("masked")})
	if d, _, err := bare.Disk(t.Context()); err != nil {
		t.Error(err)
	} else {
		for _, fs := range d.Filesystems {
			if fs.Usage != nil && strings.HasPrefix(fs.Mountpoint, dir) {
				t.Errorf("below an empty root: %+v", fs)
			}
		}
	}
}

// device makes sure of what the test is for: that btrfs has another number
// in stat than in the table of mounts.
func device(t *testing.T, path string) {
	t.Helper()
	i, err := identify(path)
	if err != nil {
		t.Fatal(err)
	}
	if m := ownMounts("", nil)[i.id]; i.hasID && m.device == i.device {
		t.Errorf("btrfs has the same number in both: %+v", m)
	}
}

// loop returns a block device with a btrfs of two subvolumes, @ and @home.
// The file is what mkfs.btrfs --mixed makes of 64 MiB; zeros compress twice.
func loop(t *testing.T) string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "btrfs.img.gz.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	outer, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	inner, err := gzip.NewReader(outer)
	if err != nil {
		t.Fatal(err)
	}
	img, err := os.Create(filepath.Join(t.TempDir(), "img"))
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	if _, err := io.CopyN(img, inner, 64<<20); err != nil {
		t.Fatal(err)
	}
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		hosttest.Cannot(t, "there are no loop devices here", err)
	}
	defer control.Close()
	n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
	if err != nil {
		hosttest.Cannot(t, "there is no free loop device here", err)
	}
	path := fmt.Sprintf("/dev/loop%d", n)
	dev, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		hosttest.Cannot(t, "the loop device cannot be opened", err)
	}
	t.Cleanup(func() { _ = dev.Close() }) // it is cleared when nobody uses it
	config := unix.LoopConfig{Fd: uint32(img.Fd())}
	config.Info.Flags = unix.LO_FLAGS_AUTOCLEAR | unix.LO_FLAGS_READ_ONLY
	if err := unix.IoctlLoopConfigure(int(dev.Fd()), &config); err != nil {
		hosttest.Cannot(t, "the loop device takes no file", err)
	}
	return path
}

func TestSeesTheMountItself(t *testing.T) {
	host := mount{id: 900, device: "8:1", root: "/", fstype: "ext4", point: "/"}
	own := map[uint64]mount{
		1: {id: 1, device: "8:1", root: "/", fstype: "ext4", point: "/host"},
		2: {id: 2, device: "8:2", root: "/", fstype: "ext4"},
		3: {id: 3, device: "8:1", root: "/sub", fstype: "ext4"},
		4: {id: 4, device: "8:1", root: "/", fstype: "xfs"},
	}
	btrfs := mount{device: "0:30", root: "/@", fstype: "btrfs"}
	for name, tc := range map[string]struct {
		at   identity
		want mount
		own  map[uint64]mount
		sees bool
	}{
		"the same mount under another path and number": {identity{id: 1, hasID: true}, host, own, true},
		"another device":                   {identity{id: 2, hasID: true}, host, own, false},
		"another part of the same device":  {identity{id: 3, hasID: true}, host, own, false},
		"another type":                     {identity{id: 4, hasID: true}, host, own, false},
		"a mount that is not in the table": {identity{id: 5, hasID: true, device: "8:1"}, host, own, false},
		"an old kernel, the same device":   {identity{device: "8:1"}, host, own, true},
		"an old kernel, another device":    {identity{device: "8:2"}, host, own, false},
		"an old kernel, btrfs":             {identity{device: "0:31"}, btrfs, own, true},
		"no table of one's own":            {identity{id: 1, hasID: true, device: "8:2"}, host, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.at.sees(tc.want, tc.own); got != tc.sees {
				t.Errorf("got %v, want %v", got, tc.sees)
			}
		})
	}
}
