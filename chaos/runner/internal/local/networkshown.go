package local

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"
)

const (
	// A path with a limit lets through 60% to 130% of the limit: a window holds a
	// piece more or less, and a busy machine's clients take a little less.
	rateLeast, rateMost = 0.6, 1.3

	mostDelaySamples = 100
	delayWidth       = baselineSamples // requests at a time, as many on the path as beside it

	// delaySure is by how many standard errors a path must be slower than one with
	// half of the delay.
	delaySure = 2
)

// observe measures the path from the client's side, and at the same time a twin of
// it that no fault touches: what slows both is the machine. Every part of the fault
// must show, on one and the same process.
func (f *networkFault) observe(ctx context.Context) observation {
	began := time.Now()
	defer func() { f.series.last = time.Now() }() // the look, not its part, is what others follow
	if f.before.err != nil {
		return unseen("%s", f.before.err)
	}
	c := f.pod.state().container
	if c == nil {
		return unseen("pod %s runs no container to compare its path with", f.pod.name)
	}
	twin, err := newProxy(ctx, f.pod.name+" beside its path")
	if err != nil {
		return unseen("%s", err)
	}
	defer twin.close() //nolint:errcheck // its port is free either way
	twin.setUpstream(c.address)

	o := f.parts(ctx, twin, began)
	// When the process ends meanwhile, requests fail because of that, not of the path.
	if o.shown && (f.pod.state().container != c || !c.alive()) {
		return unseen("%s ended during the measurement (%s)", c, o.text)
	}
	return o
}

// parts looks at each part of the fault, at a look that began at the time given.
func (f *networkFault) parts(ctx context.Context, twin *proxy, began time.Time) observation {
	others := f.others()
	if f.cut != uncut {
		return f.cutShown(ctx, twin, others)
	}
	switch {
	case others.cut != uncut:
		return unseen("another fault cuts the pod's path: nothing comes through that could be measured")
	case f.loss > 0 && f.jitter+others.jitter > maxJitterBesideLoss:
		return unseen("the path's jitter of %s together hides a retransmission (%s)", f.jitter+others.jitter, rto)
	case others.rate > 0 && others.rate < minRateBeside && (f.latency > 0 || f.loss > 0):
		return unseen("another fault limits the path to %s/s: its queue cannot be distinguished from delay or loss", inUnits(others.rate))
	}
	out := observation{shown: true}
	var texts []string
	take := func(o observation) {
		out.shown = out.shown && o.shown
		texts = append(texts, o.text)
	}
	if f.latency > 0 {
		take(f.lookAtDelay(ctx, twin, others))
	}
	if f.loss > 0 {
		n := lossSamples(f.loss)
		path, beside := f.sample(ctx, twin, others, requests{n, lossWidth}, requests{max(baselineSamples, n/4), lossWidth / 4})
		take(f.lossShown(began, path, beside, others))
	}
	if f.rate > 0 {
		take(f.rateShown(ctx, twin))
	}
	out.text = strings.Join(texts, "; ")
	return out
}

// requests are n of them, at most wide at a time.
type requests struct{ n, wide int }

// sample asks on the path and beside it at the same time.
func (f *networkFault) sample(ctx context.Context, twin *proxy, others network, onPath, besideIt requests) (path, beside []sample) {
	// The path's own delay is no reason for a time-out; a second retransmission is.
	timeout := f.before.median + f.latency + f.jitter + others.latency + others.jitter + unreachableWithin + rto
	var wg sync.WaitGroup
	wg.Go(func() { beside = samples(ctx, twin.address(), besideIt.n, besideIt.wide, timeout) })
	path = samples(ctx, f.pod.proxy.address(), onPath.n, onPath.wide, timeout)
	wg.Wait()
	return path, beside
}

// delaySamples is how many requests bring the error of their median, which grows
// with the jitter, down to a twelfth of the delay.
func delaySamples(n network) int {
	if n.latency <= 0 {
		return 0
	}
	spread := min(1, float64(n.jitter)/float64(n.latency))
	least := min(mostDelaySamples, max(baselineSamples, int(math.Ceil(144*spread*spread))))
	// So many must come through without a loss.
	return int(math.Ceil(float64(least) / (1 - n.loss)))
}

// lookAtDelay measures the path beside a twin that has half of the delay, and all
// else that acts on the path. So whatever a busy machine adds to a delay, it adds to
// both.
func (f *networkFault) lookAtDelay(ctx context.Context, twin *proxy, others network) observation {
	half := others.with(f.network)
	half.rate = 0 // it is no matter of single requests
	half.latency -= f.latency / 2
	half.jitter -= f.jitter / 2
	for _, e := range half.effects("half") {
		if err := twin.add(e); err != nil {
			return unseen("%s", err)
		}
		defer twin.remove(e.name)
	}
	ask := requests{delaySamples(f.network), delayWidth}
	path, beside := f.sample(ctx, twin, others, ask, ask)
	return delayShown(path, beside, f.before.fast, f.network, half.loss)
}

// delayShown compares the requests that were not lost with those on a path with half
// of the delay, and with the fast ones before the fault.
func delayShown(path, half []sample, before time.Duration, own network, loss float64) observation {
	q := (1 - loss) / 2 // the median of those that were not lost
	now, nowSpread, someNow := middle(path, q)
	twin, twinSpread, someTwin := middle(half, q)
	// The error of a median is 0.93 of the distance of the quartiles by the root of n.
	doubt := time.Duration(delaySure * 0.93 * math.Hypot(float64(nowSpread)/math.Sqrt(float64(len(path))), float64(twinSpread)/math.Sqrt(float64(len(half)))))
	more := now - twin
	want := max(own.latency/4, doubt)
	text := fmt.Sprintf("median latency %s now, %s beside the path with half of the delay, %s before: %s more, over %s wanted",
		round(now), round(twin), round(before), round(more), round(want))
	if !someNow || !someTwin {
		return unseen("%s: too few of %d requests were answered", text, len(path))
	}
	return observation{shown: more > want && now-before > own.latency*3/4, text: text}
}

// middle is the quantile q of all requests and the distance from half of q to half
// as much again: of the quartiles, where q is the median; false without an answer there.
func middle(ss []sample, q float64) (v, spread time.Duration, ok bool) {
	low, _ := quantileOfAll(ss, q/2)
	v, some := quantileOfAll(ss, q)
	high, all := quantileOfAll(ss, q*3/2)
	return v, high - low, some && all
}

// rateShown saturates the path and compares what comes out of it with the limit.
func (f *networkFault) rateShown(ctx context.Context, twin *proxy) observation {
	wide := bulkWide
	if f.loss > 0 {
		wide = 4 * bulkWide // each waits for its retransmissions
	}
	now := throughput(ctx, f.pod.proxy, wide, bulkSettle, bulkWindow)
	beside := throughput(ctx, twin, bulkWide, 0, bulkGlance)
	text := fmt.Sprintf("%s/s before, %s/s now, %s/s beside the path, at a limit of %s/s",
		inUnits(f.before.throughput), inUnits(now), inUnits(beside), inUnits(f.rate))
	if min(f.before.throughput, beside) < rateMost*f.rate {
		return unseen("%s: the path is slower than the limit anyway", text)
	}
	return observation{shown: now >= rateLeast*f.rate && now <= rateMost*f.rate, text: text}
}

// cutShown is true when the pod answers nobody on its path in the way in which it
// was cut, and its process answers beside it, before and after: so it is the path.
func (f *networkFault) cutShown(ctx context.Context, twin *proxy, others network) observation {
	// A loss of half, or of most, lets one of so many through.
	const n = 8
	answers := func() (time.Duration, bool) {
		m, ok := median(samples(ctx, twin.address(), 1, 1, unreachableWithin))
		return m, ok > 0
	}
	took, ok := answers()
	if !ok {
		return unseen("the process itself does not answer")
	}
	// Another fault's delay is not silence.
	within := unreachableWithin + others.latency + others.jitter
	var (
		wg       sync.WaitGroup
		up, down bool
		crossErr error
	)
	wg.Go(func() { up, down, crossErr = f.pod.proxy.crossing(ctx, within) })
	path := samples(ctx, f.pod.proxy.address(), n, n, within)
	wg.Wait()
	if crossErr != nil {
		return unseen("%s", crossErr)
	}
	for _, s := range path {
		switch {
		case s.err == nil:
			return unseen("requests were answered on the pod's path")
		case f.cut == drop && !timedOut(s.err):
			return unseen("a request on the pod's path was not swallowed: %s", plain(s.err))
		case f.cut == reject && plain(s.err) != reset:
			return unseen("a request on the pod's path was not reset: %s", plain(s.err))
		}
	}
	through := map[string]bool{upstream: up, downstream: down}
	for _, s := range f.streams {
		if through[s] {
			return unseen("data still pass %s", s)
		}
	}
	if _, ok := answers(); !ok {
		return unseen("the process itself does not answer any more")
	}
	text := fmt.Sprintf("%d of %d requests on the pod's path failed (%s within %s), no data pass %s, while the process itself answers in %s",
		n, n, plain(path[0].err), within, strings.Join(f.streams, " or "), round(took))
	if f.latency > 0 || f.rate > 0 {
		text += "; what else the fault does, it does to data that never arrive"
	}
	return seen("%s", text)
}
