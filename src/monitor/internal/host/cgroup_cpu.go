package host

import (
	"math"
	"path/filepath"
	"strconv"
	"strings"
)

// cgroupCPU returns the processor time of the first of the groups: quotas are
// in the groups of cpu, times in those of time, which are others where
// version 1 has them in trees of their own.
func cgroupCPU(cpu, time []group, rep *Report) *CgroupCPU {
	own := time[0]
	usage := own.cpuUsage(rep)
	if usage == nil {
		own.missing(usageFile(own.version), rep)
		return nil
	}
	c := &CgroupCPU{Membership: own.membership(), UsageSeconds: *usage}
	c.UserSeconds, c.SystemSeconds = own.cpuModes(rep)
	c.Pressure = own.pressure("cpu", rep)
	var limiting group
	for _, g := range cpu {
		if cores := g.quota(rep); cores != nil && (c.Limit == nil || *cores < c.Limit.Cores) {
			c.Limit, limiting = &CPULimit{Path: clean(g.path), Cores: *cores}, g
		}
	}
	if c.Limit == nil {
		return c
	}
	c.Limit.Periods, c.Limit.ThrottledPeriods, c.Limit.ThrottledSeconds = limiting.throttled(rep)
	for _, g := range time {
		if g.path == limiting.path {
			c.Limit.UsageSeconds = g.cpuUsage(rep)
		}
	}
	return c
}

func usageFile(version int) string {
	if version == 2 {
		return "cpu.stat"
	}
	return "cpuacct.usage"
}

// cpuUsage returns all processor time of the group and the groups below it.
func (g group) cpuUsage(rep *Report) *float64 {
	var v *uint64
	unit := 1e6
	if g.version == 2 {
		v = g.flat("cpu.stat", rep, "usage_usec").get("usage_usec")
	} else {
		v, unit = g.number("cpuacct.usage", rep), 1e9
	}
	return perSecond(v, unit)
}

func (g group) cpuModes(rep *Report) (user, system *float64) {
	if g.version == 2 {
		t := g.flat("cpu.stat", rep, "user_usec", "system_usec")
		return perSecond(t.get("user_usec"), 1e6), perSecond(t.get("system_usec"), 1e6)
	}
	t := g.flat("cpuacct.stat", rep, "user", "system")
	return perSecond(t.get("user"), ticksPerSecond), perSecond(t.get("system"), ticksPerSecond)
}

func (g group) throttled(rep *Report) (periods, throttled *uint64, time *float64) {
	t := g.flat("cpu.stat", rep, "nr_periods", "nr_throttled", "throttled_usec", "throttled_time")
	time = perSecond(t.get("throttled_usec"), 1e6)
	if g.version == 1 {
		time = perSecond(t.get("throttled_time"), 1e9)
	}
	return t.get("nr_periods"), t.get("nr_throttled"), time
}

// quota returns how many processors the group may use; nil without a limit.
func (g group) quota(rep *Report) *float64 {
	file := "cpu.max"
	if g.version == 1 {
		file = "cpu.cfs_quota_us"
	}
	content, ok := g.content(file, rep)
	if !ok {
		return nil
	}
	fields := strings.Fields(content)
	if g.version == 1 {
		period, ok := g.content("cpu.cfs_period_us", rep)
		if !ok {
			return nil
		}
		fields = append(fields, strings.Fields(period)...)
	}
	if fields[0] == "max" || fields[0] == "-1" {
		return nil
	}
	if len(fields) == 2 {
		quota, errQuota := strconv.ParseFloat(fields[0], 64)
		period, errPeriod := strconv.ParseFloat(fields[1], 64)
		if cores := quota / period; errQuota == nil && errPeriod == nil && quota > 0 && period > 0 && !math.IsInf(cores, 0) {
			return &cores
		}
	}
	rep.lacks(filepath.Join(g.dir, file), errMalformed)
	return nil
}

// pressure reads what version 2 counts for each group.
func (g group) pressure(resource string, rep *Report) *Pressure {
	if g.version != 2 {
		return nil
	}
	return pressureOf(filepath.Join(g.dir, resource+".pressure"), rep)
}

// perSecond returns a counter in seconds.
func perSecond(v *uint64, unit float64) *float64 {
	if v == nil {
		return nil
	}
	s := float64(*v) / unit
	return &s
}
