// Package sample reads the host in the background and keeps the last good
// reading of each part in one immutable Snapshot, so that no request ever
// waits for the kernel.
package sample

import (
	"slices"
	"time"

	"github.com/ballast-sre/ballast/src/monitor/internal/host"
)

// Name names a collector; it is also its route under /api/v1.
type Name string

// The collectors there are.
const (
	CPU     Name = "cpu"
	Memory  Name = "memory"
	Disk    Name = "disk"
	Network Name = "network"
	Cgroup  Name = "cgroup"
	System  Name = "system"
	// Processes is not collected unless it is asked for.
	Processes Name = "processes"
)

// Names returns the collectors there are, in the order in which they are
// shown everywhere.
func Names() []Name { return append(Default(), Processes) }

// Default returns the collectors that are chosen where none is named.
func Default() []Name { return []Name{CPU, Memory, Disk, Network, Cgroup, System} }

// Snapshot is the last good reading of every chosen collector. It is never
// changed once it was published: readers share it freely. A part is nil
// until its first good reading, or when its collector was not chosen.
type Snapshot struct {
	CPU     *CPUReading
	Memory  *host.Memory
	Disk    *host.Disk
	Network *host.Network
	Cgroup  *CgroupReading
	System  *host.System
	// Processes are all of them; what is shown of them is fewer.
	Processes *ProcessesReading
	// Statuses has one entry per chosen collector, in order of Names.
	Statuses []Status
}

// Status is how one collector is doing.
type Status struct {
	Name Name
	// SampledAt is when the reading that the snapshot holds was finished;
	// zero while there is none.
	SampledAt time.Time
	// Duration is how long the last finished attempt took; for one that
	// hangs, how long it was waited for.
	Duration time.Duration
	// Interval is the time from one attempt to the next: longer than the
	// one asked for where reading takes long.
	Interval time.Duration
	// Err is why the last attempt gave no reading; nil when it did. With
	// SampledAt set and Err too, the reading is stale: the last good one.
	Err error
	// Successes and Failures count finished attempts since the start.
	Successes, Failures uint64
	// Unsupported says that there never was a reading, and that the last
	// attempt found that there is nothing to read here. Err says what.
	Unsupported bool
	// Problems are the files and mounts that the reading lacks; none, or
	// those of the last good reading.
	Problems []Problem
	// Scopes say of which figures of the last good reading it is known
	// whether they are the host's.
	Scopes []Scope
	// LinesSkipped counts lines that could not be read since the start.
	LinesSkipped uint64
}

// Problem is one file or mount whose figures a reading lacks.
type Problem = host.Problem

// Scope says whether figures are the host's or the container's.
type Scope = host.Scope

// State is how a collector is doing, in one word.
type State string

// The states there are.
const (
	Starting    State = "starting"    // no attempt was finished yet
	OK          State = "ok"          // the last attempt gave a reading
	Stale       State = "stale"       // the last attempt failed; there is an older reading
	Failed      State = "failed"      // no attempt gave a reading yet
	Unsupported State = "unsupported" // there is nothing to read here
)

// State returns the state.
func (s Status) State() State {
	switch {
	case s.Unsupported:
		return Unsupported
	case s.Stale():
		return Stale
	case s.Err != nil:
		return Failed
	case s.Ready():
		return OK
	default:
		return Starting
	}
}

// Ready says whether there is a reading, fresh or stale.
func (s Status) Ready() bool { return !s.SampledAt.IsZero() }

// Stale says whether there is a reading that the last attempt could not
// renew.
func (s Status) Stale() bool { return s.Ready() && s.Err != nil }

// Age is how old the reading is at now, and whether there is one.
func (s Status) Age(now time.Time) (time.Duration, bool) {
	if !s.Ready() {
		return 0, false
	}
	return max(0, now.Sub(s.SampledAt)), true
}

// Status returns the state of one collector; false when it was not chosen.
func (s *Snapshot) Status(name Name) (Status, bool) {
	i := slices.IndexFunc(s.Statuses, func(st Status) bool { return st.Name == name })
	if i < 0 {
		return Status{}, false
	}
	return s.Statuses[i], true
}

// Missing returns the chosen collectors that have no reading yet. One that is
// unsupported here is not waited for, unless all are.
func (s *Snapshot) Missing() []Name {
	var missing, unsupported []Name
	for _, st := range s.Statuses {
		switch {
		case st.Ready():
		case st.Unsupported:
			unsupported = append(unsupported, st.Name)
		default:
			missing = append(missing, st.Name)
		}
	}
	if len(unsupported) == len(s.Statuses) {
		return unsupported
	}
	return missing
}

// clone returns a copy whose Statuses can be changed. Parts are shared:
// they are replaced whole, never written to.
func (s *Snapshot) clone() *Snapshot {
	c := *s
	c.Statuses = slices.Clone(s.Statuses)
	return &c
}
