package load

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/once"
)

// seqHeader carries a request's sequence number from the attacker to its transport.
const seqHeader = "X-Vegeta-Seq"

var errUnsent = errors.New("not sent: its time was over before its turn came")

// onSchedule bounds every request by the deadline of its scheduled time, and
// keeps the ledger informed of how far each has come. The attacker's own timeout
// starts when a request is sent, so a late one would be waited for too long.
type onSchedule struct {
	ctx  context.Context //nolint:containedctx // ends all requests
	next http.RoundTripper
	book *ledger
	sent func(lag time.Duration)
}

// RoundTrip implements [http.RoundTripper].
func (t *onSchedule) RoundTrip(req *http.Request) (*http.Response, error) {
	n, err := strconv.ParseUint(req.Header.Get(seqHeader), 10, 64)
	if err != nil {
		return nil, err
	}
	due := t.book.at(n)
	lag := time.Since(due)
	t.sent(max(0, lag))
	if lag >= t.book.timeout {
		return nil, errUnsent
	}
	mark := func(why reason) { t.book.mark(n, why, time.Now()) }
	ctx, cancel := context.WithDeadline(t.ctx, due.Add(t.book.timeout))
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { mark(reasonConnect) },
		WroteHeaders: func() { mark(reasonTimeout) },
	})
	resp, err := t.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel()
		if errors.Is(err, once.ErrLost) {
			mark(reasonReset)
		}
		return nil, err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		mark(reasonStatus)
	}
	resp.Body = &answer{resp.Body, mark, cancel}
	return resp, nil
}

// answer is a body that marks its request when it is cut, and that keeps the
// request's context alive while it is read.
type answer struct {
	io.ReadCloser
	mark   func(reason)
	cancel context.CancelFunc
}

// Read implements [io.Reader].
func (a *answer) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, context.DeadlineExceeded) {
		a.mark(reasonCut)
	}
	return n, err
}

// Close implements [io.Closer].
func (a *answer) Close() error {
	defer a.cancel()
	return a.ReadCloser.Close()
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
