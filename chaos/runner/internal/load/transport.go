package load

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// seqHeader is how the attacker tells its transport which hit a request is.
const seqHeader = "X-Vegeta-Seq"

var errUnsent = errors.New("not sent: its time was over before its turn came")

// onSchedule bounds every request by the deadline of its scheduled time. The
// attacker's own timeout starts when a request is sent, so a late one would be
// waited for too long.
type onSchedule struct {
	ctx      context.Context // ends all requests
	next     http.RoundTripper
	schedule schedule
	timeout  time.Duration
	sent     func(lag time.Duration)
}

// RoundTrip implements [http.RoundTripper].
func (t *onSchedule) RoundTrip(req *http.Request) (*http.Response, error) {
	n, err := strconv.ParseUint(req.Header.Get(seqHeader), 10, 64)
	if err != nil {
		return nil, err
	}
	due := t.schedule.at(n)
	lag := time.Since(due)
	t.sent(max(0, lag))
	if lag >= t.timeout {
		return nil, errUnsent
	}
	ctx, cancel := context.WithDeadline(t.ctx, due.Add(t.timeout))
	resp, err := t.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	resp.Body = &cancelOnClose{resp.Body, cancel}
	return resp, nil
}

// cancelOnClose keeps a request's context alive while its body is read.
type cancelOnClose struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *cancelOnClose) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// endingWith ends every dial with ctx. The transport detaches dials from the
// requests that asked for them, so without this they would outlive the load.
func endingWith(ctx context.Context, dial dialFunc) dialFunc {
	return func(request context.Context, network, addr string) (net.Conn, error) {
		both, cancel := context.WithCancel(request)
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()
		return dial(both, network, addr)
	}
}
