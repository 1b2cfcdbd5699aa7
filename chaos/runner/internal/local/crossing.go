package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// crossing sends a byte each way over the path, on a connection of its own whose
// both ends are here, and says which of the two arrived within the time given. So
// each direction is seen by itself, which a request cannot show.
func (p *proxy) crossing(ctx context.Context, within time.Duration) (up, down bool, err error) {
	client, near, err := connected(ctx)
	if err != nil {
		return false, false, err
	}
	defer client.Close() //nolint:errcheck // measured
	server, far, err := connected(ctx)
	if err != nil {
		return false, false, errors.Join(err, near.Close())
	}
	defer server.Close() //nolint:errcheck // measured
	p.join(newLink(near, far))
	// The link ends with its ends, which these deadlines bound.
	deadline := time.Now().Add(within)
	if err := errors.Join(client.SetDeadline(deadline), server.SetDeadline(deadline)); err != nil {
		return false, false, fmt.Errorf("measure a path: %w", err)
	}
	arrives := func(from, to net.Conn) bool {
		if _, err := from.Write([]byte{1}); err != nil {
			return false
		}
		_, err := io.ReadFull(to, make([]byte, 1))
		return err == nil
	}
	var wg sync.WaitGroup
	wg.Go(func() { up = arrives(client, server) })
	down = arrives(server, client)
	wg.Wait()
	return up, down, ctx.Err()
}

// connected returns both ends of a new connection on loopback.
func connected(ctx context.Context) (dialled, accepted *net.TCPConn, err error) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, nil, fmt.Errorf("measure a path: %w", err)
	}
	defer l.Close() //nolint:errcheck // it has served
	if err := l.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return nil, nil, fmt.Errorf("measure a path: %w", err)
	}
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "tcp", l.Addr().String())
	if err != nil {
		return nil, nil, fmt.Errorf("measure a path: %w", err)
	}
	dialled, ok := c.(*net.TCPConn)
	if !ok { // "tcp" gives no other
		return nil, nil, errors.Join(errors.New("measure a path: not a TCP connection"), c.Close())
	}
	// Anybody on this machine may connect: only the very connection will do.
	for {
		accepted, err = l.AcceptTCP()
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("measure a path: %w", err), dialled.Close())
		}
		if accepted.RemoteAddr().String() == dialled.LocalAddr().String() {
			return dialled, accepted, nil
		}
		_ = accepted.Close()
	}
}
