// Package sampletest holds a snapshot for tests of what is built on
// snapshots.
package sampletest

import (
	"errors"
	"time"

	"github.com/ballast-sre/ballast/src/monitor/internal/host"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

// Fixture returns a snapshot of a machine with two processors, whose
// network collector failed at the last attempt, and one of whose mounts
// hangs and one of which cannot be seen. Every reading was finished at the given time; the CPU interval is
// the five seconds before it.
func Fixture(at time.Time) *sample.Snapshot {
	return &sample.Snapshot{
		CPU: &sample.CPUReading{
			Since: at.Add(-5 * time.Second),
			Until: at,
			Usage: &host.CPUUsage{Busy: 37.5, User: 25, System: 12.5, Idle: 50, IOWait: 12.5},
			Cores: []sample.CoreReading{
				{
					ID:    "0",
					Usage: &host.CPUUsage{Busy: 75, User: 50, System: 25, Idle: 25},
					Hertz: new(2.4e9),
					Times: &host.CPUTimes{User: 15.25, Nice: 385.5, System: 74.5, Idle: 794.75, IOWait: 1.25, IRQ: 0.5, SoftIRQ: 0.25, Steal: 1.125},
				},
				{
					// Came online within the interval: times, but no usage.
					ID:    "3",
					Times: &host.CPUTimes{User: 1, Idle: 2},
				},
			},
			Load:     &host.Load{One: 0.5, Five: 0.25, Fifteen: 0.125},
			Pressure: &host.Pressure{Some: host.Stall{Percent10s: 12.5, Percent60s: 6.25, Percent300s: 2.5, Seconds: 42.5}},
		},
		Memory: &host.Memory{
			TotalBytes: 8 << 30, AvailableBytes: bytes(6 << 30), UsedBytes: bytes(2 << 30), UsedPercent: new(25.0),
			FreeBytes: bytes(4 << 30), BuffersBytes: bytes(128 << 20), CachedBytes: bytes(1 << 30),
			Swap: host.Swap{
				TotalBytes: bytes(2 << 30), UsedBytes: bytes(512 << 20), UsedPercent: new(25.0), FreeBytes: bytes(1536 << 20),
				InBytes: bytes(4096), OutBytes: bytes(8192),
			},
			Pressure: pressure(1.5, 0.5),
			Meminfo: map[string]uint64{
				"MemTotal": 8 << 30, "MemAvailable": 6 << 30, "MemFree": 4 << 30, "Buffers": 128 << 20, "Cached": 896 << 20, "SwapCached": 1 << 20,
				"Active": 768 << 20, "Inactive": 1 << 30, "Active(anon)": 512 << 20, "Inactive(anon)": 640 << 20, "Active(file)": 256 << 20, "Inactive(file)": 384 << 20,
				"SwapTotal": 2 << 30, "SwapFree": 1536 << 20, "Dirty": 8 << 20, "Writeback": 0, "AnonPages": 1 << 30, "Mapped": 96 << 20, "Shmem": 16 << 20,
				"Slab": 192 << 20, "SReclaimable": 128 << 20, "SUnreclaim": 64 << 20, "KernelStack": 4 << 20, "PageTables": 12 << 20,
				"CommitLimit": 6 << 30, "Committed_AS": 3 << 30, "HugePages_Total": 0,
			},
			VMStat: map[string]uint64{"pgmajfault": 42, "pswpin": 1, "pswpout": 2},
		},
		Disk: &host.Disk{
			Filesystems: []host.Filesystem{
				{
					Device: "/dev/vda1", Mountpoint: "/", Type: "ext4", Counted: true,
					Usage: &host.FilesystemUsage{SizeBytes: 100 << 30, UsedBytes: 40 << 30, AvailableBytes: 40 << 30, UsedPercent: 50, Inodes: 1000, InodesFree: 750},
				},
				{
					Device: "/dev/vda1", Mountpoint: "/home", Type: "ext4",
					Error: host.ErrNotVisible.Error(), Reason: host.NotVisible,
				},
				{
					Device: "nas:/export", Mountpoint: "/mnt/nas", Type: "nfs4", ReadOnly: true, Counted: true,
					Error: host.ErrMountHangs.Error(), Reason: host.Hangs,
				},
			},
			Devices: []host.BlockDevice{{
				Name:       "vda",
				Read:       host.Transfers{Bytes: 1 << 20, Requests: 256, Seconds: 1.5},
				Write:      host.Transfers{Bytes: 2 << 20, Requests: 512, Seconds: 2.5},
				InProgress: 1, BusySeconds: 3.25, WeightedSeconds: 4.5,
			}},
			Pressure: pressure(8.25, 4),
		},
		Network: &host.Network{Interfaces: []host.Interface{{
			Name:     "eth0",
			Receive:  host.Traffic{Bytes: 1000, Packets: 10, Errors: 1, Dropped: 2},
			Transmit: host.Traffic{Bytes: 2000, Packets: 20, Errors: 3, Dropped: 4},
			Link:     &host.Link{State: "up", SpeedBytes: bytes(125_000_000)},
		}}},
		Cgroup: &sample.CgroupReading{
			Since: new(at.Add(-5 * time.Second)), Until: at, UsedCores: new(0.375), LimitUsedPercent: new(75.0),
			Cgroup: host.Cgroup{
				CPU: &host.CgroupCPU{
					Membership: host.Membership{Version: 2, Path: "/"}, UsageSeconds: 42.5, UserSeconds: new(30.0), SystemSeconds: new(12.5),
					Limit: &host.CPULimit{
						Path: "/", Cores: 0.5, UsageSeconds: new(42.5),
						Periods: bytes(1000), ThrottledPeriods: bytes(250), ThrottledSeconds: new(12.75),
					},
					Pressure: pressure(2.5, 1.25),
				},
				Memory: &host.CgroupMemory{
					Membership: host.Membership{Version: 2, Path: "/"}, UsageBytes: 96 << 20, WorkingSetBytes: bytes(64 << 20), SwapBytes: bytes(0),
					Limit: &host.MemoryLimit{
						Path: "/", Bytes: 128 << 20, UsageBytes: bytes(96 << 20), UsedPercent: new(75.0), WorkingSetPercent: new(50.0),
					},
					Events:   host.MemoryEvents{Low: bytes(0), High: bytes(1), Max: bytes(7), OOM: bytes(2), OOMKills: bytes(3), OOMGroupKills: bytes(0)},
					Pressure: pressure(0.5, 0.25),
				},
			},
		},
		System: &host.System{
			BootTime: new(time.Date(1999, 12, 31, 12, 0, 0, 0, time.UTC)), Hostname: new("node-1"),
			Kernel:      &host.Kernel{Name: "Linux", Release: "6.12.0-amd64", Version: "#1 SMP PREEMPT_DYNAMIC", Machine: new("x86_64")},
			FileHandles: &host.FileHandles{Allocated: 1536, Max: 1 << 20},
			Temperatures: []host.Temperature{
				{Chip: "nvme_nvme0", Driver: "nvme", Sensor: "temp1", Label: "Composite", Celsius: 38.85, MaxCelsius: new(81.85), CriticalCelsius: new(84.85)},
				{Chip: "platform_coretemp_0", Driver: "coretemp", Sensor: "temp1", Label: "Package id 0", Celsius: 45},
			},
		},
		Processes: &sample.ProcessesReading{
			Since: new(at.Add(-5 * time.Second)), Until: at, Total: 2,
			Processes: []sample.ProcessReading{
				{Process: host.Process{PID: 1, Comm: "init", CPUSeconds: 12.5, MemoryBytes: 8 << 20, Started: 3}, UsedCores: new(0.25)},
				{Process: host.Process{PID: 4321, UID: 1000, Comm: "young", CPUSeconds: 0.5, MemoryBytes: 64 << 20, Started: 99}},
			},
		},
		Statuses: []sample.Status{
			{Name: sample.CPU, SampledAt: at, Duration: 1500 * time.Microsecond, Successes: 12},
			{Name: sample.Memory, SampledAt: at, Duration: 500 * time.Microsecond, Successes: 12},
			{Name: sample.Disk, SampledAt: at, Duration: 2500 * time.Microsecond, Successes: 12, LinesSkipped: 12, Problems: []host.Problem{
				{Path: "/home", Reason: host.NotVisible, Detail: host.ErrNotVisible.Error()},
				{Path: "/mnt/nas", Reason: host.Hangs, Detail: host.ErrMountHangs.Error()},
			}, Scopes: []host.Scope{{Figures: "filesystems", Host: true}}},
			{Name: sample.Network, SampledAt: at, Duration: 250 * time.Microsecond, Successes: 10, Failures: 2, Err: errors.New("read network counters: permission denied"), Scopes: []host.Scope{
				{Figures: "interfaces", Detail: "this process has a network namespace of its own"},
			}},
			{Name: sample.Cgroup, SampledAt: at, Duration: 250 * time.Microsecond, Successes: 12},
			{Name: sample.System, SampledAt: at, Duration: 125 * time.Microsecond, Successes: 12},
			{Name: sample.Processes, SampledAt: at, Duration: 750 * time.Microsecond, Successes: 12},
		},
	}
}

func bytes(n uint64) *uint64 { return &n }

// pressure has averages that a stall of that many seconds could have.
func pressure(some, full float64) *host.Pressure {
	return &host.Pressure{
		Some: host.Stall{Percent10s: 0.5, Percent60s: 0.25, Percent300s: 0.12, Seconds: some},
		Full: &host.Stall{Percent10s: 0.25, Percent60s: 0.12, Percent300s: 0.06, Seconds: full},
	}
}
