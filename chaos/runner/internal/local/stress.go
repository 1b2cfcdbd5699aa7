package local

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// slice is the period of a worker's work and rest: short enough that any
	// measurement sees the average.
	slice    = 100 * time.Millisecond
	pageSize = 4096
)

// StressMain is a stressor: it burns CPU time and holds memory as its arguments
// ask, and blocks until ctx is done or a terminating signal comes; usually it is
// killed. It returns the exit code. args are those after the subcommand's name.
func StressMain(ctx context.Context, args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet(StressCommand, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.String("run-dir", "", "directory of the run, by which a sweep knows this process")
	flags.String("run", "", "run, fault and target that this stressor belongs to")
	workers := flags.Int("cpu-workers", 0, "threads that burn CPU time")
	load := flags.Int("cpu-load", 100, "percent of a CPU that each may burn")
	cpu := flags.Int("cpu", -1, "CPU to run on; -1 for any")
	memory := flags.Uint64("memory", 0, "bytes to hold")
	oom := flags.Int("oom-score", 0, "adjustment of the out-of-memory score")
	if err := flags.Parse(args); err != nil {
		return 64
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	if *oom > 0 {
		if err := os.WriteFile("/proc/self/oom_score_adj", []byte(strconv.Itoa(*oom)), 0); err != nil {
			fmt.Fprintln(stderr, "oom score:", err)
			return 70
		}
	}
	if *cpu >= 0 {
		var one cpuSet
		one.set.Set(*cpu)
		if err := pin(os.Getpid(), one); err != nil {
			fmt.Fprintln(stderr, err)
			return 70
		}
		// One CPU means one running thread to the Go runtime; the kernel shall share.
		runtime.GOMAXPROCS(*workers + 1)
	}
	if *memory > 0 {
		held, err := holdMemory(*memory)
		if err != nil {
			fmt.Fprintln(stderr, err)
			return 70
		}
		defer runtime.KeepAlive(held)
	}
	var wg sync.WaitGroup
	for range *workers {
		wg.Go(func() { burn(ctx, *load) })
	}
	<-ctx.Done()
	wg.Wait()
	return 0
}

// burn uses load percent of a CPU until ctx ends. It counts the time that its
// thread got, not what went by: beside others, it still takes its share.
func burn(ctx context.Context, load int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	busy := slice * time.Duration(load) / 100
	x := 1.0
	for ctx.Err() == nil {
		start, used := time.Now(), threadTime()
		for threadTime()-used < busy && time.Since(start) < slice {
			for range 10_000 {
				x = math.Sqrt(x + 1)
			}
		}
		if rest := slice - time.Since(start); rest > 0 && load < 100 {
			select {
			case <-time.After(rest):
			case <-ctx.Done():
			}
		}
	}
	runtime.KeepAlive(x)
}

// threadTime is the CPU time of the calling thread.
func threadTime() time.Duration {
	var t unix.Timespec
	// It fails on a clock that does not exist only.
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t)
	return time.Duration(t.Nano())
}

// holdMemory takes bytes and touches each page. They are shared memory, which
// nothing else in this process uses, so the kernel's count (RssShmem) is
// exactly what is held.
func holdMemory(n uint64) ([]byte, error) {
	if n > math.MaxInt64 {
		return nil, fmt.Errorf("%d bytes are more than a process can hold", n)
	}
	b, err := unix.Mmap(-1, 0, int(n), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANON)
	if err != nil {
		return nil, fmt.Errorf("hold %d bytes: %w", n, err)
	}
	for i := 0; i < len(b); i += pageSize {
		b[i] = 1
	}
	return b, nil
}
