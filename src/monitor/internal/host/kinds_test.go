package host

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree is a host's /proc and /sys that a test lays out and changes. What is
// written here is all there is: a reader that looks at this machine instead
// gives other figures.
type tree struct {
	t    *testing.T
	root string
	*Host
}

func newTree(t *testing.T) *tree {
	t.Helper()
	dir := t.TempDir()
	tr := &tree{t: t, root: dir}
	tr.Host = New(Config{Proc: filepath.Join(dir, "proc"), Sys: filepath.Join(dir, "sys"), Root: filepath.Join(dir, "root")})
	return tr
}

// put writes a file; an empty content makes it empty.
func (tr *tree) put(path string, lines ...string) {
	tr.t.Helper()
	path = filepath.Join(tr.root, path)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600)); err != nil {
		tr.t.Fatal(err)
	}
}

func (tr *tree) remove(path string) {
	tr.t.Helper()
	if err := os.RemoveAll(filepath.Join(tr.root, path)); err != nil {
		tr.t.Fatal(err)
	}
}

// block makes a path unreadable for everybody, root included: it is a
// directory.
func (tr *tree) block(path string) {
	tr.t.Helper()
	tr.remove(path)
	if err := os.MkdirAll(filepath.Join(tr.root, path), 0o750); err != nil {
		tr.t.Fatal(err)
	}
}

func skipped(rep Report) []string {
	var subjects []string
	for _, s := range rep.Skipped {
		subjects = append(subjects, s.Subject)
	}
	return subjects
}

func TestOneBadLineCostsOneLine(t *testing.T) {
	tr := newTree(t)
	tr.put("proc/stat",
		"cpu  1 2 3 4", "cpu0 100 0 0 300", "cpu1 garbage 0 0 0", "", "cpu2", "odd line", "cpu3 1 -1 0 0", "cpuX 1 1 1 1",
		"cpu0 9 9 9 9", "cpu4 200 0 0 600 0 0 0 0 0 0", "intr 1 2 3")
	cores, rep, err := tr.CPUTimes(t.Context())
	want := []CoreTimes{{ID: "0", CPUTimes: CPUTimes{User: 1, Idle: 3}}, {ID: "4", CPUTimes: CPUTimes{User: 2, Idle: 6}}}
	if d := cmp.Diff(want, cores); d != "" || err != nil {
		t.Errorf("cores (-want +got):\n%s%v", d, err)
	}
	if d := cmp.Diff([]string{"cpu1", "cpu2", "cpu3", "cpuX", "cpu0"}, skipped(rep)); d != "" {
		t.Errorf("skipped (-want +got):\n%s", d)
	}

	tr.put("proc/1/net/dev", "Inter-| Receive | Transmit", " face |bytes |bytes", "  eth0:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
		"  ppp0: No statistics available", " br:0: 10 2 3 4 5 6 7 8 90 10 11 12 13 14 15 16", "short: 1 2", "nothing", "eth0: 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
		"wg\xff: 7 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16")
	n, rep, err := tr.Network(t.Context())
	got := map[string]uint64{}
	for _, i := range n.Interfaces {
		got[i.Name] = i.Receive.Bytes
	}
	if d := cmp.Diff(map[string]uint64{"eth0": 1, "br:0": 10, `wg\xff`: 7}, got); d != "" || err != nil {
		t.Errorf("interfaces (-want +got):\n%s%v", d, err)
	}
	if d := cmp.Diff([]string{"ppp0", "short", "nothing", "eth0"}, skipped(rep)); d != "" {
		t.Errorf("skipped (-want +got):\n%s", d)
	}

	tr.put("proc/meminfo", "MemTotal: 1000 kB", "MemFree: many kB", "MemAvailable: 400 kB", "Buffers 7 kB", "Cached: 50 kB", "HugePages_Total: 3", "Weird: 5 MB")
	m, rep, err := tr.Memory(t.Context())
	if err != nil || m.FreeBytes != nil || m.BuffersBytes != nil || *m.AvailableBytes != 400<<10 || *m.UsedPercent != 60 || *m.CachedBytes != 50<<10 || m.Swap.TotalBytes != nil {
		t.Errorf("memory %+v, %v", m, err)
	}
	if d := cmp.Diff([]string{"MemFree", "Buffers", "Weird"}, skipped(rep)); d != "" {
		t.Errorf("skipped (-want +got):\n%s", d)
	}

	tr.put("proc/diskstats", "8 0 sda 10 0 20 30 0 0 0 0 0 40 50", "8 16 sdb 1 0 2 3 0 0 0 0 -1 4 5", "8", "8 32 sdc 1 2", "8 48 sdd 0 0 0 0 0 0 0 0 0 0 0")
	d, rep, err := tr.Disk(t.Context())
	if err != nil || len(d.Devices) != 1 || d.Devices[0].Name != "sda" || d.Devices[0].Read.Bytes != 20*512 {
		t.Errorf("disks %+v, %v", d, err)
	}
	if d := cmp.Diff([]string{"8", "sdb", "sdc"}, skipped(rep)); d != "" {
		t.Errorf("skipped (-want +got):\n%s", d)
	}
}

func TestAnAbsentFigureIsNeitherZeroNorThisMachines(t *testing.T) {
	tr := newTree(t)
	tr.put("proc/meminfo", "MemTotal: 1000 kB", "MemAvailable: 400 kB", "SwapTotal: 10 kB", "SwapFree: 4 kB")
	tr.put("proc/vmstat", "pswpin 3", "pswpout 4")
	for name, tc := range map[string]struct {
		file   string
		change func(path string)
		reason Reason
	}{
		"loadavg is missing":     {"proc/loadavg", tr.remove, Missing},
		"loadavg is empty":       {"proc/loadavg", func(p string) { tr.put(p) }, Empty},
		"loadavg is odd":         {"proc/loadavg", func(p string) { tr.put(p, "1.00 2.00") }, Malformed},
		"loadavg is no number":   {"proc/loadavg", func(p string) { tr.put(p, "1.00 NaN 2.00") }, Malformed},
		"loadavg cannot be read": {"proc/loadavg", tr.block, Other},
		"vmstat is missing":      {"proc/vmstat", tr.remove, Missing},
		"vmstat cannot be read":  {"proc/vmstat", tr.block, Other},
	} {
		t.Run(name, func(t *testing.T) {
			tr.remove(tc.file)
			tc.change(tc.file)
			load, rep := tr.Load(t.Context())
			if tc.file == "proc/vmstat" {
				m, r, err := tr.Memory(t.Context())
				if err != nil || m.Swap.InBytes != nil || m.Swap.OutBytes != nil || *m.Swap.UsedBytes != 6<<10 {
					t.Errorf("memory %+v, %v", m, err)
				}
				rep = r
			} else if load != nil {
				t.Errorf("load %+v", load)
			}
			if len(rep.Files) != 1 || rep.Files[0].Reason != tc.reason || rep.Files[0].Path != tr.procPath(filepath.Base(tc.file)) {
				t.Errorf("report %+v, want %s because %s", rep, tc.file, tc.reason)
			}
		})
	}
}

func TestAvailableMemoryOfOldKernelsIsEstimatedAndNeverNegative(t *testing.T) {
	page := uint64(os.Getpagesize())
	for name, tc := range map[string]struct {
		free, file uint64 // in pages
		want       uint64
	}{
		"free memory below the watermark":        {100, 0, 0},
		"free memory above it":                   {5000, 0, 4000},
		"the page cache but for the watermark":   {5000, 8000, 4000 + 7000},
		"half of a page cache that is so small":  {5000, 600, 4000 + 300},
		"more than there is, as a container has": {90000, 90000, 100000},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTree(t)
			kb := func(pages uint64) string { return " " + itoa(pages*page/1024) + " kB" }
			tr.put("proc/meminfo", "MemTotal:"+kb(100000), "MemFree:"+kb(tc.free), "Active(file):"+kb(tc.file/2), "Inactive(file):"+kb(tc.file/2))
			tr.put("proc/zoneinfo", "Node 0, zone DMA", "  pages free 3", "        min 5", "        low 400", "Node 0, zone Normal", "        low 600", "     nr_low 7")
			tr.put("proc/vmstat", "pswpin 0")
			m, _, err := tr.Memory(t.Context())
			if err != nil || m.AvailableBytes == nil || *m.AvailableBytes != tc.want*page {
				t.Errorf("available %v, %v, want %d pages", m.AvailableBytes, err, tc.want)
			}
		})
	}
}

func TestAMainFileThatIsNotThereIsUnsupportedAndOneThatCannotBeReadIsNot(t *testing.T) {
	for file, read := range map[string]func(*tree) error{
		"proc/stat":      func(tr *tree) error { _, _, err := tr.CPUTimes(t.Context()); return err },
		"proc/meminfo":   func(tr *tree) error { _, _, err := tr.Memory(t.Context()); return err },
		"proc/diskstats": func(tr *tree) error { _, _, err := tr.Disk(t.Context()); return err },
		"proc/1/net/dev": func(tr *tree) error { _, _, err := tr.Network(t.Context()); return err },
	} {
		t.Run(file, func(t *testing.T) {
			tr := newTree(t)
			if err := read(tr); !errors.Is(err, ErrUnsupported) || !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("missing: %v", err)
			}
			tr.block(file)
			if err := read(tr); err == nil || errors.Is(err, ErrUnsupported) {
				t.Errorf("unreadable: %v", err)
			}
			if file == "proc/diskstats" {
				return // empty on a machine without disks
			}
			tr = newTree(t)
			tr.put(file, "")
			if err := read(tr); !errors.Is(err, ErrEmpty) || errors.Is(err, ErrUnsupported) {
				t.Errorf("empty: %v", err)
			}
		})
	}
}

func TestHalfOfTheDiskReadingIsBetterThanNone(t *testing.T) {
	tr := newTree(t)
	tr.put("proc/diskstats", "8 0 sda 10 0 20 30 0 0 0 0 0 40 50")
	d, rep, err := tr.Disk(t.Context())
	if err != nil || d.Filesystems != nil || len(d.Devices) != 1 || rep.Files[0].Path != tr.procPath("1", "mountinfo") {
		t.Errorf("without mounts: %+v, %+v, %v", d, rep, err)
	}
	tr.put("proc/1/mountinfo", "20 1 0:0 / / rw - ext4 /dev/sda rw", "odd")
	tr.block("proc/diskstats")
	d, rep, err = tr.Disk(t.Context())
	if err != nil || d.Devices != nil || len(d.Filesystems) != 1 || d.Filesystems[0].Reason != NotVisible || len(rep.Files) != 1 || len(rep.Skipped) != 1 {
		t.Errorf("without disks: %+v, %+v, %v", d, rep, err)
	}
}

func TestPartitionsAreNoDisks(t *testing.T) {
	names := []string{
		"sda", "sda1", "sda10", "dasda", "dasda1", "nbd0", "nbd0p1", "zd0", "zd0p1", "pmem0", "pmem0p1", "nvme0n1", "nvme0n1p2",
		"cciss/c0d0", "cciss/c0d0p1", "mmcblk0", "mmcblk0p1", "mmcblk0boot0", "md127", "md127p1", "dm-0", "xvda1", "loop7", "zram0", "ram0", "fd0",
	}
	disks := []string{"cciss/c0d0", "dasda", "dm-0", "md127", "mmcblk0", "mmcblk0boot0", "nbd0", "nvme0n1", "pmem0", "sda", "xvda1", "zd0"}
	partitionOf := map[string]string{
		"sda1": "sda", "sda10": "sda", "dasda1": "dasda", "nbd0p1": "nbd0", "zd0p1": "zd0", "pmem0p1": "pmem0", "nvme0n1p2": "nvme0n1",
		"cciss!c0d0p1": "cciss!c0d0", "mmcblk0p1": "mmcblk0", "md127p1": "md127",
	}
	for how, lay := range map[string]func(*tree){
		"by name": func(*tree) {},
		"by sysfs": func(tr *tree) {
			for _, name := range names {
				name = strings.ReplaceAll(name, "/", "!")
				if disk, ok := partitionOf[name]; ok {
					tr.put("sys/class/block/"+name+"/partition", "1")
					tr.put("sys/block/"+disk+"/"+name+"/partition", "1")
				} else {
					tr.put("sys/block/"+name+"/size", "1")
				}
			}
		},
		"by a sysfs that does not have all": func(tr *tree) { tr.put("sys/block/sda/sda1/partition", "1") },
	} {
		t.Run(how, func(t *testing.T) {
			tr := newTree(t)
			lay(tr)
			var lines []string
			for i, name := range names {
				lines = append(lines, "8 "+itoa(uint64(i))+" "+name+" 10 0 20 30 0 0 0 0 0 40 50")
			}
			tr.put("proc/diskstats", lines...)
			d, rep, err := tr.Disk(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, device := range d.Devices {
				got = append(got, device.Name)
			}
			if d := cmp.Diff(disks, got); d != "" {
				t.Errorf("disks (-want +got):\n%s", d)
			}
			said := false
			for _, p := range rep.Files {
				said = said || strings.Contains(p.Detail, "form of their names")
			}
			if want := how == "by name"; said != want {
				t.Errorf("said that names decide: %v, want %v: %+v", said, want, rep.Files)
			}
		})
	}
}

func TestTheDeviceOfTheRootIsLookedUpInSysfs(t *testing.T) {
	tr := newTree(t)
	if err := errors.Join(os.MkdirAll(filepath.Join(tr.root, "sys/dev/block"), 0o750),
		os.Symlink("../../devices/pci/cciss!c0d0/cciss!c0d0p1", filepath.Join(tr.root, "sys/dev/block/104:1"))); err != nil {
		t.Fatal(err)
	}
	for m, want := range map[mount]string{
		{source: "/dev/root", device: "104:1"}:      "/dev/cciss/c0d0p1",
		{source: "/dev/root", device: "8:1"}:        "/dev/root",
		{source: "/dev/mapper/v-r", device: "25:0"}: "/dev/mapper/v-r",
	} {
		if got := tr.deviceName(m); got != want {
			t.Errorf("%+v: %s, want %s", m, got, want)
		}
	}
}

func itoa(n uint64) string { return strconv.FormatUint(n, 10) }
