package kind

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
)

// state is what a cluster's directory says of it.
type state struct {
	Made     bool   `json:"made"`     // kind has come to its end
	PID      int    `json:"pid"`      // of the process on the host
	Start    uint64 `json:"start"`    // with the pid the process for good: clock ticks since boot
	GitPort  int    `json:"gitPort"`  // on loopback
	Gateway  string `json:"gateway"`  // HOST:PORT at which the nodes reach the process
	Registry string `json:"registry"` // the program
}

func (c *Cluster) load() (state, error) { return loadState(c.in(stateFile)) }

const stateFile = "state.json"

func loadState(path string) (state, error) {
	var s state
	data, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func (c *Cluster) save(s state) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	tmp := c.in(".state.json")
	if err := os.WriteFile(tmp, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("cluster %s: %w", c.name, err)
	}
	if err := os.Rename(tmp, c.in(stateFile)); err != nil {
		return fmt.Errorf("cluster %s: %w", c.name, err)
	}
	return nil
}

// gateway is where the nodes reach the process on the host.
func (s state) gateway() (netip.AddrPort, error) {
	gateway, err := netip.ParseAddrPort(s.Gateway)
	if err != nil {
		return gateway, fmt.Errorf("gateway of the cluster: %w; `make up` finds it", err)
	}
	return gateway, nil
}

// alive says whether the very process still runs.
func (s state) alive() bool {
	if s.PID <= 0 {
		return false
	}
	start, err := startOf(s.PID)
	return err == nil && start == s.Start
}

func startOf(pid int) (uint64, error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return 0, err
	}
	stat, err := p.Stat()
	if err != nil {
		return 0, err
	}
	// One that has ended waits for its parent. While it ends, other threads of it may
	// hold what it had.
	if stat.State == "Z" && stat.NumThreads <= 1 {
		return 0, os.ErrProcessDone
	}
	return stat.Starttime, nil
}

// mark is the variable in the environment of the process on the host, and of all that
// it starts, that names the cluster's directory.
const mark = "BALLAST_KIND"

// processes are those of the cluster on the host, whoever their parent is by now.
func (c *Cluster) processes() ([]int, error) {
	all, err := procfs.AllProcs()
	if err != nil {
		return nil, fmt.Errorf("cluster %s: %w", c.name, err)
	}
	var own []int
	for _, p := range all {
		// What has ended, or is another user's, has none to read.
		if environ, err := p.Environ(); err == nil && slices.Contains(environ, mark+"="+c.dir) {
			own = append(own, p.PID)
		}
	}
	return own, nil
}

// end kills every process of the cluster on the host and waits until they are gone,
// and their ports with them.
func (c *Cluster) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	// A process that ends has no environment any more while it still has its sockets.
	ending := map[int]uint64{}
	if st, err := c.load(); err == nil && st.alive() {
		ending[st.PID] = st.Start
	}
	for {
		own, err := c.processes()
		if err != nil {
			return err
		}
		for _, pid := range own {
			if start, err := startOf(pid); err == nil {
				ending[pid] = start
			}
		}
		maps.DeleteFunc(ending, func(pid int, start uint64) bool { return !state{PID: pid, Start: start}.alive() })
		if len(ending) == 0 {
			return nil
		}
		for pid := range ending {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("cluster %s: %w", c.name, err)
			}
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("cluster %s: processes %v live after SIGKILL: %w", c.name, slices.Sorted(maps.Keys(ending)), ctx.Err())
		}
	}
}
