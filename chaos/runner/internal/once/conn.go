package once

import (
	"net"
	"net/http/httptrace"
	"sync/atomic"
)

// conn knows what net/http does not report: how many bytes were written.
type conn struct {
	net.Conn
	wrote atomic.Int64
}

// Write implements [net.Conn].
func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.wrote.Add(int64(n))
	return n, err
}

// use is the connection that a request is sent on.
type use struct {
	conn   *conn // nil without one
	kept   bool  // others were sent on it before
	before int64 // bytes written for those
}

// got is the hook for the connection that the request gets.
func (u *use) got(info httptrace.GotConnInfo) {
	c := info.Conn
	if outer, ok := c.(interface{ NetConn() net.Conn }); ok { // TLS
		c = outer.NetConn()
	}
	u.kept = info.Reused
	if u.conn, _ = c.(*conn); u.conn != nil {
		u.before = u.conn.wrote.Load()
	}
}

// left says whether a byte was written since the request got its connection.
// Over TLS a farewell counts, too: a request may be given up that never left,
// but none is sent twice.
func (u *use) left() bool { return u.conn.wrote.Load() != u.before }
