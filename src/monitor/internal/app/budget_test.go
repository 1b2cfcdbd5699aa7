package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/src/monitor/internal/history"
	"github.com/ballast-sre/ballast/src/monitor/internal/host"
	"github.com/ballast-sre/ballast/src/monitor/internal/host/hosttest"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

// Large machines, and the share of one processor that sampling them may take.
const (
	manyInterfaces = 5_000
	manyMounts     = 10_000
	mostOfACore    = 0.25
)

// file writes one of a host's files.
func file(t *testing.T, content string, path ...string) {
	t.Helper()
	name := filepath.Join(path...)
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o750), os.WriteFile(name, []byte(content), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// processorTime is what this process used so far.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// staysWithin samples as the monitor does, with a history, at a tenth of the usual
// interval: even a quick reading would then take too much, so that only the pace keeps
// sampling within the bound. On a busy machine readings take longer and are rarer, which
// makes the share smaller.
func staysWithin(t *testing.T, collector sample.Collector, items func(*sample.Snapshot) int, want int) {
	const interval = 100 * time.Millisecond
	const readings = 3 // after the first one
	kept, err := history.New(history.Config{Collectors: []sample.Name{collector.Name()}, Interval: interval, Memory: defaultHistoryMemory})
	if err != nil {
		t.Fatal(err)
	}
	var seen atomic.Uint64
	first, last := make(chan struct{}), make(chan struct{})
	sampler, err := sample.New(sample.Config{
		Collectors: []sample.Collector{collector}, Interval: interval, Timeout: time.Minute, Logger: slog.New(slog.DiscardHandler),
		Published: func(s *sample.Snapshot) {
			kept.Record(s)
			switch seen.Add(1) {
			case 1:
				close(first)
			case readings + 1:
				close(last)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var owned sync.WaitGroup
	defer owned.Wait()
	defer cancel()
	owned.Go(func() { sampler.Run(ctx) })
	<-first
	used, began := processorTime(t), time.Now()
	<-last
	share := float64(processorTime(t)-used) / float64(time.Since(began))
	s := sampler.Snapshot()
	st, _ := s.Status(collector.Name())
	t.Logf("%d items: a reading takes %s, so there is one every %s instead of every %s; sampling takes %.1f%% of a processor",
		want, st.Duration.Round(time.Millisecond), st.Interval.Round(time.Millisecond), interval, 100*share)
	if got := items(s); got != want || st.Err != nil {
		t.Errorf("%d items were read, want %d: %v", got, want, st.Err)
	}
	if share > mostOfACore {
		t.Errorf("sampling takes %.0f%% of a processor, want at most %.0f%%", 100*share, 100*mostOfACore)
	}
}

func TestThousandsOfInterfacesTakeAQuarterOfAProcessorAtMost(t *testing.T) {
	dir := t.TempDir()
	var table strings.Builder
	table.WriteString("Inter-|   Receive |  Transmit\n face |bytes packets\n")
	for i := range manyInterfaces {
		fmt.Fprintf(&table, "veth%d: %d 2 0 0 0 0 0 0 %d 4 0 0 0 0 0 0\n", i, 1000+i, 2000+i)
		file(t, "up\n", dir, "sys", "class", "net", fmt.Sprintf("veth%d", i), "operstate")
		file(t, "10000\n", dir, "sys", "class", "net", fmt.Sprintf("veth%d", i), "speed")
	}
	file(t, table.String(), dir, "proc", "1", "net", "dev")
	h := host.New(host.Config{Proc: filepath.Join(dir, "proc"), Sys: filepath.Join(dir, "sys")})
	staysWithin(t, sample.NewNetwork(h), func(s *sample.Snapshot) int { return len(s.Network.Interfaces) }, manyInterfaces)
}

func TestThousandsOfMountsTakeAQuarterOfAProcessorAtMost(t *testing.T) {
	hosttest.InMountNamespace(t, lookAtManyMounts)
}

// lookAtManyMounts has real mounts: most of the work is the kernel's.
func lookAtManyMounts(t *testing.T) {
	root := t.TempDir()
	mount := func(source, target, fstype string, flags uintptr) {
		t.Helper()
		if err := os.MkdirAll(target, 0o750); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mount(source, target, fstype, flags, ""); err != nil {
			hosttest.Cannot(t, "nothing can be mounted here", err)
		}
	}
	mount("none", root, "tmpfs", 0)
	t.Cleanup(func() {
		if err := syscall.Unmount(root, syscall.MNT_DETACH); err != nil { // with all that is below
			t.Error(err)
		}
	})
	for i := range manyMounts {
		mount(root, filepath.Join(root, fmt.Sprintf("m%d", i)), "", syscall.MS_BIND)
	}
	own, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	// Directly below the root each is shown.
	var table strings.Builder
	for line := range strings.Lines(string(own)) {
		if strings.Contains(line, " "+root+"/") {
			table.WriteString(strings.Replace(line, " "+root+"/", " /", 1))
		}
	}
	dir := t.TempDir()
	file(t, table.String(), dir, "proc", "1", "mountinfo")
	file(t, "", dir, "proc", "diskstats")
	h := host.New(host.Config{Proc: filepath.Join(dir, "proc"), Sys: filepath.Join(dir, "sys"), Root: root})
	staysWithin(t, sample.NewDisk(h), func(s *sample.Snapshot) int {
		n := 0
		for _, fs := range s.Disk.Filesystems {
			if fs.Usage != nil {
				n++
			}
		}
		return n
	}, manyMounts)
}
