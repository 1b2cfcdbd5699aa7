package host

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shirou/gopsutil/v3/disk"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture reads testdata/proc; its mounts answer from memory.
func fixture() *Host {
	h := New(Config{Proc: filepath.Join("testdata", "proc"), Sys: filepath.Join("testdata", "sys"), Root: "/host"})
	h.mounts.measureOne = func(_ context.Context, path string, _ chosenMount, _ map[uint64]mount) (*disk.UsageStat, error) {
		switch path {
		case "/host":
			return &disk.UsageStat{Total: 1000, Used: 300, Free: 600, InodesTotal: 10, InodesFree: 4}, nil
		case "/host/empty":
			return &disk.UsageStat{}, nil
		default:
			return nil, fmt.Errorf("statfs: %w", os.ErrPermission)
		}
	}
	return h
}

func TestCPUTimesAreSecondsPerOnlineProcessor(t *testing.T) {
	got, _, err := fixture().CPUTimes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []CoreTimes{
		{ID: "0", CPUTimes: CPUTimes{User: 15, Nice: 385.5, System: 74.5, Idle: 794.75, IOWait: 1.25, IRQ: 0.5, SoftIRQ: 0.25, Steal: 1.12}},
		{ID: "3", CPUTimes: CPUTimes{User: 1, System: 1, Idle: 2}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("times (-want +got):\n%s", d)
	}
}

func TestLoadIsReadFromTheHostsProcfs(t *testing.T) {
	got, report := fixture().Load(t.Context())
	if want := (Load{One: 0.5, Five: 0.25, Fifteen: 0.12}); got == nil || *got != want || report.Files != nil {
		t.Errorf("got %+v, %+v, want %+v", got, report, want)
	}
}

func TestMemoryUsedIsWhatIsNotAvailable(t *testing.T) {
	got, _, err := fixture().Memory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	page := uint64(os.Getpagesize())
	want := Memory{
		TotalBytes: 8 << 30, AvailableBytes: bytes(6 << 30), UsedBytes: bytes(2 << 30), UsedPercent: new(25.0),
		FreeBytes: bytes(4 << 30), BuffersBytes: bytes(128 << 20), CachedBytes: bytes(1 << 30),
		Swap: Swap{
			TotalBytes: bytes(2 << 30), UsedBytes: bytes(512 << 20), UsedPercent: new(25.0), FreeBytes: bytes(1536 << 20),
			InBytes: bytes(3 * page), OutBytes: bytes(5 * page),
		},
		Meminfo: map[string]uint64{
			"MemTotal": 8 << 30, "MemFree": 4 << 30, "MemAvailable": 6 << 30, "Buffers": 128 << 20, "Cached": 768 << 20, "SReclaimable": 256 << 20,
			"SwapCached": 0, "SwapTotal": 2 << 30, "SwapFree": 1536 << 20,
		},
		VMStat: map[string]uint64{"pswpin": 3, "pswpout": 5},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("memory (-want +got):\n%s", d)
	}
}

func TestDiskShowsDataMountsAndWholeDisks(t *testing.T) {
	got, report, err := fixture().Disk(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := Disk{
		Filesystems: []Filesystem{
			{
				Device: "/dev/vda1", Mountpoint: "/", Type: "ext4", Counted: true,
				Usage: &FilesystemUsage{SizeBytes: 1000, UsedBytes: 300, AvailableBytes: 600, UsedPercent: 33.3333, Inodes: 10, InodesFree: 4},
			},
			{Device: "nas:/export", Mountpoint: "/mnt/nas", Type: "nfs4", ReadOnly: true, Counted: true, Error: "statfs: permission denied", Reason: Permission},
		},
		Devices: []BlockDevice{{
			Name:       "vda",
			Read:       Transfers{Bytes: 1 << 20, Requests: 256, Seconds: 1.5},
			Write:      Transfers{Bytes: 2 << 20, Requests: 512, Seconds: 2.5},
			InProgress: 1, BusySeconds: 3.25, WeightedSeconds: 4,
		}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("disk (-want +got):\n%s", d)
	}
	if len(report.Mounts) != 1 || report.Mounts[0].Path != "/mnt/nas" || report.Mounts[0].Reason != Permission {
		t.Errorf("the report does not name the mount that cannot be read: %+v", report.Mounts)
	}
}

func TestNetworkReadsTheHostsNamespaceNotTheReaders(t *testing.T) {
	got, _, err := fixture().Network(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := Network{Interfaces: []Interface{
		{Name: "eth0", Receive: Traffic{Bytes: 1000, Packets: 10, Errors: 1, Dropped: 2}, Transmit: Traffic{Bytes: 2000, Packets: 20, Errors: 3, Dropped: 4}},
		{Name: "lo", Receive: Traffic{Bytes: 100, Packets: 1}, Transmit: Traffic{Bytes: 100, Packets: 1}},
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("network (-want +got):\n%s", d)
	}
}

func TestThisMachineCanBeRead(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("procfs only")
	}
	h := New(Config{})
	if cores, _, err := h.CPUTimes(t.Context()); err != nil || len(cores) == 0 {
		t.Errorf("processor times: %v, %v", cores, err)
	}
	if m, _, err := h.Memory(t.Context()); err != nil || *m.UsedBytes == 0 || *m.UsedBytes > m.TotalBytes {
		t.Errorf("memory: %+v, %v", m, err)
	}
	if d, _, err := h.Disk(t.Context()); err != nil || len(d.Filesystems) == 0 {
		t.Errorf("disk: %+v, %v", d, err)
	}
	if n, _, err := h.Network(t.Context()); err != nil || len(n.Interfaces) == 0 {
		t.Errorf("network: %+v, %v", n, err)
	}
	if s, _, err := h.System(t.Context()); err != nil || s.BootTime == nil || s.Kernel == nil || s.FileHandles == nil || s.Hostname == nil {
		t.Errorf("system: %+v, %v", s, err)
	}
}

func bytes(n uint64) *uint64 { return &n }
