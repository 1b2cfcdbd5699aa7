package app

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxRefusals is how many connections over the cap are answered at the
	// same time; more are closed without an answer.
	maxRefusals = 32
	// refusalTime is how long a refused client has to send its request and read the answer.
	refusalTime = time.Second
	// maxRefused is how much of a refused request is read, in bytes, before it is answered.
	maxRefused = 64 << 10
)

// cappedListener hands at most a number of connections to the server, each of
// which has one request in progress at most. A client over the cap gets 503
// for its request, instead of a connection on which nothing ever happens.
type cappedListener struct {
	net.Listener
	log      *slog.Logger
	tls      *tls.Config // of the server; nil without TLS
	slots    chan struct{}
	refusals chan struct{}
	refused  atomic.Uint64
	pending  sync.WaitGroup
}

func newCappedListener(ln net.Listener, most int, log *slog.Logger) *cappedListener {
	return &cappedListener{Listener: ln, log: log, slots: make(chan struct{}, most), refusals: make(chan struct{}, maxRefusals)}
}

// Accept implements net.Listener.
func (l *cappedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.slots <- struct{}{}:
			return &cappedConn{Conn: conn, release: sync.OnceFunc(func() { <-l.slots })}, nil
		default:
			l.refuse(conn)
		}
	}
}

func (l *cappedListener) refuse(conn net.Conn) {
	if n := l.refused.Add(1); n == 1 {
		l.log.WarnContext(context.Background(), "connections are refused: --max-connections are open", slog.Int("max_connections", cap(l.slots)))
	}
	select {
	case l.refusals <- struct{}{}:
	default:
		_ = conn.Close() // nobody is left who could be answered
		return
	}
	l.pending.Go(func() {
		defer func() { <-l.refusals }()
		defer func() { _ = conn.Close() }()
		const body = `{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"too many connections are open; --max-connections is how many there may be"}`
		_ = conn.SetDeadline(time.Now().Add(refusalTime))
		if l.tls != nil {
			conn = tls.Server(conn, plainest(l.tls))
		}
		// Read the request first: Go's client drops a connection on which an answer comes
		// before it has asked. A client that never asks gets the answer before the end.
		_ = conn.SetReadDeadline(time.Now().Add(refusalTime / 2))
		_, _ = http.ReadRequest(bufio.NewReader(io.LimitReader(conn, maxRefused)))
		_ = conn.SetReadDeadline(time.Now().Add(refusalTime))
		fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nContent-Type: application/problem+json\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
			http.StatusServiceUnavailable, http.StatusText(http.StatusServiceUnavailable), len(body), body)
		if half, ok := conn.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
		// To close before the request was read would take the answer back.
		_, _ = io.Copy(io.Discard, conn)
	})
}

// plainest returns a configuration under which a client speaks HTTP/1.1.
func plainest(server *tls.Config) *tls.Config {
	c := server.Clone()
	inner := c.GetConfigForClient
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		chosen, err := inner(hello)
		if err != nil {
			return nil, err
		}
		chosen = chosen.Clone()
		chosen.NextProtos = []string{"http/1.1"}
		return chosen, nil
	}
	return c
}

// Close ends the listener and waits for refusals, at most 1.5 seconds.
func (l *cappedListener) Close() error {
	err := l.Listener.Close()
	l.pending.Wait()
	return err
}

// cappedConn gives its slot back when it is closed.
type cappedConn struct {
	net.Conn
	release func()
}

func (c *cappedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}
