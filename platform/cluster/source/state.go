package source

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/ballast-sre/ballast/platform/cluster/internal/process"
)

// state is what a node's directory says of it.
type state struct {
	process.ID        // of process 1, as the host sees it
	APIPort    int    `json:"apiPort"`
	GitPort    int    `json:"gitPort"`
	Version    string `json:"version"` // of Kubernetes
}

func (n *Node) load() (state, error) {
	var s state
	data, err := os.ReadFile(n.in("state.json"))
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("%s: %w", n.in("state.json"), err)
	}
	return s, nil
}

func (n *Node) save(s state) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(n.in("state.json"), append(data, '\n'))
}

// lock keeps two commands from changing one node at the same time. It does not
// wait: the error says who is to be waited for.
func (n *Node) lock() (*os.File, error) {
	if err := os.MkdirAll(stateRoot, 0o755); err != nil {
		return nil, fmt.Errorf("directory of the clusters: %w; run as root", err)
	}
	f, err := os.OpenFile(filepath.Join(stateRoot, "."+n.name+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock of cluster %s: %w", n.name, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("cluster %s is being changed by another command; wait for it", n.name), f.Close())
	}
	return f, nil
}

// programStates is the file in which the supervisor tells what its programs do.
const programStates = "programs.json"

// Programs are the programs of the node, each with its state. Ready are those that
// others may count on.
func (n *Node) Programs() (states map[string]string, ready bool, err error) {
	data, err := os.ReadFile(n.in(programStates))
	if err != nil {
		return nil, false, err
	}
	if err := json.Unmarshal(data, &states); err != nil {
		return nil, false, fmt.Errorf("%s: %w", n.in(programStates), err)
	}
	ready = len(states) > 0
	for _, state := range states {
		ready = ready && state == running
	}
	return states, ready, nil
}
