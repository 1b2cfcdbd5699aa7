package main

import (
	"context"
	"os"
	"runtime"
	"time"

	"github.com/shirou/gopsutil/v3/cpu"
)

// cpuPeriod is the time between two readings of the CPU time: long enough for the
// kernel's ticks of 10 ms to make a share of it.
const cpuPeriod = time.Second

// startMeter measures until the function that it returns is called, which waits for
// the meter's end and returns what it saw.
func startMeter() (stop func() series) {
	ctx, cancel := context.WithCancel(context.Background())
	out := make(chan series)
	// The threads that start the tests have this one's priority, until beat changes its own.
	handicap := handicap()
	go func() { out <- beat(ctx, handicap) }()
	return func() series {
		cancel()
		return <-out
	}
}

// beat keeps the schedule until ctx ends. It holds a thread of its own, which sleeps in
// the kernel and not in Go's scheduler, whose other threads may have a low priority.
func beat(ctx context.Context, handicap string) series {
	// Never unlocked: the thread ends with the goroutine, and its priority with it.
	runtime.LockOSThread()
	s := series{start: time.Now(), handicap: handicap, unsteady: sharedGroup(os.DirFS("/"))}
	if left := normalPriority(); left != "" {
		s.unsteady = "measured with " + left
	}
	s.cpu = append(s.cpu, readCPU(s.start)...)
	for ctx.Err() == nil {
		sleepUntil(s.due())
		now := time.Now()
		s.wake(now)
		if last := len(s.cpu) - 1; last >= 0 && now.Sub(s.cpu[last].at) >= cpuPeriod {
			s.cpu = append(s.cpu, readCPU(now)...)
		}
	}
	s.cpu = append(s.cpu, readCPU(time.Now())...)
	return s
}

// readCPU is one reading, or none where the system has no such figures.
func readCPU(now time.Time) []cpuTime {
	times, err := cpu.Times(false)
	if err != nil || len(times) != 1 {
		return nil
	}
	t := times[0]
	// Guest time is part of user time already.
	return []cpuTime{{now, t.Steal, t.User + t.Nice + t.System + t.Idle + t.Iowait + t.Irq + t.Softirq + t.Steal}}
}
