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

	"github.com/ballast-sre/ballast/platform/cluster/internal/process"
)

// state is what a cluster's directory says of it.
type state struct {
	process.ID        // of the process on the host
	Made       bool   `json:"made"`     // kind has come to its end
	GitPort    int    `json:"gitPort"`  // on loopback
	Gateway    string `json:"gateway"`  // HOST:PORT at which the nodes reach the process
	Registry   string `json:"registry"` // the program
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
	ending := map[int]process.ID{}
	if st, err := c.load(); err == nil {
		ending[st.PID] = st.ID
	}
	for {
		own, err := c.processes()
		if err != nil {
			return err
		}
		for _, pid := range own {
			if id, err := process.Of(pid); err == nil {
				ending[pid] = id
			}
		}
		maps.DeleteFunc(ending, func(_ int, id process.ID) bool { return !id.Exists() })
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
