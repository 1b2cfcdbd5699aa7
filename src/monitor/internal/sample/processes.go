package sample

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/ballast-sre/ballast/src/monitor/internal/host"
)

// ProcessesReading is the processes, and what they used of the processors
// between two moments.
type ProcessesReading struct {
	// Since and Until bound the interval that UsedCores is about; Since is
	// nil in the first reading.
	Since *time.Time `json:"since"`
	Until time.Time  `json:"until"`
	// Total is how many processes there are.
	Total     int              `json:"total"`
	Processes []ProcessReading `json:"processes"`
}

// ProcessReading is one process.
type ProcessReading struct {
	host.Process
	// UsedCores is the average number of processors that it kept busy; nil
	// if it is younger than the interval.
	UsedCores *float64 `json:"usedCores"`
}

// Order is what processes are sorted by, the largest first.
type Order string

// The orders there are.
const (
	ByCPU    Order = "cpu"
	ByMemory Order = "memory"
)

// compare orders two processes; the number decides between equals, so that
// the order stands.
func (o Order) compare(a, b ProcessReading) int {
	if o == ByMemory {
		return cmp.Or(cmp.Compare(b.MemoryBytes, a.MemoryBytes), cmp.Compare(a.PID, b.PID))
	}
	used := func(p ProcessReading) float64 {
		if p.UsedCores == nil {
			return -1
		}
		return *p.UsedCores
	}
	return cmp.Or(cmp.Compare(used(b), used(a)), cmp.Compare(b.CPUSeconds, a.CPUSeconds), cmp.Compare(a.PID, b.PID))
}

// Largest returns the reading with the first processes in an order.
func (r *ProcessesReading) Largest(by Order, limit int) *ProcessesReading {
	one := *r
	one.Processes = slices.Clone(r.Processes)
	slices.SortFunc(one.Processes, by.compare)
	one.Processes = one.Processes[:min(limit, len(one.Processes))]
	return &one
}

// shownOfEach is how many processes of each order a snapshot shows.
const shownOfEach = 20

// Shown returns the reading with the twenty processes that use most of the
// processors and the twenty that use most memory, by processors.
func (r *ProcessesReading) Shown() *ProcessesReading {
	one := r.Largest(ByCPU, shownOfEach)
	for _, p := range r.Largest(ByMemory, shownOfEach).Processes {
		if !slices.ContainsFunc(one.Processes, func(q ProcessReading) bool { return q.PID == p.PID }) {
			one.Processes = append(one.Processes, p)
		}
	}
	slices.SortFunc(one.Processes, ByCPU.compare)
	return one
}

// ProcessesSource reads processes.
type ProcessesSource interface {
	Processes(ctx context.Context) ([]host.Process, host.Report, error)
}

// NewProcesses returns the collector of processes.
func NewProcesses(src ProcessesSource) Collector {
	type identity struct {
		pid     int
		started uint64
	}
	var before map[identity]float64 // seconds of each process
	var since time.Time
	return newCollector(Processes, func(ctx context.Context) (reading, error) {
		from := time.Now()
		list, report, err := src.Processes(ctx)
		if err != nil {
			return reading{}, err
		}
		r := &ProcessesReading{Until: from.Add(time.Since(from) / 2).UTC(), Total: len(list), Processes: make([]ProcessReading, len(list))}
		now := make(map[identity]float64, len(list))
		passed := r.Until.Sub(since).Seconds()
		for i, p := range list {
			id := identity{p.PID, p.Started}
			now[id] = p.CPUSeconds
			r.Processes[i].Process = p
			if earlier, ok := before[id]; ok && passed > 0 && p.CPUSeconds >= earlier {
				cores := (p.CPUSeconds - earlier) / passed
				r.Processes[i].UsedCores = &cores
			}
		}
		if before != nil {
			started := since
			r.Since = &started
		}
		before, since = now, r.Until
		return reading{put: func(s *Snapshot) { s.Processes = r }, report: report}, nil
	})
}
