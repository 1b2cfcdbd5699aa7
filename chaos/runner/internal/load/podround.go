package load

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"time"
)

// try is one request on a connection of its own.
type try struct {
	why reason // reasonNone: a whole 2xx answer came in time
	// connect is from the first packet to the connection, wait from when the request
	// could be sent to the first byte of the answer, whole from the first packet to its
	// end, with the handshake of TLS. What was not reached is 0.
	connect, wait, whole time.Duration
	bytes                int64 // of the answer's body
	// offset is how far the pod's clock is ahead of this machine's, as the header Date of
	// its answer says, which is cut to whole seconds. It is set when dated.
	offset time.Duration
	dated  bool
}

// round asks a pod a few times at once, each time on a fresh connection: kept ones
// would get through a partition for as long as they are kept, and would not show
// what it takes to connect. It blocks until each try has its outcome, which is when
// ctx ends at the latest.
func (p *Pods) round(ctx context.Context, target netip.AddrPort) []try {
	tries := make([]try, podTries)
	var wg sync.WaitGroup
	for i := range tries {
		wg.Go(func() { tries[i] = p.try(ctx, target) })
	}
	wg.Wait()
	return tries
}

// try speaks HTTP by itself: it is certain to send nothing twice, and to see the
// first byte.
func (p *Pods) try(ctx context.Context, target netip.AddrPort) (t try) {
	start := time.Now()
	t.why = reasonConnect
	conn, err := p.dial(ctx, "tcp", target.String())
	if err != nil {
		return t
	}
	// The answer is all that is wanted of it; how it closes says nothing more.
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	t.connect = time.Since(start)

	t.why = reasonReset
	wire, ready := conn, t.connect
	if p.tls != nil {
		secured := tls.Client(conn, p.tls)
		// The connection's deadline ends it, as it ends all else.
		if err := secured.HandshakeContext(context.WithoutCancel(ctx)); err != nil {
			var untrusted *tls.CertificateVerificationError
			if errors.As(err, &untrusted) {
				t.why = reasonConnect
			}
			return t.failed(err)
		}
		wire, ready = secured, time.Since(start)
	}
	req := &http.Request{Method: http.MethodGet, URL: p.url, Host: p.url.Host, Header: p.credentials.header(), Close: true}
	if req.Header == nil {
		req.Header = http.Header{}
	}
	if user := p.url.User; user != nil {
		password, _ := user.Password() // none is an empty one
		req.SetBasicAuth(user.Username(), password)
	}
	if err := req.Write(wire); err != nil {
		return t.failed(err)
	}
	answer := bufio.NewReader(wire)
	if _, err := answer.Peek(1); err != nil {
		return t.failed(err)
	}
	t.wait = time.Since(start) - ready
	resp, err := http.ReadResponse(answer, req)
	if err != nil {
		return t.failed(err)
	}
	defer resp.Body.Close()
	if said, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		// The cut is half a second on the average.
		t.offset, t.dated = time.Until(said.Add(time.Second/2)), true
	}
	t.why = reasonCut
	if t.bytes, err = io.Copy(io.Discard, resp.Body); err != nil {
		return t.failed(err)
	}
	t.whole, t.why = time.Since(start), reasonNone
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		t.why = reasonStatus
	}
	return t
}

// failed is a try that ended with an error, for its own reason or because its time
// was over.
func (t try) failed(err error) try {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.why = reasonTimeout
	}
	return t
}
