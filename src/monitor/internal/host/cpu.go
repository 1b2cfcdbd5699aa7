package host

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ticksPerSecond is USER_HZ: the unit of processor times that the kernel
// shows to programs, which is the same on every platform that Go has.
const ticksPerSecond = 100

// CPUTimes is how long a processor spent in each mode since boot, in
// seconds. Time spent for guests is part of User and Nice, as the kernel
// counts it, so that the fields add up to the whole.
type CPUTimes struct {
	User    float64 `json:"user"`
	Nice    float64 `json:"nice"`
	System  float64 `json:"system"`
	Idle    float64 `json:"idle"`
	IOWait  float64 `json:"iowait"`
	IRQ     float64 `json:"irq"`
	SoftIRQ float64 `json:"softirq"`
	Steal   float64 `json:"steal"`
}

// CoreTimes is one logical processor's times. ID is the kernel's number of
// it ("0"), which is not its position: processors can be offline.
type CoreTimes struct {
	ID string `json:"id"`
	CPUTimes
}

// Load is the run queue's average length over 1, 5 and 15 minutes.
type Load struct {
	One     float64 `json:"1m"`
	Five    float64 `json:"5m"`
	Fifteen float64 `json:"15m"`
}

// CPUTimes returns the counters of every processor that is online, in the
// kernel's order. A line that cannot be read costs one processor. It blocks
// as long as the procfs does.
func (h *Host) CPUTimes(context.Context) ([]CoreTimes, Report, error) {
	var rep Report
	content, path, err := h.read("stat")
	if err != nil {
		return nil, rep, unsupported("read processor times", err)
	}
	h.covered("processors", "stat", &rep)
	var cores []CoreTimes
	seen := make(map[string]bool)
	for line := range strings.Lines(content) {
		fields := strings.Fields(line)
		if len(fields) == 0 || !strings.HasPrefix(fields[0], "cpu") || fields[0] == "cpu" {
			continue
		}
		core, ok := parseCore(fields)
		if !ok || seen[core.ID] {
			rep.skip(path, fields[0], strings.TrimSpace(line))
			continue
		}
		seen[core.ID] = true
		cores = append(cores, core)
	}
	if len(cores) == 0 {
		return nil, rep, fmt.Errorf("read processor times: %s: no line of a processor: %w", path, ErrEmpty)
	}
	return cores, rep, nil
}

// parseCore reads one line. Kernels before 2.6 have only the first four
// times; what a kernel does not count is 0.
func parseCore(fields []string) (CoreTimes, bool) {
	id := strings.TrimPrefix(fields[0], "cpu")
	if _, err := strconv.ParseUint(id, 10, 32); err != nil || len(fields) < 5 {
		return CoreTimes{}, false
	}
	ticks, err := counters(fields[1:min(len(fields), 9)])
	if err != nil {
		return CoreTimes{}, false
	}
	at := func(i int) float64 {
		if i >= len(ticks) {
			return 0
		}
		return float64(ticks[i]) / ticksPerSecond
	}
	return CoreTimes{ID: id, CPUTimes: CPUTimes{
		User: at(0), Nice: at(1), System: at(2), Idle: at(3),
		IOWait: at(4), IRQ: at(5), SoftIRQ: at(6), Steal: at(7),
	}}, true
}

// CPUPressure returns how long tasks waited for a processor, or nil on a
// kernel that does not count it.
func (h *Host) CPUPressure(context.Context) (*Pressure, Report) {
	var rep Report
	p := h.pressure(cpuPressure, &rep)
	return p, rep
}

// Load returns the load averages, or nil when they cannot be read, which the
// report says: this machine's own are never returned for the host's.
func (h *Host) Load(context.Context) (*Load, Report) {
	var rep Report
	content, path, err := h.read("loadavg")
	if err != nil {
		rep.lacks(path, err)
		return nil, rep
	}
	fields := strings.Fields(content)
	var averages [3]float64
	for i := range averages {
		if i >= len(fields) {
			err = errMalformed
			break
		}
		if averages[i], err = strconv.ParseFloat(fields[i], 64); err != nil || averages[i] < 0 || math.IsInf(averages[i], 0) || math.IsNaN(averages[i]) {
			err = errMalformed
			break
		}
	}
	if err != nil {
		rep.lacks(path, fmt.Errorf("%w: %q", err, clean(strings.TrimSpace(content[:min(len(content), 100)]))))
		return nil, rep
	}
	return &Load{One: averages[0], Five: averages[1], Fifteen: averages[2]}, rep
}
