package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ballast-sre/ballast/src/monitor/internal/host/hosttest"
)

// TestAHungFileSystemOfManyMountsIsAskedOnce mounts a FUSE file system whose
// server never answers, as many times as ended the process at Go's limit of
// threads.
func TestAHungFileSystemOfManyMountsIsAskedOnce(t *testing.T) {
	hosttest.InMountNamespace(t, lookAtHungMounts)
}

const hungMounts = 10_500

func lookAtHungMounts(t *testing.T) {
	root := t.TempDir()
	mount := func(source, target, fstype string, flags uintptr, data string) {
		t.Helper()
		if err := os.MkdirAll(target, 0o750); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount(source, target, fstype, flags, data); err != nil {
			hosttest.Cannot(t, "no "+fstype+" can be mounted here", err)
		}
	}
	mount("none", root, "tmpfs", 0, "size=64m")
	t.Cleanup(func() {
		if err := unix.Unmount(root, unix.MNT_DETACH); err != nil { // with all that is below
			t.Error(err)
		}
	})
	server, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		hosttest.Cannot(t, "there is no FUSE here", err)
	}
	hung := filepath.Join(root, "m0")
	mount("hung", hung, "fuse", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", server))
	mount("none", filepath.Join(root, "good"), "tmpfs", 0, "size=1m")
	for i := 1; i < hungMounts; i++ {
		mount(hung, filepath.Join(root, fmt.Sprintf("m%d", i)), "", unix.MS_BIND, "")
	}

	// The host's table has each of them directly below its root, where all are shown.
	own, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	var table []string
	for line := range strings.Lines(string(own)) {
		if strings.Contains(line, " "+root+"/") {
			table = append(table, strings.TrimSuffix(strings.Replace(line, " "+root+"/", " /", 1), "\n"))
		}
	}
	tr := newTree(t)
	tr.put("proc/1/mountinfo", table...)
	tr.put("proc/diskstats")
	h := New(Config{Proc: tr.proc, Sys: tr.sys, Root: root, MountTimeout: 200 * time.Millisecond})
	look := func() (hangs, good, failed int) {
		t.Helper()
		d, _, err := h.Disk(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, fs := range d.Filesystems {
			switch {
			case fs.Reason == Hangs:
				hangs++
			case fs.Usage != nil:
				good++
			default:
				failed++
			}
		}
		return hangs, good, failed
	}

	before := threads(t)
	for range 3 {
		if hangs, good, failed := look(); hangs != hungMounts || good != 1 || failed != 0 {
			t.Fatalf("%d mounts hang, %d have figures, %d failed; want %d, 1 and none", hangs, good, failed, hungMounts)
		}
	}
	// The runtime has threads of its own that come and go.
	if after := threads(t); after > before+20 {
		t.Errorf("%d threads became %d", before, after)
	}

	// Without its server the file system answers that it is gone.
	if err := unix.Close(server); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		hangs, good, failed := look()
		if hangs == 0 && good == 1 && failed == hungMounts {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("without its server %d mounts hang, %d have figures, %d failed", hangs, good, failed)
		}
	}
	if _, err := identify(hung); err != nil && !errors.Is(err, unix.ENOTCONN) {
		t.Error(err)
	}
}

// threads counts those of this process.
func threads(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
