package sample

import (
	"context"

	"github.com/ballast-sre/ballast/src/monitor/internal/host"
)

// Collector reads one part of the host. Its read is never called again
// before the call before it returned, so it may keep state without a lock.
type Collector struct {
	name Name
	read func(ctx context.Context) (part, error)
}

// part puts one reading into a snapshot that is not published yet.
type part func(*Snapshot)

// Name returns the collector's name.
func (c Collector) Name() Name { return c.name }

// MemorySource reads the use of memory.
type MemorySource interface {
	Memory(ctx context.Context) (host.Memory, error)
}

// DiskSource reads file systems and disks.
type DiskSource interface {
	Disk(ctx context.Context) (host.Disk, error)
}

// NetworkSource reads the interfaces' counters.
type NetworkSource interface {
	Network(ctx context.Context) (host.Network, error)
}

// NewMemory returns the collector of memory and swap.
func NewMemory(src MemorySource) Collector {
	return Collector{name: Memory, read: func(ctx context.Context) (part, error) {
		v, err := src.Memory(ctx)
		return func(s *Snapshot) { s.Memory = &v }, err
	}}
}

// NewDisk returns the collector of file systems and disks.
func NewDisk(src DiskSource) Collector {
	return Collector{name: Disk, read: func(ctx context.Context) (part, error) {
		v, err := src.Disk(ctx)
		return func(s *Snapshot) { s.Disk = &v }, err
	}}
}

// NewNetwork returns the collector of network counters.
func NewNetwork(src NetworkSource) Collector {
	return Collector{name: Network, read: func(ctx context.Context) (part, error) {
		v, err := src.Network(ctx)
		return func(s *Snapshot) { s.Network = &v }, err
	}}
}
