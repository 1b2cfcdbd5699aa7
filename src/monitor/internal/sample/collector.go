package sample

import (
	"context"
	"fmt"

	"github.com/ballast-sre/ballast/src/monitor/internal/host"
)

// Collector reads one part of the host. Its read is never called again
// before the call before it returned, so it may keep state without a lock.
type Collector struct {
	name Name
	read func(ctx context.Context) (reading, error)
}

// reading is one good reading: how to put it into a snapshot that is not
// published yet, and what it lacks.
type reading struct {
	put    func(*Snapshot)
	report host.Report
}

// Name returns the collector's name.
func (c Collector) Name() Name { return c.name }

// MemorySource reads the use of memory.
type MemorySource interface {
	Memory(ctx context.Context) (host.Memory, host.Report, error)
}

// DiskSource reads file systems and disks.
type DiskSource interface {
	Disk(ctx context.Context) (host.Disk, host.Report, error)
}

// NetworkSource reads the interfaces' counters.
type NetworkSource interface {
	Network(ctx context.Context) (host.Network, host.Report, error)
}

// SystemSource reads the facts of the machine.
type SystemSource interface {
	System(ctx context.Context) (host.System, host.Report, error)
}

// NewMemory returns the collector of memory and swap.
func NewMemory(src MemorySource) Collector {
	return newCollector(Memory, func(ctx context.Context) (reading, error) {
		v, report, err := src.Memory(ctx)
		return reading{put: func(s *Snapshot) { s.Memory = &v }, report: report}, err
	})
}

// NewDisk returns the collector of file systems and disks.
func NewDisk(src DiskSource) Collector {
	return newCollector(Disk, func(ctx context.Context) (reading, error) {
		v, report, err := src.Disk(ctx)
		return reading{put: func(s *Snapshot) { s.Disk = &v }, report: report}, err
	})
}

// NewNetwork returns the collector of network counters.
func NewNetwork(src NetworkSource) Collector {
	return newCollector(Network, func(ctx context.Context) (reading, error) {
		v, report, err := src.Network(ctx)
		return reading{put: func(s *Snapshot) { s.Network = &v }, report: report}, err
	})
}

// NewSystem returns the collector of the machine's facts.
func NewSystem(src SystemSource) Collector {
	return newCollector(System, func(ctx context.Context) (reading, error) {
		v, report, err := src.System(ctx)
		return reading{put: func(s *Snapshot) { s.System = &v }, report: report}, err
	})
}

// newCollector returns a collector that takes a file which could be read
// before, and now cannot, for a hiccup: the attempt fails, so that the last
// good reading stays, and only the next one goes without the file's figures.
func newCollector(name Name, read func(ctx context.Context) (reading, error)) Collector {
	var lacked map[string]bool // by the reading before; nil before the first
	return Collector{name: name, read: func(ctx context.Context) (reading, error) {
		r, err := read(ctx)
		if err != nil {
			return r, err
		}
		lost := firstLost(lacked, r.report.Files)
		lacked = make(map[string]bool)
		for _, p := range r.report.Files {
			lacked[p.Path] = true
		}
		if lost != nil {
			return reading{}, fmt.Errorf("%s could be read until now: %s", lost.Path, lost.Detail)
		}
		return r, nil
	}}
}

func firstLost(lacked map[string]bool, files []host.Problem) *host.Problem {
	if lacked == nil {
		return nil
	}
	for i := range files {
		if !lacked[files[i].Path] {
			return &files[i]
		}
	}
	return nil
}
