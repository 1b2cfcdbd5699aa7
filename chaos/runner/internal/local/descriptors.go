package local

import (
	"fmt"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

const (
	// quietFiles is what an environment has open while every request is answered
	// at once, with a margin.
	quietFiles = 128
	// filesPerRequest are the two ends of the connections from load to gateway and
	// from gateway to proxy, and the one from proxy to pod.
	filesPerRequest = 5
	// mostForRequests is what is asked for at high rates, at which hardly every
	// request waits for a whole timeout.
	mostForRequests = 800
)

// enoughFiles refuses a limit of open files that an environment would run into:
// when pods freeze, requests of a whole timeout wait, and one that fails for want
// of a descriptor would count as the pods' own failure.
func enoughFiles(rate float64) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("limit of open files: %w", err)
	}
	open := 0
	if entries, err := os.ReadDir("/proc/self/fd"); err == nil {
		open = len(entries)
	}
	requests := min(mostForRequests, filesPerRequest*math.Ceil(rate*probeTimeout.Seconds()))
	need := uint64(open) + quietFiles + uint64(requests)
	if limit.Cur < need {
		return fmt.Errorf("%w: this process may open %d files, and a fleet at %g requests per second needs up to %d; raise the limit with ulimit -n %d",
			unix.EMFILE, limit.Cur, rate, need, max(1024, need))
	}
	return nil
}
