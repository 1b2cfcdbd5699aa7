package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
)

// cpuTime is what the threads of a process had of the CPUs and how long they
// waited for one while they could have run; in a second, unless said otherwise.
type cpuTime struct{ ran, waited time.Duration }

// threadTimes are those of each thread since its start, by its id.
func threadTimes(pid int) (map[int]cpuTime, error) {
	threads, err := procfs.AllThreads(pid)
	if err != nil {
		return nil, fmt.Errorf("threads of process %d: %w", pid, err)
	}
	times := make(map[int]cpuTime, len(threads))
	for _, t := range threads {
		s, err := t.Schedstat()
		if errors.Is(err, fs.ErrNotExist) && exists(t) {
			return nil, fmt.Errorf("waiting times of process %d: this kernel has no schedstat: %w", pid, err)
		}
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // the thread has ended
		}
		if err != nil {
			return nil, fmt.Errorf("waiting times of process %d: %w", pid, err)
		}
		times[t.PID] = cpuTime{time.Duration(s.RunningNanoseconds), time.Duration(s.WaitingNanoseconds)}
	}
	return times, nil
}

func exists(p procfs.Proc) bool {
	_, err := p.Stat()
	return err == nil
}

// cpuUse measures processes side by side over a window.
func cpuUse(ctx context.Context, window time.Duration, pids ...int) ([]cpuTime, error) {
	read := func() ([]map[int]cpuTime, error) {
		all := make([]map[int]cpuTime, len(pids))
		for i, pid := range pids {
			times, err := threadTimes(pid)
			if err != nil {
				return nil, err
			}
			all[i] = times
		}
		return all, nil
	}
	before, err := read()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	pause(ctx, window)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	after, err := read()
	if err != nil {
		return nil, err
	}
	seconds := time.Since(began).Seconds()
	out := make([]cpuTime, len(pids))
	for i := range pids {
		out[i] = between(before[i], after[i], seconds)
	}
	return out, nil
}

// between is the use in each of so many seconds. What a thread did before it ended
// is lost; one that is new counts from its start.
func between(before, after map[int]cpuTime, seconds float64) cpuTime {
	var sum cpuTime
	for tid, a := range after {
		b := before[tid]
		sum.ran += a.ran - b.ran
		sum.waited += a.waited - b.waited
	}
	return cpuTime{time.Duration(float64(sum.ran) / seconds), time.Duration(float64(sum.waited) / seconds)}
}

// heldMemory is how many bytes a stressor really occupies.
func heldMemory(pid int) (uint64, error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return 0, fmt.Errorf("memory of process %d: %w", pid, err)
	}
	status, err := p.NewStatus()
	if err != nil {
		return 0, fmt.Errorf("memory of process %d: %w", pid, err)
	}
	return status.RssShmem, nil
}

// memoryWait counts what a want of memory has cost so far.
type memoryWait struct {
	faults  uint          // pages of the process that had to be fetched from disk
	stalled time.Duration // for which something on the machine waited for memory
}

func memoryWaits(pid int) (memoryWait, error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return memoryWait{}, fmt.Errorf("process %d: %w", pid, err)
	}
	stat, err := p.Stat()
	if err != nil {
		return memoryWait{}, fmt.Errorf("process %d: %w", pid, err)
	}
	w := memoryWait{faults: stat.MajFlt}
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return memoryWait{}, fmt.Errorf("memory pressure: %w", err)
	}
	// Not every kernel keeps pressure; the process's own faults count without it.
	if psi, err := proc.PSIStatsForResource("memory"); err == nil && psi.Some != nil {
		w.stalled = time.Duration(psi.Some.Total) * time.Microsecond
	}
	return w, nil
}
