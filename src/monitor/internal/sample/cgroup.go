package sample

import (
	"context"
	"time"

	"github.com/ballast-sre/ballast/src/monitor/internal/host"
)

// CgroupReading is the own control group, and what it used of the processors
// between two moments.
type CgroupReading struct {
	// Since and Until bound the interval that UsedCores and
	// LimitUsedPercent are about.
	Since *time.Time `json:"since"`
	Until time.Time  `json:"until"`
	// UsedCores is the average number of processors that the group kept
	// busy; nil while there is no interval, and where its counters were
	// reset within it.
	UsedCores *float64 `json:"usedCores"`
	// LimitUsedPercent is the used part of the processor limit, by the
	// group that has it.
	LimitUsedPercent *float64 `json:"cpuLimitUsedPercent"`
	host.Cgroup
}

// CgroupSource reads the own control group.
type CgroupSource interface {
	Cgroup(ctx context.Context) (host.Cgroup, host.Report, error)
}

// NewCgroup returns the collector of the own control group.
func NewCgroup(src CgroupSource) Collector {
	var before *CgroupReading
	return newCollector(Cgroup, func(ctx context.Context) (reading, error) {
		// The clock is read before and after, as reading takes time.
		from := time.Now()
		group, report, err := src.Cgroup(ctx)
		if err != nil {
			return reading{}, err
		}
		now := &CgroupReading{Cgroup: group, Until: from.Add(time.Since(from) / 2).UTC()}
		now.since(before)
		before = now
		return reading{put: func(s *Snapshot) { s.Cgroup = now }, report: report}, nil
	})
}

// since computes what was used after an earlier reading.
func (r *CgroupReading) since(before *CgroupReading) {
	if before == nil || r.CPU == nil || before.CPU == nil || r.CPU.Path != before.CPU.Path {
		return
	}
	passed := r.Until.Sub(before.Until).Seconds()
	if passed <= 0 {
		return
	}
	r.Since = &before.Until
	if spent := r.CPU.UsageSeconds - before.CPU.UsageSeconds; spent >= 0 {
		cores := spent / passed
		r.UsedCores = &cores
	}
	limit, earlier := r.CPU.Limit, before.CPU.Limit
	if limit == nil || earlier == nil || limit.Path != earlier.Path || limit.UsageSeconds == nil || earlier.UsageSeconds == nil {
		return
	}
	if spent := *limit.UsageSeconds - *earlier.UsageSeconds; spent >= 0 {
		share := 100 * spent / passed / limit.Cores
		r.LimitUsedPercent = &share
	}
}
