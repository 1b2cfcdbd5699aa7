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
//	measure ──► goroutine per file system ──► statfs ──► answers, or is
//	                                                     given up and skipped
//
// Goroutines that are stuck in the kernel cannot be ended by anybody; they
// end when the mount answers or the process exits.
type mountProber struct {
	measureOne measureFunc
	timeout    time.Duration
	slots      chan struct{}

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

// measure asks all mounts, those of different file systems at once, and
// blocks until each answered, the timeout passed or ctx ended. Answers are
// in the order of probes.
func (p *mountProber) measure(ctx context.Context, probes []probe, own map[uint64]mount) []mountAnswer {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	var devices []string
	byDevice := make(map[string][]int)
	for i, pr := range probes {
		if byDevice[pr.want.device] == nil {
			devices = append(devices, pr.want.device)
		}
		byDevice[pr.want.device] = append(byDevice[pr.want.device], i)
	}
	answers := make([]mountAnswer, len(probes))
	pending := make([]chan []mountAnswer, len(devices))
	late := make([]error, len(devices))
	for i, device := range devices {
		of := make([]probe, 0, len(byDevice[device]))
		for _, n := range byDevice[device] {
			of = append(of, probes[n])
		}
		pending[i], late[i] = p.ask(ctx, device, of, own)
	}
	for i, device := range devices {
		got := await(ctx, pending[i])
		for k, n := range byDevice[device] {
			if got == nil {
				answers[n] = mountAnswer{err: late[i]}
			} else {
				answers[n] = got[k]
			}
		}
	}
	return answers
}

// await returns nil when there is no answer in time.
func await(ctx context.Context, ch <-chan []mountAnswer) []mountAnswer {
	if ch == nil {
		return nil
	}
	select {
	case got := <-ch:
		return got
	case <-ctx.Done():
	}
	// An answer that came while another mount was waited for is still good.
	select {
	case got := <-ch:
		return got
	default:
		return nil
	}
}

// ask returns no channel when the file system still owes an answer, or too
// many others do, and the error that stands for a missing answer.
func (p *mountProber) ask(ctx context.Context, device string, probes []probe, own map[uint64]mount) (chan []mountAnswer, error) {
	if p.owes(device) {
		return nil, ErrMountHangs
	}
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, errTooManyHang
	}
	p.mu.Lock()
	p.owed[device] = struct{}{}
	p.mu.Unlock()
	ch := make(chan []mountAnswer, 1)
	go func() {
		answers := make([]mountAnswer, len(probes))
		for i, pr := range probes {
			answers[i] = p.one(ctx, pr, own)
		}
		p.mu.Lock()
		delete(p.owed, device)
		p.mu.Unlock()
		<-p.slots
		ch <- answers
	}()
	return ch, ErrMountHangs
}

func (p *mountProber) owes(device string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, owes := p.owed[device]
	return owes
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
