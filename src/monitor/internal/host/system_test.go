package host

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// system lays out every file that the collector reads.
func system(t *testing.T) *tree {
	t.Helper()
	tr := newTree(t)
	tr.put("proc/stat", "cpu0 1 2 3 4", "btime 1700000000", "processes 5")
	tr.put("proc/sys/kernel/ostype", "Linux")
	tr.put("proc/sys/kernel/osrelease", "6.12.1-amd64")
	tr.put("proc/sys/kernel/version", "#1 SMP")
	tr.put("proc/sys/kernel/arch", "riscv64")
	tr.put("proc/sys/kernel/hostname", "the-pod")
	tr.put("proc/sys/fs/file-nr", "1024\t24\t9223372036854775807")
	tr.put("root/etc/hostname", "the-host")
	return tr
}

func TestTheSystemsFactsAreThoseOfTheHost(t *testing.T) {
	tr := system(t)
	got, rep, err := tr.System(t.Context())
	want := System{
		BootTime: new(time.Unix(1700000000, 0).UTC()), Hostname: new("the-host"),
		Kernel:      &Kernel{Name: "Linux", Release: "6.12.1-amd64", Version: "#1 SMP", Machine: new("riscv64")},
		FileHandles: &FileHandles{Allocated: 1000, Max: 1<<63 - 1}, Temperatures: []Temperature{},
	}
	if d := cmp.Diff(want, got); d != "" || err != nil || rep.Files != nil {
		t.Errorf("system (-want +got):\n%s%v %+v", d, err, rep)
	}
}

func TestTheMachineIsAskedOfTheOwnKernelOnlyIfItIsTheHosts(t *testing.T) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	tr := system(t)
	tr.remove("proc/sys/kernel/arch")
	if got, _, _ := tr.System(t.Context()); got.Kernel.Machine != nil {
		t.Errorf("another kernel's machine: %s", *got.Kernel.Machine)
	}
	tr.put("proc/sys/kernel/osrelease", unix.ByteSliceToString(u.Release[:]))
	tr.put("proc/sys/kernel/version", unix.ByteSliceToString(u.Version[:]))
	if got, _, _ := tr.System(t.Context()); got.Kernel.Machine == nil || *got.Kernel.Machine != unix.ByteSliceToString(u.Machine[:]) {
		t.Errorf("this kernel's machine: %v", got.Kernel)
	}
}

func TestAFactThatCannotBeReadCostsItself(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*tree)
		path   string
		reason Reason
		lost   func(System) bool
	}{
		"no stat":                  {func(tr *tree) { tr.remove("proc/stat") }, "proc/stat", Missing, func(s System) bool { return s.BootTime == nil }},
		"stat without a boot time": {func(tr *tree) { tr.put("proc/stat", "cpu0 1 2 3 4") }, "proc/stat", Empty, func(s System) bool { return s.BootTime == nil }},
		"a boot time that is none": {func(tr *tree) { tr.put("proc/stat", "btime soon") }, "proc/stat", Empty, func(s System) bool { return s.BootTime == nil }},
		"no release":               {func(tr *tree) { tr.remove("proc/sys/kernel/osrelease") }, "proc/sys/kernel/osrelease", Missing, func(s System) bool { return s.Kernel == nil }},
		"a count that is none":     {func(tr *tree) { tr.put("proc/sys/fs/file-nr", "1 2") }, "proc/sys/fs/file-nr", Malformed, func(s System) bool { return s.FileHandles == nil }},
		"counts that are blocked":  {func(tr *tree) { tr.block("proc/sys/fs/file-nr") }, "proc/sys/fs/file-nr", Other, func(s System) bool { return s.FileHandles == nil }},
		"a host without a name":    {func(tr *tree) { tr.put("root/etc/hostname") }, "root/etc/hostname", Empty, func(s System) bool { return s.Hostname == nil }},
		"a root that is not given": {func(tr *tree) { tr.Host = New(Config{Proc: filepath.Join(tr.root, "proc")}) }, "proc/sys/kernel/hostname", OtherNamespace, func(s System) bool { return s.Hostname == nil }},
	} {
		t.Run(name, func(t *testing.T) {
			tr := system(t)
			tc.change(tr)
			got, rep, err := tr.System(t.Context())
			if err != nil || !tc.lost(got) || len(rep.Files) != 1 || rep.Files[0].Reason != tc.reason || rep.Files[0].Path != filepath.Join(tr.root, tc.path) {
				t.Errorf("system %+v, report %+v, %v", got, rep, err)
			}
		})
	}
}

func TestWithoutAnyFactTheSystemIsUnsupportedOrUnreadable(t *testing.T) {
	tr := newTree(t)
	if _, _, err := tr.System(t.Context()); !errors.Is(err, ErrUnsupported) {
		t.Errorf("nothing there: %v", err)
	}
	tr.block("proc/stat")
	if _, _, err := tr.System(t.Context()); err == nil || errors.Is(err, ErrUnsupported) {
		t.Errorf("something that cannot be read: %v", err)
	}
}
