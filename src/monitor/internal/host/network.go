package host

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/shirou/gopsutil/v3/net"
)

// Network is the counters of every interface, sorted by name.
type Network struct {
	Interfaces []Interface `json:"interfaces"`
}

// Interface is what one interface moved since boot.
type Interface struct {
	Name     string  `json:"name"`
	Receive  Traffic `json:"receive"`
	Transmit Traffic `json:"transmit"`
}

// Traffic is one direction's counters.
type Traffic struct {
	Bytes   uint64 `json:"bytes"`
	Packets uint64 `json:"packets"`
	Errors  uint64 `json:"errors"`
	Dropped uint64 `json:"dropped"`
}

// Network returns the counters of the interfaces in the host's network
// namespace. With a procfs of its own it asks process 1 of it: net/dev
// itself is a link to the reader's namespace, so a pod would silently
// report its own interfaces as the node's.
func (h *Host) Network(ctx context.Context) (Network, error) {
	ctx = h.with(ctx)
	var stats []net.IOCountersStat
	var err error
	if h.proc != "" && filepath.Clean(h.proc) != "/proc" {
		stats, err = net.IOCountersByFileWithContext(ctx, true, filepath.Join(h.proc, "1", "net", "dev"))
	} else {
		stats, err = net.IOCountersWithContext(ctx, true)
	}
	if err != nil {
		return Network{}, fmt.Errorf("read network counters: %w", err)
	}
	n := Network{Interfaces: make([]Interface, 0, len(stats))}
	for _, s := range stats {
		n.Interfaces = append(n.Interfaces, Interface{
			Name:     s.Name,
			Receive:  Traffic{Bytes: s.BytesRecv, Packets: s.PacketsRecv, Errors: s.Errin, Dropped: s.Dropin},
			Transmit: Traffic{Bytes: s.BytesSent, Packets: s.PacketsSent, Errors: s.Errout, Dropped: s.Dropout},
		})
	}
	slices.SortFunc(n.Interfaces, func(a, b Interface) int { return strings.Compare(a.Name, b.Name) })
	return n, nil
}
