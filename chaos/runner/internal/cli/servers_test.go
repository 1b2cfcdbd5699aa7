package cli

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
)

// rawServer serves TCP connections by a function of the test, each in a goroutine
// of its own. close ends it and waits.
type rawServer struct {
	listener net.Listener
	wg       sync.WaitGroup
	mu       sync.Mutex
	open     map[net.Conn]struct{} // nil once it is closed
}

func newRawServer(ctx context.Context, serve func(*net.TCPConn)) (*rawServer, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &rawServer{listener: l, open: map[net.Conn]struct{}{}}
	s.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			tcp, ok := c.(*net.TCPConn)
			if !ok || !s.keep(c) {
				c.Close()
				return
			}
			s.wg.Go(func() { serve(tcp); c.Close() })
		}
	})
	return s, nil
}

func (s *rawServer) keep(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		return false
	}
	s.open[c] = struct{}{}
	return true
}

func (s *rawServer) url() string { return "http://" + s.listener.Addr().String() + "/" }

func (s *rawServer) close() {
	s.listener.Close()
	s.mu.Lock()
	for c := range s.open {
		c.Close()
	}
	s.open = nil
	s.mu.Unlock()
	s.wg.Wait()
}

// silent reads and never answers.
func silent(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) }

// resetting answers one request and resets the connection at the next.
func resetting(c *net.TCPConn) {
	r := bufio.NewReader(c)
	for _, answer := range []string{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", ""} {
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		if _, err := io.WriteString(c, answer); err != nil {
			return
		}
	}
	_ = c.SetLinger(0)
}
