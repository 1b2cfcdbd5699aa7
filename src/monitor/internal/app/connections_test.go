package app

import (
	"context"
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
