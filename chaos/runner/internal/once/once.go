// Package once sends each HTTP request exactly once.
//
// Go's [http.Transport] sends some requests again by itself, and reports only
// the second try: when a kept connection ends before the first byte of the
// answer, a request counts as replayable if its method is GET, HEAD, OPTIONS or
// TRACE, or if it has an idempotency key. For an instrument that is blindness:
// the requests that a dying server loses are the ones it is there to count.
package once

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"
)

// MaxIdle is how long a connection is kept without a request. A server that
// closes an idle connection while a request is on its way to it loses that
// request, through no fault of its own; the client avoids this by giving up the
// connection first. Widespread servers close after 2 s (gunicorn) or 5 s
// (Node.js, Apache httpd, uvicorn): half of the shortest leaves a second for
// delays on the way.
const MaxIdle = time.Second

// ErrLost is wrapped by the error of a request that was sent, and whose connection
// then ended, or brought something other than HTTP, before the header of an
// answer was whole. A request that ran out of time is not lost.
var ErrLost = errors.New("the connection brought no answer")

// Transport is an [http.RoundTripper] for HTTP/1.1 with kept connections. A
// request of which a byte was written is never sent again. One of which nothing
// was written, as its kept connection proved dead first, never left: it is sent
// on another connection, unless it has a body.
type Transport struct{ base *http.Transport }

// New takes base over: it may not be used or changed from then on, and may have
// no DialTLSContext. Its limits and timeouts are kept, except IdleConnTimeout,
// which is at most [MaxIdle], and HTTP/2, which is off.
func New(base *http.Transport) *Transport {
	dial := base.DialContext
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	base.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &conn{Conn: c}, nil
	}
	if base.IdleConnTimeout <= 0 || base.IdleConnTimeout > MaxIdle {
		base.IdleConnTimeout = MaxIdle
	}
	// A stream of HTTP/2 that a server refuses is sent again, too.
	base.ForceAttemptHTTP2 = false
	base.Protocols = new(http.Protocols)
	base.Protocols.SetHTTP1(true)
	return &Transport{base}
}

// CloseIdleConnections closes the connections that carry no request.
func (t *Transport) CloseIdleConnections() { t.base.CloseIdleConnections() }

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	for {
		var used use
		resp, err := t.base.RoundTrip(unreplayable(req, &used))
		switch {
		case err == nil:
			return resp, nil
		case used.conn == nil, timedOut(err), req.Context().Err() != nil:
			return nil, err
		case used.kept && !used.left() && bodyless(req):
			continue // this ends with the last kept connection
		}
		return nil, fmt.Errorf("%w: %w", ErrLost, err)
	}
}

func timedOut(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// unreplayable returns a copy of req that net/http does not send again, with the
// same bytes on the wire, and that reports the connection it is sent on.
func unreplayable(req *http.Request, used *use) *http.Request {
	out := req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{GotConn: used.got}))
	out.GetBody = nil
	if !bodyless(req) {
		return out // without GetBody, a body is read and sent once
	}
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		// A body that might have bytes is not replayable. One that is empty, of
		// unknown length and not chunked adds nothing to the wire, and a reader in
		// memory no second write.
		out.Body = io.NopCloser(strings.NewReader(""))
		out.ContentLength, out.TransferEncoding = 0, []string{"identity"}
		return out
	}
	// Other methods are replayable for a header that net/http looks up by its
	// canonical name alone. Servers read names in any case.
	for _, key := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		if values, ok := req.Header[key]; ok {
			out.Header = maps.Clone(out.Header)
			delete(out.Header, key)
			out.Header[strings.ToLower(key)] = values
		}
	}
	return out
}

func bodyless(req *http.Request) bool { return req.Body == nil || req.Body == http.NoBody }
