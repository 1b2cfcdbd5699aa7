package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/once"
)

const (
	readyPeriod  = 500 * time.Millisecond
	readyTimeout = 400 * time.Millisecond
	// A busy machine gives one slow answer without being down; two in a row count.
	readyFailures = 2

	backendDialTimeout = 300 * time.Millisecond
	// Less than a client's second, so that the gateway's answer comes first.
	backendAnswerTimeout = 900 * time.Millisecond
	backendIdle          = 128 // connections kept per pod: closing and dialling anew would be load of our own making

	// Codes that are counted and never sent.
	codeClientClosed = "499" // the client went first
	codeCut          = "cut" // the pod's answer ended before its end

	noPod = "none"
)

// gateway spreads requests over ready pods, round robin, as a Service does: it
// sends each request once and hides nothing. Readiness is checked actively, on the
// path that requests take.
type gateway struct {
	logger  *slog.Logger
	metrics *gatewayMetrics
	buffers bufferPool
	next    atomic.Uint64
	list    atomic.Pointer[[]*backend] // the ready ones
	ctx     context.Context            //nolint:containedctx // the life of all checks; cancel ends it
	cancel  context.CancelFunc
	checks  sync.WaitGroup

	mu       sync.Mutex
	backends []*backend
}

// backend is one pod's endpoint.
type backend struct {
	pod       string
	address   string
	transport *once.Transport
	proxy     *httputil.ReverseProxy
	cancel    context.CancelFunc
	isReady   atomic.Bool
}

func newGateway(ctx context.Context, logger *slog.Logger) *gateway {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	g := &gateway{logger: logger, ctx: ctx, cancel: cancel}
	g.metrics = newGatewayMetrics()
	g.list.Store(&[]*backend{})
	return g
}

// add makes a pod an endpoint; it gets requests once a check has found it ready.
func (g *gateway) add(pod, address string) {
	dialer := net.Dialer{Timeout: backendDialTimeout}
	b := &backend{pod: pod, address: address, transport: once.New(&http.Transport{
		DialContext:           dialer.DialContext,
		ResponseHeaderTimeout: backendAnswerTimeout,
		MaxIdleConnsPerHost:   backendIdle,
		DisableCompression:    true, // pass on what the pod sends
	})}
	target := &url.URL{Scheme: "http", Host: address}
	b.proxy = &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(target); r.SetXForwarded() },
		Transport:    b.transport,
		BufferPool:   &g.buffers,
		ErrorHandler: g.failed,
		ErrorLog:     slog.NewLogLogger(g.logger.Handler(), slog.LevelDebug),
	}
	ctx, cancel := context.WithCancel(g.ctx)
	b.cancel = cancel
	g.mu.Lock()
	g.backends = append(g.backends, b)
	g.publish()
	g.mu.Unlock()
	g.checks.Go(func() { g.check(ctx, b) })
}

// remove takes a pod off the endpoints at once. Requests under way go on.
func (g *gateway) remove(pod string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, b := range g.backends {
		if b.pod == pod {
			b.cancel()
			b.transport.CloseIdleConnections()
		}
	}
	g.backends = slices.DeleteFunc(g.backends, func(b *backend) bool { return b.pod == pod })
	g.publish()
}

// ready says whether a pod gets requests.
func (g *gateway) ready(pod string) bool {
	for _, b := range *g.list.Load() {
		if b.pod == pod {
			return true
		}
	}
	return false
}

// publish renews the list of ready backends. The caller holds the lock.
func (g *gateway) publish() {
	var ready []*backend
	for _, b := range g.backends {
		if b.isReady.Load() {
			ready = append(ready, b)
		}
	}
	g.list.Store(&ready)
	g.metrics.backends.Set(float64(len(g.backends)))
	g.metrics.ready.Set(float64(len(ready)))
}

// check looks at one pod's readiness until ctx ends.
func (g *gateway) check(ctx context.Context, b *backend) {
	// A connection of its own each time, as a kubelet's probe has.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: readyTimeout}
	period := time.NewTicker(readyPeriod)
	defer period.Stop()
	quick := time.NewTicker(20 * time.Millisecond) // until it is up: its start should not wait for a period
	defer quick.Stop()
	failures := 0
	for born := time.Now(); ; {
		err := probe(ctx, client, "http://"+b.address+"/readyz")
		if ctx.Err() != nil {
			return
		}
		result := "ready"
		if err != nil {
			result = "not_ready"
		}
		g.metrics.checks.WithLabelValues(b.pod, result).Inc()
		was := b.isReady.Load()
		switch {
		case err == nil:
			failures = 0
			g.setReady(ctx, b, true)
		default:
			failures++
			if failures >= readyFailures {
				g.setReady(ctx, b, false)
			}
		}
		if is := b.isReady.Load(); is != was {
			g.logger.Info("readiness changed", "pod", b.pod, "ready", is, "error", err)
			quick.Stop()
		}
		if time.Since(born) > 5*time.Second {
			quick.Stop()
		}
		select {
		case <-period.C:
		case <-quick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (g *gateway) setReady(ctx context.Context, b *backend, ready bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if ctx.Err() == nil && b.isReady.Swap(ready) != ready {
		g.publish()
	}
}

// probe is nil when the URL answers with a 2xx.
func probe(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20)); err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("status %d", res.StatusCode)
	}
	return nil
}

// ServeHTTP passes the request to the next ready pod.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	rec := &recorder{ResponseWriter: w, cut: true}
	pod := noPod
	// An answer that is cut makes the proxy panic, so that the client's is cut, too.
	defer func() { g.metrics.observe(pod, rec.outcome(r.Context()), time.Since(start)) }()
	if ready := *g.list.Load(); len(ready) > 0 {
		b := ready[g.next.Add(1)%uint64(len(ready))]
		pod = b.pod
		b.proxy.ServeHTTP(rec, r)
	} else {
		http.Error(rec, "no pod is ready", http.StatusServiceUnavailable)
	}
	rec.cut = false
}

// failed answers for a pod that did not.
func (g *gateway) failed(w http.ResponseWriter, r *http.Request, err error) {
	var timeout net.Error
	code := http.StatusBadGateway
	if errors.As(err, &timeout) && timeout.Timeout() {
		code = http.StatusGatewayTimeout
	}
	g.logger.Debug("request failed", "path", r.URL.Path, "error", err)
	w.WriteHeader(code)
}

// close ends the checks and the connections to the pods.
func (g *gateway) close() {
	g.cancel()
	g.checks.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, b := range g.backends {
		b.cancel()
		b.transport.CloseIdleConnections()
	}
}

// recorder remembers what became of an answer.
type recorder struct {
	http.ResponseWriter
	code   int
	cut    bool  // the pod's answer did not come to its end
	failed error // to write to the client
}

// WriteHeader remembers and passes on.
func (r *recorder) WriteHeader(code int) {
	if code >= 200 { // 1xx are on the way only
		r.code = code
	}
	r.ResponseWriter.WriteHeader(code)
}

// Write implements [http.ResponseWriter].
func (r *recorder) Write(p []byte) (int, error) {
	n, err := r.ResponseWriter.Write(p)
	if err != nil {
		r.failed = err
	}
	return n, err
}

// Unwrap lets a ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// outcome is the code that is counted. ctx is the client's: when it has ended, an
// answer that failed did so because the client went first.
func (r *recorder) outcome(ctx context.Context) string {
	left := ctx.Err() != nil || r.failed != nil
	switch {
	case left && (r.cut || r.code == 0 || r.code/100 == 5):
		return codeClientClosed
	case r.cut:
		return codeCut
	case r.code == 0:
		return strconv.Itoa(http.StatusOK)
	}
	return strconv.Itoa(r.code)
}
