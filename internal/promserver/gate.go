package promserver

import (
	"context"
	"errors"
	"net/http"
	"sync"
)

var errClosed = errors.New("the embedded prometheus is closed")

// gate lets users of the storage in until it is shut, and then waits for those
// inside.
type gate struct {
	mu     sync.RWMutex
	closed bool
	ending context.Context // of requests; ends when the gate shuts
	end    context.CancelFunc
}

func newGate() *gate {
	ctx, cancel := context.WithCancel(context.Background())
	return &gate{ending: ctx, end: cancel}
}

// hold keeps the gate from shutting until release; it is false once it is shut.
func (g *gate) hold() bool {
	g.mu.RLock()
	if g.closed {
		g.mu.RUnlock()
		return false
	}
	return true
}

func (g *gate) release() { g.mu.RUnlock() }

// shut cancels the requests inside, waits for everybody to leave and lets nobody
// in any more.
func (g *gate) shut() {
	g.end()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}

// guard is next behind the gate.
func (g *gate) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.hold() {
			fail(w, &apiError{http.StatusServiceUnavailable, "unavailable", errClosed})
			return
		}
		defer g.release()
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(g.ending, cancel)()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
