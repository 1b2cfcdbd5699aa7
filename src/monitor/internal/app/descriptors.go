package app

import (
	"math"

	"golang.org/x/sys/unix"
)

const (
	// reserved is how many file descriptors are left for all that is no
	// connection: the kernel's tables, logs, files of access.
	reserved = 24
	// minConnections may be open whatever the limit, if so many are wanted.
	minConnections = 4
)

// capsWithin returns how many connections may be open, and how many more may
// be refused at the same time, where so many file descriptors may be open.
// Without that, connections over the limit would wait for an answer that never
// comes, and the collectors could read no file.
func capsWithin(descriptors uint64, wanted int) (connections, refusals int) {
	free := int(min(descriptors, math.MaxInt32)) - reserved
	// A quarter is enough to say no.
	refusals = max(1, min(maxRefusals, free/4))
	return min(wanted, max(minConnections, free-refusals)), refusals
}

// descriptorLimit returns how many file descriptors this process may have. Go
// has raised the limit as far as it may.
func descriptorLimit() uint64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return math.MaxUint64
	}
	return limit.Cur
}
