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

// usageFunc asks one mount. It may block for ever whatever its context
// says: a statfs on a dead network file system cannot be interrupted.
type usageFunc func(ctx context.Context, path string) (*disk.UsageStat, error)

// mountProber asks mounts without ever waiting longer than its timeout, and
// never asks one that still owes an answer, so a dead mount costs one
// goroutine (and the thread under it), not one a reading:
//
//	measure ──► goroutine per mount ──► statfs ──► answers, or is
//	                                               given up and skipped
//
// Goroutines that are stuck in the kernel cannot be ended by anybody; they
// end when the mount answers or the process exits.
type mountProber struct {
	usage   usageFunc
	timeout time.Duration

	mu   sync.Mutex
	owed map[string]struct{}
}

type mountAnswer struct {
	usage *disk.UsageStat
	err   error
}

func newMountProber(usage usageFunc, timeout time.Duration) *mountProber {
	return &mountProber{usage: usage, timeout: timeout, owed: make(map[string]struct{})}
}

// measure asks all paths at once and blocks until each answered, the
// timeout passed or ctx ended. Answers are in the order of paths.
func (p *mountProber) measure(ctx context.Context, paths []string) []mountAnswer {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	pending := make([]chan mountAnswer, len(paths))
	for i, path := range paths {
		pending[i] = p.ask(ctx, path)
	}
	answers := make([]mountAnswer, len(paths))
	for i, ch := range pending {
		if ch == nil {
			answers[i] = mountAnswer{err: ErrMountHangs}
			continue
		}
		select {
		case answers[i] = <-ch:
		case <-ctx.Done():
			// An answer that came while another mount was waited for is
			// still good.
			select {
			case answers[i] = <-ch:
			default:
				answers[i] = mountAnswer{err: ErrMountHangs}
			}
		}
	}
	return answers
}

// ask returns nil when path still owes an answer.
func (p *mountProber) ask(ctx context.Context, path string) chan mountAnswer {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, owes := p.owed[path]; owes {
		return nil
	}
	p.owed[path] = struct{}{}
	ch := make(chan mountAnswer, 1)
	go func() {
		usage, err := p.usage(ctx, path)
		if err != nil {
			err = fmt.Errorf("statfs: %w", err)
		}
		p.mu.Lock()
		delete(p.owed, path)
		p.mu.Unlock()
		ch <- mountAnswer{usage: usage, err: err}
	}()
	return ch
}
