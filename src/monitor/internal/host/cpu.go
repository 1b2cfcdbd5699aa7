package host

import (
	"context"
	"fmt"
	"strings"

	"github.com/shirou/gopsutil/v3/cpu"
	"github.com/shirou/gopsutil/v3/load"
)

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

// CPUTimes returns the counters of every processor that is online. The
// library leaves read errors out, so an empty answer is ErrEmpty here.
func (h *Host) CPUTimes(ctx context.Context) ([]CoreTimes, error) {
	stats, err := cpu.TimesWithContext(h.with(ctx), true)
	if err != nil {
		return nil, fmt.Errorf("read processor times: %w", err)
	}
	if len(stats) == 0 {
		return nil, fmt.Errorf("read processor times: %w: is the procfs readable?", ErrEmpty)
	}
	cores := make([]CoreTimes, 0, len(stats))
	for _, s := range stats {
		cores = append(cores, CoreTimes{
			ID: strings.TrimPrefix(s.CPU, "cpu"),
			CPUTimes: CPUTimes{
				User: s.User, Nice: s.Nice, System: s.System, Idle: s.Idle,
				IOWait: s.Iowait, IRQ: s.Irq, SoftIRQ: s.Softirq, Steal: s.Steal,
			},
		})
	}
	return cores, nil
}

// Load returns the load averages.
func (h *Host) Load(ctx context.Context) (Load, error) {
	avg, err := load.AvgWithContext(h.with(ctx))
	if err != nil {
		return Load{}, fmt.Errorf("read load averages: %w", err)
	}
	return Load{One: avg.Load1, Five: avg.Load5, Fifteen: avg.Load15}, nil
}
