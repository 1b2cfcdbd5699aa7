package cluster

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

const (
	// pulseEvery is how often the API server is asked whether it is there, and
	// pulseTimeout how long that may take.
	pulseEvery   = 2 * time.Second
	pulseTimeout = 2 * time.Second
	// silence is how long the API server may be silent before what the watches hold is
	// too old to be called the state of the cluster: a watch that is cut off goes on
	// showing what it saw last.
	silence = 2*pulseEvery + pulseTimeout
)

// pulse knows when the API server answered last.
type pulse struct {
	ask func(context.Context) error

	mu   sync.Mutex
	last time.Time
	err  error // of the last question
}

func newPulse(ask func(context.Context) error) *pulse { return &pulse{ask: ask, last: time.Now()} }

// beat asks until ctx ends.
func (p *pulse) beat(ctx context.Context) {
	ticker := time.NewTicker(pulseEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		asked := time.Now()
		asking, cancel := context.WithTimeout(ctx, pulseTimeout)
		err := p.ask(asking)
		cancel()
		p.note(asked, err)
	}
}

// note takes an answer to a question of the time given. An answer says nothing about the
// time after its question.
func (p *pulse) note(asked time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
	if err == nil && asked.After(p.last) {
		p.last = asked
	}
}

// check returns an error that wraps fault.ErrUnreachable once the API server has been
// silent for too long.
func (p *pulse) check(now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ago := now.Sub(p.last); ago > silence {
		return fmt.Errorf("%w: the API server has not answered for %s: %w", fault.ErrUnreachable, ago.Round(time.Second), p.err)
	}
	return nil
}
