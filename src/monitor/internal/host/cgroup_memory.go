package host

// noLimit is from where on a limit of version 1 means none: it has the
// largest number of whole pages.
const noLimit = 1 << 62

// cgroupMemory returns the memory of the first of the groups.
func cgroupMemory(groups []group, rep *Report) *CgroupMemory {
	own := groups[0]
	usage := own.number(memoryFile(own.version, "memory.current", "memory.usage_in_bytes"), rep)
	if usage == nil {
		own.missing(memoryFile(own.version, "memory.current", "memory.usage_in_bytes"), rep)
		return nil
	}
	m := &CgroupMemory{Membership: own.membership(), UsageBytes: *usage, WorkingSetBytes: own.workingSet(*usage, rep)}
	m.Pressure = own.pressure("memory", rep)
	if own.version == 2 {
		m.SwapBytes = own.number("memory.swap.current", rep)
		t := own.flat("memory.events", rep, "low", "high", "max", "oom", "oom_kill", "oom_group_kill")
		m.Events = MemoryEvents{
			Low: t.get("low"), High: t.get("high"), Max: t.get("max"),
			OOM: t.get("oom"), OOMKills: t.get("oom_kill"), OOMGroupKills: t.get("oom_group_kill"),
		}
	} else {
		if both := own.number("memory.memsw.usage_in_bytes", rep); both != nil {
			swap := *both - min(*usage, *both)
			m.SwapBytes = &swap
		}
		m.Events.Max = own.number("memory.failcnt", rep)
		m.Events.OOMKills = own.flat("memory.oom_control", rep, "oom_kill").get("oom_kill")
	}
	m.Limit = memoryLimit(groups, rep)
	return m
}

func memoryFile(version int, second, first string) string {
	if version == 2 {
		return second
	}
	return first
}

// workingSet is usage less the file pages that were not used of late, those
// of the groups below included.
func (g group) workingSet(usage uint64, rep *Report) *uint64 {
	name := memoryFile(g.version, "inactive_file", "total_inactive_file")
	idle := g.flat("memory.stat", rep, name).get(name)
	if idle == nil {
		return nil
	}
	set := usage - min(*idle, usage)
	return &set
}

// memoryLimit returns the tightest limit of the groups. Version 1 says what it
// is also where the group that has it cannot be seen from here.
func memoryLimit(groups []group, rep *Report) *MemoryLimit {
	var limit *MemoryLimit
	var limiting group
	for _, g := range groups {
		v := g.number(memoryFile(g.version, "memory.max", "memory.limit_in_bytes"), rep)
		if v != nil && *v < noLimit && (limit == nil || *v < limit.Bytes) {
			limit, limiting = &MemoryLimit{Path: clean(g.path), Bytes: *v}, g
		}
	}
	if own := groups[0]; own.version == 1 {
		const name = "hierarchical_memory_limit"
		all := own.flat("memory.stat", rep, name).get(name)
		switch {
		case all == nil:
		case *all >= noLimit:
			return nil // groups above do not count: memory.use_hierarchy is 0
		case limit == nil || *all != limit.Bytes:
			limit = &MemoryLimit{Bytes: *all}
			if v := own.number("memory.limit_in_bytes", rep); v != nil && *v == *all {
				limit.Path, limiting = clean(own.path), own
			}
		}
	}
	if limit == nil || limit.Path == "" {
		return limit
	}
	usage := limiting.number(memoryFile(limiting.version, "memory.current", "memory.usage_in_bytes"), rep)
	if usage == nil {
		return limit
	}
	limit.UsageBytes = usage
	share := func(bytes uint64) *float64 {
		p := percent(float64(bytes), float64(limit.Bytes))
		return &p
	}
	limit.UsedPercent = share(*usage)
	if set := limiting.workingSet(*usage, rep); set != nil {
		limit.WorkingSetPercent = share(*set)
	}
	return limit
}
