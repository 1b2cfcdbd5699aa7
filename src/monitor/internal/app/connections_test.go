package app

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhichConnectionsOweAnAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		states []http.ConnState
		after  time.Duration
		want   int
	}{
		"a request may be on its way on a new connection": {[]http.ConnState{http.StateNew}, time.Second, 1},
		"one that stays silent was opened in advance":     {[]http.ConnState{http.StateNew}, 5 * time.Second, 0},
		"a running request owes an answer for ever":       {[]http.ConnState{http.StateNew, http.StateActive}, time.Hour, 1},
		"an idle connection owes none":                    {[]http.ConnState{http.StateNew, http.StateActive, http.StateIdle}, 0, 0},
		"a closed connection owes none":                   {[]http.ConnState{http.StateNew, http.StateClosed}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, conn := newConnections(), &net.TCPConn{}
				for _, state := range tc.states {
					c.observe(conn, state)
				}
				time.Sleep(tc.after)
				if got := c.owing(time.Now()); got != tc.want {
					t.Errorf("%d connections owe an answer, want %d", got, tc.want)
				}
			})
		})
	}
}

// spoken is a connection whose handshake is over.
type spoken struct {
	net.TCPConn
	protocol string
}

func (s *spoken) ConnectionState() tls.ConnectionState {
	return tls.ConnectionState{NegotiatedProtocol: s.protocol}
}

// The server calls a connection of HTTP/2 active and idle before there was any
// request on it.
func TestAConnectionOfHTTP2IsNewUntilItsFirstRequest(t *testing.T) {
	const n, a, i = http.StateNew, http.StateActive, http.StateIdle
	for name, tc := range map[string]struct {
		protocol string
		states   []http.ConnState
		after    time.Duration
		want     int
	}{
		"a request may be on its way":        {"h2", []http.ConnState{n, a, i}, time.Second, 1},
		"it stays silent":                    {"h2", []http.ConnState{n, a, i}, 5 * time.Second, 0},
		"it is being set up":                 {"h2", []http.ConnState{n, a}, time.Second, 1},
		"a request is running":               {"h2", []http.ConnState{n, a, i, a}, time.Hour, 1},
		"its first request was answered":     {"h2", []http.ConnState{n, a, i, a, i}, 0, 0},
		"it is over before it was set up":    {"h2", []http.ConnState{n, http.StateClosed}, 0, 0},
		"over TLS, a request was answered":   {"http/1.1", []http.ConnState{n, a, i}, 0, 0},
		"over TLS, a request is running yet": {"http/1.1", []http.ConnState{n, a}, time.Hour, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, conn := newConnections(), &spoken{protocol: tc.protocol}
				for _, state := range tc.states {
					c.observe(conn, state)
				}
				time.Sleep(tc.after)
				if got := c.owing(time.Now()); got != tc.want {
					t.Errorf("%d connections owe an answer, want %d", got, tc.want)
				}
			})
		})
	}
}

func TestQuietEndsWithTheLastAnswerOrItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, conn := newConnections(), &net.TCPConn{}
		c.observe(conn, http.StateActive)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		c.quiet(ctx)
		if took := time.Since(began); took != time.Second {
			t.Errorf("with a running request it took %s, want the context's 1s", took)
		}
		go func() { time.Sleep(time.Second); c.observe(conn, http.StateIdle) }()
		began = time.Now()
		c.quiet(t.Context())
		if took := time.Since(began); took < time.Second || took > time.Second+10*time.Millisecond {
			t.Errorf("with a request of 1s it took %s", took)
		}
	})
}
