package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// The line in which a peer names its address.
const (
	monitorListens = `"msg":"listening","address":"([^"]+)"`
	nodeListens    = `address=(127\.0\.0\.1:[0-9]+)`
)

// measurement collects the samples of all rounds, by the name of the figure.
type measurement struct {
	options
	log     io.Writer
	samples map[string][]float64
}

func (m *measurement) add(name string, value float64) {
	m.samples[name] = append(m.samples[name], value)
}

// lasts is how long a part of a round takes, with --length.
func (m *measurement) lasts(d time.Duration) time.Duration {
	return time.Duration(float64(d) * m.length)
}

// times is how often something is done in a part, at least three times.
func (m *measurement) times(d, every time.Duration) int { return max(3, int(m.lasts(d)/every)) }

func (m *measurement) say(format string, args ...any) {
	fmt.Fprintf(m.log, "%s "+format+"\n", append([]any{time.Now().UTC().Format(time.TimeOnly)}, args...)...)
}

// peer is a process, and where it is scraped.
type peer struct {
	name string
	*process
}

func (p peer) metrics() string { return "http://" + p.address + "/metrics" }

func (m *measurement) monitorArgs(more ...string) []string {
	return append([]string{"--listen=127.0.0.1:0", "--interval=1s", "--collectors=cpu,memory,disk,network,system"}, more...)
}

// nodeArgs choose the collectors that read what the monitor's do.
func nodeArgs() []string {
	args := []string{"--web.listen-address=127.0.0.1:0", "--collector.disable-defaults"}
	for _, name := range []string{
		"cpu", "cpufreq", "diskstats", "filefd", "filesystem", "hwmon", "loadavg", "meminfo", "netclass", "netdev", "pressure", "stat", "time", "uname", "vmstat",
	} {
		args = append(args, "--collector."+name)
	}
	return args
}

// all measures everything. It blocks for minutes.
func (m *measurement) all(ctx context.Context) error {
	if err := m.sizes(); err != nil {
		return err
	}
	monitor, err := begin(ctx, monitorListens, m.monitor, m.monitorArgs()...)
	if err != nil {
		return err
	}
	defer monitor.end()
	bare, err := begin(ctx, monitorListens, m.monitor, m.monitorArgs("--history-memory=0")...)
	if err != nil {
		return err
	}
	defer bare.end()
	node, err := begin(ctx, nodeListens, m.nodeExporter, nodeArgs()...)
	if err != nil {
		return err
	}
	defer node.end()
	peers := []peer{{"monitor", monitor}, {"node_exporter", node}}
	for round := range m.rounds {
		m.say("round %d of %d: scrapes", round+1, m.rounds)
		if err := errors.Join(m.scrapes(ctx, turn(peers, round)), m.memory(ctx, monitor, bare, node)); err != nil {
			return err
		}
	}
	bare.end()
	node.end()
	m.say("answers in JSON, and streams")
	if err := errors.Join(m.throughput(ctx, monitor), m.streams(ctx, monitor)); err != nil {
		return err
	}
	monitor.end()
	m.say("starts")
	if err := m.starts(ctx); err != nil {
		return err
	}
	m.say("a machine of 8 cores, 20 disks, 20 interfaces and 30 mounts")
	return m.fixture(ctx)
}

// turn rotates the peers, so that each round begins with another.
func turn(peers []peer, round int) []peer {
	n := round % len(peers)
	return append(append([]peer{}, peers[n:]...), peers[:n]...)
}

// throughput compares the snapshot with a bare handler that writes the same bytes.
func (m *measurement) throughput(ctx context.Context, monitor *process) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "peers-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // it is temporary
	c := client(1)
	defer c.CloseIdleConnections()
	size, err := get(ctx, c, "http://"+monitor.address+"/api/v1/snapshot", false)
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "snapshot.json")
	if err := os.WriteFile(file, make([]byte, size), 0o600); err != nil {
		return err
	}
	bare, err := begin(ctx, bareListens, self, "bare", file)
	if err != nil {
		return err
	}
	defer bare.end()
	const connections = 8
	for round := range m.rounds {
		for _, p := range turn([]peer{{"monitor", monitor}, {"bare", bare}}, round) {
			last := m.lasts(2 * time.Second)
			n, err := saturate(ctx, "http://"+p.address+"/api/v1/snapshot", connections, last)
			if err != nil {
				return err
			}
			m.add(p.name+"/snapshots", float64(n)/last.Seconds())
		}
	}
	return nil
}

// streams is what 500 clients of the stream cost at an interval of a second.
func (m *measurement) streams(ctx context.Context, monitor *process) error {
	stop, err := listen(ctx, monitor.address, "/api/v1/stream", 500)
	if err != nil {
		return err
	}
	defer stop()
	for range m.rounds {
		used, passed, err := m.idle(ctx, peer{"monitor", monitor}, m.lasts(3*time.Second))
		if err != nil {
			return err
		}
		m.add("monitor/streams", float64(used)/float64(passed))
	}
	return nil
}

// starts is the time from the start of the program to its being ready.
func (m *measurement) starts(ctx context.Context) error {
	for range m.rounds {
		began := time.Now()
		p, err := begin(ctx, monitorListens, m.monitor, m.monitorArgs()...)
		if err != nil {
			return err
		}
		c := client(1)
		for {
			if _, err = get(ctx, c, "http://"+p.address+"/readyz", false); err == nil || time.Since(began) > time.Minute {
				break
			}
			if err = wait(ctx, time.Millisecond); err != nil {
				break
			}
		}
		c.CloseIdleConnections()
		m.add("monitor/start", time.Since(began).Seconds())
		p.end()
		if err != nil {
			return fmt.Errorf("start: %w", err)
		}
	}
	return nil
}

// sizes are those of the program and of its image.
func (m *measurement) sizes() error {
	info, err := os.Stat(m.monitor)
	if err != nil {
		return err
	}
	m.add("monitor/binary", float64(info.Size()))
	var image float64
	err = filepath.WalkDir(m.image, func(_ string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			image += float64(info.Size())
		}
		return err
	})
	m.add("monitor/image", image)
	return err
}
