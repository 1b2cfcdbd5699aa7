package host

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/shirou/gopsutil/v3/disk"
)

// ErrMountHangs reports a mount whose file system does not answer.
var ErrMountHangs = errors.New("the mount does not answer")

// errTooManyHang reports a mount that is not asked, because so many others
// hang.
var errTooManyHang = fmt.Errorf("not asked, because %d others do not answer: %w", maxProbes, ErrMountHangs)

// errNotAsked reports a mount that was still in the queue at the end.
var errNotAsked = fmt.Errorf("not asked, because others took all of the time: %w", ErrMountHangs)

// handover is how long the queue may stand still before more workers begin: a
// file system that works answers in microseconds.
const handover = 5 * time.Millisecond

// maxProbes is how many file systems are asked at the same time, those that
// hang included: each takes a thread, and a process ends at Go's limit.
const maxProbes = 64

// measureFunc measures one mount at a path of this process, whose own mounts
// it is given. It may block for ever whatever its context says: a statfs on
// a dead network file system cannot be interrupted.
type measureFunc func(ctx context.Context, path string, want chosenMount, own map[uint64]mount) (*disk.UsageStat, error)

// mountProber asks mounts without ever waiting longer than its timeout, and
// never asks a file system that still owes an answer, so a dead one costs one
// goroutine (and the thread under it), however often it is mounted:
//
//	measure ──► queue of file systems ──► worker ──► statfs ──► answers
//	   │                                     ▲
//	   └── none was taken for 5 ms: as many workers again
//
// One worker is enough while all answer, and takes no more than one processor
// for 10,000 mounts. Nothing can stop a worker that is stuck in the kernel; it
// ends when the mount answers or the process exits.
type mountProber struct {
	measureOne measureFunc
	timeout    time.Duration
	slots      chan struct{} // one for each worker

	mu   sync.Mutex
	owed map[string]struct{} // by file system
}

// probe is one mount that is asked.
type probe struct {
	path string
	want chosenMount
}

type mountAnswer struct {
	usage *disk.UsageStat
	err   error
}

func newMountProber(one measureFunc, timeout time.Duration) *mountProber {
	return &mountProber{
		measureOne: one, timeout: timeout,
		slots: make(chan struct{}, maxProbes), owed: make(map[string]struct{}),
	}
}

// measure asks all mounts, and blocks until each answered, none answered for
// the timeout, or ctx ended. Answers are in the order of probes.
func (p *mountProber) measure(ctx context.Context, probes []probe, own map[uint64]mount) []mountAnswer {
	r := newRound(p, probes, own)
	r.employ(ctx, 1)
	tick := time.NewTicker(handover)
	defer tick.Stop()
	for {
		select {
		case <-r.done:
			return r.end()
		case <-ctx.Done():
			return r.end()
		case <-tick.C:
			blocked, over := r.look(time.Now())
			if over {
				return r.end()
			}
			r.employ(ctx, blocked)
		}
	}
}

// claim says whether a file system may be asked, which is then owed an answer.
func (p *mountProber) claim(device string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, owes := p.owed[device]; owes {
		return false
	}
	p.owed[device] = struct{}{}
	return true
}

func (p *mountProber) answered(device string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.owed, device)
}

// one turns a panic of the library into an error: in this goroutine it would
// end the process.
func (p *mountProber) one(ctx context.Context, pr probe, own map[uint64]mount) (a mountAnswer) {
	defer func() {
		if v := recover(); v != nil {
			a = mountAnswer{err: fmt.Errorf("statfs: panic: %v", v)}
		}
	}()
	a.usage, a.err = p.measureOne(ctx, pr.path, pr.want, own)
	return a
}
