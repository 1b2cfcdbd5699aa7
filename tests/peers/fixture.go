package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// The machine of the fixture.
const (
	fixtureCores      = 8
	fixtureDisks      = 20
	fixtureInterfaces = 20
	fixtureMounts     = 30
)

// fixture measures the monitor at one scrape every 15 s and a reading a second, on the
// files of an invented machine with real mounts. It needs root.
func (m *measurement) fixture(ctx context.Context) error {
	if os.Getuid() != 0 {
		return errors.New("the fixture mounts file systems, which needs root: run it as root")
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "peers-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // the mounts are those of another namespace
	if err := layOut(dir); err != nil {
		return err
	}
	args := append([]string{"mounted", dir, "--", m.monitor}, m.monitorArgs("--host-proc="+filepath.Join(dir, "proc"), "--host-sys="+filepath.Join(dir, "sys"))...)
	p, err := beginIn(ctx, syscall.CLONE_NEWNS, monitorListens, self, args...)
	if err != nil {
		return err
	}
	defer p.end()
	one := peer{"monitor", p}
	if _, _, _, err := m.scraped(ctx, one, true, time.Second, 3); err != nil {
		return err
	}
	for range m.rounds {
		before, err := p.processorTime()
		if err != nil {
			return err
		}
		began := time.Now()
		if _, err := paced(ctx, one.metrics(), true, time.Millisecond, 1); err != nil {
			return err
		}
		if err := wait(ctx, m.lasts(15*time.Second)-time.Since(began)); err != nil {
			return err
		}
		after, err := p.processorTime()
		if err != nil {
			return err
		}
		m.add("monitor/fixture", float64(after-before)/float64(time.Since(began)))
	}
	return nil
}

// layOut writes a host's /proc and /sys without the table of mounts.
func layOut(dir string) error {
	var stat, disks, net strings.Builder
	stat.WriteString("cpu  8000 0 8000 800000 0 0 0 0 0 0\n")
	for i := range fixtureCores {
		fmt.Fprintf(&stat, "cpu%d 1000 0 1000 100000 10 10 10 0 0 0\n", i)
	}
	stat.WriteString("intr 1\nctxt 1\nbtime 1700000000\nprocesses 1\n")
	net.WriteString("Inter-|   Receive |  Transmit\n face |bytes packets\n")
	files := map[string]string{
		"proc/loadavg": "0.10 0.20 0.30 1/100 1000\n", "proc/vmstat": "pswpin 0\npswpout 0\npgmajfault 1\n",
		"proc/meminfo":            "MemTotal: 16000000 kB\nMemFree: 8000000 kB\nMemAvailable: 12000000 kB\nBuffers: 100000 kB\nCached: 3000000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
		"proc/sys/kernel/ostype":  "Linux\n",
		"proc/sys/kernel/version": "#1 SMP\n", "proc/sys/kernel/osrelease": "6.12.0\n", "proc/sys/fs/file-nr": "1024\t0\t100000\n",
	}
	for _, of := range []string{"cpu", "memory", "io"} {
		files["proc/pressure/"+of] = "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"
	}
	for i := range fixtureDisks {
		fmt.Fprintf(&disks, "8 %d sd%c 100 10 2000 30 100 10 2000 30 0 50 60 0 0 0 0\n", 16*i, 'a'+i)
		files[fmt.Sprintf("sys/block/sd%c/size", 'a'+i)] = "1\n"
	}
	for i := range fixtureInterfaces {
		fmt.Fprintf(&net, "eth%d: 1000 20 0 0 0 0 0 0 2000 30 0 0 0 0 0 0\n", i)
		files[fmt.Sprintf("sys/class/net/eth%d/operstate", i)] = "up\n"
		files[fmt.Sprintf("sys/class/net/eth%d/speed", i)] = "1000\n"
	}
	files["proc/stat"], files["proc/diskstats"], files["proc/1/net/dev"] = stat.String(), disks.String(), net.String()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
			return err
		}
	}
	return nil
}

// newMounted mounts file systems in the namespace that it was started in, writes the
// table of mounts for the fixture, and becomes the program.
func newMounted() *cobra.Command {
	return &cobra.Command{
		Use: "mounted DIR -- PROGRAM [ARGUMENT...]", Hidden: true, Args: cobra.MinimumNArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			dir, program := args[0], args[1:]
			for i := range fixtureMounts {
				path := filepath.Join(dir, "mounts", fmt.Sprintf("m%d", i))
				if err := os.MkdirAll(path, 0o755); err != nil {
					return err
				}
				if err := syscall.Mount("none", path, "tmpfs", 0, "size=1m"); err != nil {
					return fmt.Errorf("mount a tmpfs: %w", err)
				}
			}
			table, err := os.ReadFile("/proc/self/mountinfo")
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, "proc", "1", "mountinfo"), table, 0o644); err != nil { //nolint:gosec // the directory is this program's own argument
				return err
			}
			return syscall.Exec(program[0], program, os.Environ()) //nolint:gosec // the program is this one's own argument
		},
	}
}
