package sample

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/src/monitor/internal/host"
)

// processRows answers each call with the next list.
type processRows [][]host.Process

func (r *processRows) Processes(context.Context) ([]host.Process, host.Report, error) {
	row := (*r)[0]
	*r = (*r)[1:]
	return row, host.Report{}, nil
}

func TestWhatAProcessUsedIsOverTheIntervalBetweenTwoReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := func(pid int, started uint64, seconds float64) host.Process {
			return host.Process{PID: pid, Started: started, CPUSeconds: seconds}
		}
		c := NewProcesses(&processRows{
			{p(1, 1, 10), p(2, 5, 10), p(3, 6, 10)},
			{p(1, 1, 12.5), p(2, 9, 11), p(3, 6, 1), p(4, 10, 1)},
		})
		var s Snapshot
		for i := range 2 {
			r, err := c.read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			r.put(&s)
			if i == 0 {
				if s.Processes.Since != nil || s.Processes.Processes[0].UsedCores != nil || s.Processes.Total != 3 {
					t.Errorf("the first reading has an interval: %+v", s.Processes)
				}
				time.Sleep(5 * time.Second)
			}
		}
		var got []*float64
		for _, p := range s.Processes.Processes {
			got = append(got, p.UsedCores)
		}
		// The second has the number of one that ended, the third's time fell,
		// the fourth is new.
		if d := cmp.Diff([]*float64{new(0.5), nil, nil, nil}, got); d != "" {
			t.Errorf("used (-want +got):\n%s", d)
		}
	})
}

func TestTheLargestProcessesComeFirst(t *testing.T) {
	r := &ProcessesReading{Total: 100}
	for i := range 100 {
		p := ProcessReading{Process: host.Process{PID: i + 1, MemoryBytes: uint64(i), CPUSeconds: 1}}
		if i < 50 {
			p.UsedCores = new(float64(50 - i))
		}
		r.Processes = append(r.Processes, p)
	}
	pids := func(r *ProcessesReading) (list []int) {
		for _, p := range r.Processes {
			list = append(list, p.PID)
		}
		return list
	}
	if d := cmp.Diff([]int{1, 2, 3}, pids(r.Largest(ByCPU, 3))); d != "" {
		t.Errorf("by cpu (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]int{100, 99}, pids(r.Largest(ByMemory, 2))); d != "" {
		t.Errorf("by memory (-want +got):\n%s", d)
	}
	if got := len(r.Largest(ByCPU, 1000).Processes); got != 100 {
		t.Errorf("%d of 100 processes", got)
	}
	shown := r.Shown()
	if got := pids(shown); len(got) != 40 || got[0] != 1 || got[20] != 81 || shown.Total != 100 {
		t.Errorf("shown are %v of %d", got, shown.Total)
	}
	if r.Processes[0].PID != 1 || len(r.Processes) != 100 {
		t.Error("the reading itself was changed")
	}
}
