package app

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// newMeansIdle is how long a connection may be open without a whole request
// before a drain takes it for one that a client opened to have it ready.
const newMeansIdle = 5 * time.Second

// connections knows which connections owe an answer. http.Server.Shutdown
// alone would not do: it drops, without an answer, each request that
// arrives after it on a connection accepted before, so any delay on the
// path would make a drain lose requests.
type connections struct {
	mu   sync.Mutex
	busy map[net.Conn]time.Time // to when it was opened; zero once a request is being answered
}

func newConnections() *connections { return &connections{busy: make(map[net.Conn]time.Time)} }

// observe is the server's ConnState hook.
func (c *connections) observe(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.busy[conn] = time.Now()
	case http.StateActive:
		c.busy[conn] = time.Time{}
	default: // idle, hijacked or closed: nothing is owed
		delete(c.busy, conn)
	}
}

// owing returns how many connections owe an answer at now.
func (c *connections) owing(now time.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, opened := range c.busy {
		if opened.IsZero() || now.Sub(opened) < newMeansIdle {
			n++
		}
	}
	return n
}

// quiet blocks until no connection owes an answer, or ctx ends.
func (c *connections) quiet(ctx context.Context) {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for c.owing(time.Now()) > 0 {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
