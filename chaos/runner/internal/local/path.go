package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// samplePath answers without work of its own: what it takes is the path's time.
	samplePath = "/healthz"
	// bulkPath answers with the most bytes.
	bulkPath = "/metrics"

	baselineSamples   = 9
	unreachableWithin = 500 * time.Millisecond // a path that is silent for so long is cut
	bulkFor           = time.Second
)

// pathBaseline is a pod's path before the fault, measured as it is measured later.
type pathBaseline struct {
	median     time.Duration // of a request on a connection of its own
	throughput float64       // bytes per second
	err        error         // why there is none
}

var errNoBaseline = errors.New("the path was not measured before the fault")

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

// median of the requests that were answered, and how many were.
func median(ss []sample) (time.Duration, int) {
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
	return took[len(took)/2], len(took)
}

// lastError of the requests that failed; nil when none did.
func lastError(ss []sample) error {
	for _, s := range slices.Backward(ss) {
		if s.err != nil {
			return s.err
		}
	}
	return nil
}

// measureBaseline measures a healthy path; bulk asks for its throughput, too.
func measureBaseline(ctx context.Context, p *pod, bulk bool) pathBaseline {
	all := samples(ctx, p.proxy.address(), baselineSamples, 3, time.Second)
	m, n := median(all)
	if n <= baselineSamples/2 {
		return pathBaseline{err: fmt.Errorf("%w: %d of %d requests to pod %s were answered (%w)", errNoBaseline, n, baselineSamples, p.name, lastError(all))}
	}
	b := pathBaseline{median: m}
	if bulk {
		bytes, took := transfer(ctx, p.proxy.address(), 0, bulkFor/4)
		b.throughput = float64(bytes) / took.Seconds()
	}
	return b
}

// beside asks on the pod's path and, at the same time and as often, the process
// itself. What slows both is the machine, not the path.
func beside(ctx context.Context, p *pod, n, wide int, timeout time.Duration) (path, direct []sample, err error) {
	c := p.state().container
	if c == nil {
		return nil, nil, fmt.Errorf("pod %s runs no container to compare its path with", p.name)
	}
	var wg sync.WaitGroup
	wg.Go(func() { direct = samples(ctx, c.address, n, wide, timeout) })
	path = samples(ctx, p.proxy.address(), n, wide, timeout)
	wg.Wait()
	return path, direct, nil
}

// delayShown compares the median of own requests on the path with the one before
// the fault, and with that of requests beside the path now.
func delayShown(ctx context.Context, p *pod, before pathBaseline, latency, jitter time.Duration) (bool, string) {
	if before.err != nil {
		return false, before.err.Error()
	}
	timeout := before.median + latency + jitter + time.Second
	path, direct, err := beside(ctx, p, baselineSamples, baselineSamples, timeout)
	if err != nil {
		return false, err.Error()
	}
	m, n := median(path)
	d, asMany := median(direct)
	added := m - max(before.median, d)
	want := delayWanted(latency, jitter)
	seen := fmt.Sprintf("median latency %s before, %s now, %s beside the path: %s added, at least %s wanted, %d of %d requests answered",
		round(before.median), round(m), round(d), round(added), round(want), n, baselineSamples)
	return n > baselineSamples/2 && asMany > baselineSamples/2 && added >= want, seen
}

// delayWanted is the least median delay that proves a delay: 80% of what even
// the luckiest packet gets, but at least half of the mean, for a jitter as large
// as the latency would else prove itself by nothing.
func delayWanted(latency, jitter time.Duration) time.Duration {
	return max((latency-jitter)*8/10, latency/2)
}

// lossShown looks for requests that a retransmission made late, more of them than
// are as late beside the path.
func lossShown(ctx context.Context, p *pod, before pathBaseline, probability float64) (bool, string) {
	if before.err != nil {
		return false, before.err.Error()
	}
	if before.median > rto/2 {
		return false, fmt.Sprintf("the path took %s in the median before: too slow to tell a retransmission (%s) from it", round(before.median), rto)
	}
	n := lossSamples(probability)
	path, direct, err := beside(ctx, p, n, 32, unreachableWithin+rto)
	if err != nil {
		return false, err.Error()
	}
	late := func(ss []sample) int {
		k := 0
		for _, s := range ss {
			if s.err != nil || s.took >= before.median/2+rto {
				k++
			}
		}
		return k
	}
	slow, other := late(path), late(direct)
	share := float64(slow-other) / float64(n)
	seen := fmt.Sprintf("%d of %d requests (%.0f%%) were late by a retransmission (%s or more) at a loss of %.3g%%, %d beside the path; median before %s",
		slow, n, 100*float64(slow)/float64(n), rto, 100*probability, other, round(before.median))
	return slow > other && share >= probability/3, seen
}

// lossSamples is how many requests show at least one loss with a probability of
// 99%, within what one look may cost.
func lossSamples(probability float64) int {
	n := int(math.Ceil(math.Log(0.01) / math.Log(1-probability)))
	return min(max(n, 12), 200)
}

// partitionShown is true when the pod answers nobody on its path and yet its
// process answers when asked beside it: so it is the path.
func partitionShown(ctx context.Context, p *pod, before pathBaseline) (bool, string) {
	if before.err != nil {
		return false, before.err.Error()
	}
	const n = 2
	var last error
	answered := 0
	for _, s := range samples(ctx, p.proxy.address(), n, n, unreachableWithin) {
		if s.err == nil {
			answered++
		} else {
			last = s.err
		}
	}
	if answered > 0 {
		return false, fmt.Sprintf("%d of %d requests were answered on the pod's path", answered, n)
	}
	seen := fmt.Sprintf("%d of %d requests on the pod's path failed (%s)", n, n, plain(last))
	c := p.state().container
	if c == nil {
		return false, seen + ", but the pod's container does not run either"
	}
	m, ok := median(samples(ctx, c.address, 1, 1, unreachableWithin))
	if ok == 0 {
		return false, seen + ", but the process itself does not answer either"
	}
	return true, fmt.Sprintf("%s, while the process itself answers in %s", seen, round(m))
}

// plain says in one word what a failed request means for the path.
func plain(err error) string {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return "no answer within " + unreachableWithin.String()
	}
	return "connection reset"
}

// bandwidthShown compares the throughput of own transfers with the limit.
func bandwidthShown(ctx context.Context, p *pod, before pathBaseline, perSecond float64, burst int) (bool, string) {
	if before.err != nil {
		return false, before.err.Error()
	}
	const tolerance = 1.3
	// What passes at once must not count, and a second's worth is enough.
	bytes, took := transfer(ctx, p.proxy.address(), burst+int(perSecond), bulkFor)
	now := math.Max(0, float64(bytes-burst)) / took.Seconds()
	seen := fmt.Sprintf("%s/s before, %s/s now beyond the first %s, at a limit of %s/s (%s in %s)",
		size(before.throughput), size(now), size(float64(burst)), size(perSecond), size(float64(bytes)), round(took))
	if before.throughput < tolerance*perSecond {
		return false, seen + ": the path is slower than the limit anyway"
	}
	// A transfer within the burst shows nothing, unless nothing more came.
	return took >= bulkFor/2 && now <= tolerance*perSecond, seen
}

// transfer fetches bulk answers, four at a time, until enough bytes (0: no end)
// or the time given have gone by. It counts bytes as they come.
func transfer(ctx context.Context, address string, enough int, most time.Duration) (int, time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	client := pathClient(0)
	var (
		mu    sync.Mutex
		total int
		wg    sync.WaitGroup
	)
	count := countFunc(func(n int) {
		mu.Lock()
		defer mu.Unlock()
		total += n
		if enough > 0 && total >= enough {
			cancel()
		}
	})
	start := time.Now()
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := fetch(ctx, client, "http://"+address+bulkPath, count); err != nil {
					return // the end of ctx, or a path that does not work: the sum says it
				}
			}
		})
	}
	wg.Wait()
	return total, time.Since(start)
}

func fetch(ctx context.Context, client *http.Client, url string, w io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(w, res.Body)
	return err
}

// countFunc is a writer that counts.
type countFunc func(n int)

// Write counts.
func (f countFunc) Write(b []byte) (int, error) {
	f(len(b))
	return len(b), nil
}

// round cuts digits that mean nothing.
func round(d time.Duration) time.Duration {
	if d >= 10*time.Millisecond {
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}

// size writes bytes for people, in tc's decimal units.
func size(b float64) string {
	switch {
	case b >= 1e6:
		return fmt.Sprintf("%.1f MB", b/1e6)
	case b >= 1e3:
		return fmt.Sprintf("%.1f kB", b/1e3)
	}
	return fmt.Sprintf("%.0f B", b)
}
