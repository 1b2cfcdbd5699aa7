package cli

import (
	"context"
	"slices"
	"sync"
)

// claims keep runs of one session apart that would disturb each other: whoever asks for
// something that another holds waits until that is given back.
type claims struct {
	mu      sync.Mutex
	held    map[string]bool
	changed chan struct{} // closed when something is given back
}

func newClaims() *claims { return &claims{held: map[string]bool{}, changed: make(chan struct{})} }

// acquire blocks until all keys are free, or ctx ends. It takes all or none, so that no
// two can wait for each other. release may be called once.
func (c *claims) acquire(ctx context.Context, keys []string) (release func(), err error) {
	for {
		c.mu.Lock()
		if !slices.ContainsFunc(keys, func(k string) bool { return c.held[k] }) {
			for _, k := range keys {
				c.held[k] = true
			}
			c.mu.Unlock()
			return func() { c.release(keys) }, nil
		}
		changed := c.changed
		c.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-changed:
		}
	}
}

func (c *claims) release(keys []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range keys {
		delete(c.held, k)
	}
	close(c.changed)
	c.changed = make(chan struct{})
}
