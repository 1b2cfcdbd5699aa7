package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	// samplePath answers without work of its own: what it takes is the path's time.
	samplePath = "/healthz"
	// bulkPath answers with the most bytes.
	bulkPath = "/metrics"

	baselineSamples   = 9
	unreachableWithin = 500 * time.Millisecond // a path that is silent for so long is cut

	bulkWide   = 4                      // fetches at a time
	bulkSettle = 250 * time.Millisecond // until what may pass at once has passed
	bulkWindow = time.Second
	bulkGlance = 250 * time.Millisecond // is enough for an unlimited path
)

// podBaseline is a pod before the fault, measured as it is measured later.
type podBaseline struct {
	median     time.Duration // of a request on a connection of its own
	fast       time.Duration // of the fast quarter of them, at most
	throughput float64       // bytes per second
	cpu        cpuTime       // of the pod's process in a second
	err        error         // why there is none
}

var errNoBaseline = errors.New("the pod was not measured before the fault")

// pathClient asks through a pod's proxy, on a new connection each time, as a
// fault may be different for each connection.
func pathClient(timeout time.Duration) *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}, Timeout: timeout}
}

// sample is one request: how long it took, or why it failed.
type sample struct {
	took time.Duration
	err  error
}

// samples sends n requests, at most wide at a time, and waits for all of them.
func samples(ctx context.Context, address string, n, wide int, timeout time.Duration) []sample {
	client := pathClient(timeout)
	out := make([]sample, n)
	turn := make(chan int)
	var wg sync.WaitGroup
	for range min(n, wide) {
		wg.Go(func() {
			for i := range turn {
				start := time.Now()
				err := probe(ctx, client, "http://"+address+samplePath)
				out[i] = sample{time.Since(start), err}
			}
		})
	}
	for i := range n {
		turn <- i
	}
	close(turn)
	wg.Wait()
	return out
}

// quantile of the requests that were answered (q in [0, 1]), and how many were.
func quantile(ss []sample, q float64) (time.Duration, int) {
	var took []time.Duration
	for _, s := range ss {
		if s.err == nil {
			took = append(took, s.took)
		}
	}
	if len(took) == 0 {
		return 0, 0
	}
	slices.Sort(took)
	return took[min(len(took)-1, int(q*float64(len(took))))], len(took)
}

// quantileOfAll counts requests without an answer as slower than all others; false
// when the quantile falls on one of those.
func quantileOfAll(ss []sample, q float64) (time.Duration, bool) {
	i := int(q * float64(len(ss)))
	_, answered := median(ss)
	if i >= answered {
		return 0, false
	}
	v, _ := quantile(ss, (float64(i)+0.5)/float64(answered))
	return v, true
}

// median of the requests that were answered, and how many were.
func median(ss []sample) (time.Duration, int) { return quantile(ss, 0.5) }

// lastError of the requests that failed; nil when none did.
func lastError(ss []sample) error {
	for _, s := range slices.Backward(ss) {
		if s.err != nil {
			return s.err
		}
	}
	return nil
}

// wanted is what a pod's baseline must hold.
type wanted struct{ path, bulk, cpu bool }

// measureBaseline measures a healthy pod.
func measureBaseline(ctx context.Context, p *pod, w wanted) podBaseline {
	var b podBaseline
	if w.path {
		all := samples(ctx, p.proxy.address(), baselineSamples, 3, time.Second)
		m, n := median(all)
		if n <= baselineSamples/2 {
			return podBaseline{err: fmt.Errorf("%w: %d of %d requests to pod %s were answered (%w)", errNoBaseline, n, baselineSamples, p.name, lastError(all))}
		}
		b.median = m
		b.fast, _ = quantile(all, 0.25)
	}
	if w.bulk {
		b.throughput = throughput(ctx, p.proxy, bulkWide, 0, bulkGlance)
	}
	if w.cpu {
		c := p.state().container
		if c == nil {
			return podBaseline{err: fmt.Errorf("%w: pod %s runs no container", errNoBaseline, p.name)}
		}
		used, err := cpuUse(ctx, cpuWindow, c.pid)
		if err != nil {
			return podBaseline{err: fmt.Errorf("%w: %w", errNoBaseline, err)}
		}
		b.cpu = used[0]
	}
	return b
}

// timedOut says whether a request was left without an answer, rather than refused.
func timedOut(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

const reset = "connection reset"

// plain says what a failed request means for the path.
func plain(err error) string {
	switch {
	case timedOut(err):
		return "no answer"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF):
		return reset
	}
	return err.Error()
}

// throughput is how many bytes a second come out of a path, those of everybody
// who uses it, while bulk answers are fetched so many at a time. It is measured
// over the window that follows the settling time.
func throughput(ctx context.Context, path *proxy, wide int, settle, window time.Duration) float64 {
	ctx, cancel := context.WithTimeout(ctx, settle+window)
	defer cancel()
	client := pathClient(0)
	var wg sync.WaitGroup
	for range wide {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := fetch(ctx, client, "http://"+path.address()+bulkPath); err != nil {
					return // the end of ctx, or a path that does not work: the sum says it
				}
			}
		})
	}
	defer wg.Wait()
	pause(ctx, settle)
	began, before := time.Now(), path.delivered.Load()
	<-ctx.Done()
	return float64(path.delivered.Load()-before) / time.Since(began).Seconds()
}

// pause waits, or until ctx is done.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func fetch(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

// round cuts digits that mean nothing.
func round(d time.Duration) time.Duration {
	if d >= 10*time.Millisecond {
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}

// inUnits writes bytes for people, in tc's decimal units.
func inUnits(b float64) string {
	switch {
	case b >= 1e6:
		return fmt.Sprintf("%.1f MB", b/1e6)
	case b >= 1e3:
		return fmt.Sprintf("%.1f kB", b/1e3)
	}
	return fmt.Sprintf("%.0f B", b)
}
