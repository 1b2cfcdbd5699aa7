package app

import (
	"context"
	"crypto/tls"
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
	busy map[net.Conn]owed
}

// owed is a connection that may owe an answer.
type owed struct {
	opened time.Time // zero once a request is being answered
	// greeting is whether the states by which HTTP/2 begins are still to come:
	// active and idle, before there is any request.
	greeting bool
}

func newConnections() *connections { return &connections{busy: make(map[net.Conn]owed)} }

// observe is the server's ConnState hook.
func (c *connections) observe(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.busy[conn] = owed{opened: time.Now(), greeting: true}
	case http.StateActive:
		if o := c.busy[conn]; o.greeting && isHTTP2(conn) {
			return
		}
		c.busy[conn] = owed{}
	case http.StateIdle:
		if o := c.busy[conn]; o.greeting && isHTTP2(conn) {
			c.busy[conn] = owed{opened: o.opened}
			return
		}
		delete(c.busy, conn)
	default: // hijacked or closed: nothing is owed
		delete(c.busy, conn)
	}
}

// isHTTP2 says what a connection speaks, once its handshake is over.
func isHTTP2(conn net.Conn) bool {
	c, ok := conn.(interface{ ConnectionState() tls.ConnectionState })
	return ok && c.ConnectionState().NegotiatedProtocol == "h2"
}

// owing returns how many connections owe an answer at now.
func (c *connections) owing(now time.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, o := range c.busy {
		if o.opened.IsZero() || now.Sub(o.opened) < newMeansIdle {
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
