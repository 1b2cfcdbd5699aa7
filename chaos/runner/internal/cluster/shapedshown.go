package cluster

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	"github.com/docker/go-units"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// A round of the prober is so many requests at once, which share a narrow link. Its
// answers have to need a time that stands out from what a busy machine adds.
const (
	roundTries  = 5
	leastNarrow = 0.1 // seconds that a limit has to cost
	narrowShare = 0.8 // of these, which have to be seen
	// trips that each delay a whole request: to connect, to ask, and to open TCP's window.
	trips = 3
	// longestRound is what the prober spends on one at the most, in seconds.
	longestRound = 10
)

// narrow is a limit of what a pod may send.
type narrow struct {
	rate  float64 // bytes per second
	burst float64 // bytes that pass at once
	// lossy is true where packets are lost or damaged, too: the slowest request of a
	// round says nothing about the rate then, and the fastest is looked at.
	lossy bool
	delay float64 // seconds that each packet is late, by the same fault
	text  string  // the rate as it is written
}

// narrowOf is the limit that a NetworkChaos sets; false when it sets none.
func narrowOf(s v1alpha1.NetworkChaosSpec) (narrow, bool, error) {
	n := narrow{lossy: s.Loss != nil || s.Corrupt != nil}
	switch {
	case s.Action == v1alpha1.BandwidthAction && s.Bandwidth != nil:
		n.text, n.burst = s.Bandwidth.Rate, float64(s.Bandwidth.Buffer)
	case s.Action != v1alpha1.BandwidthAction && s.Rate != nil:
		n.text = s.Rate.Rate
	default:
		return n, false, nil
	}
	var err error
	if n.rate, err = fault.ParseRate(n.text); err != nil {
		return n, true, err
	}
	if s.Delay != nil {
		late, err := time.ParseDuration(s.Delay.Latency)
		if err != nil {
			return n, true, err
		}
		jitter, err := time.ParseDuration(s.Delay.Jitter)
		if err != nil {
			jitter = 0 // none is given
		}
		n.delay = trips * (late + jitter).Seconds()
	}
	return n, true, nil
}

// statistic is the request of a round that is looked at, and the bytes that have to pass
// for it: those of all of a round for the slowest, its own for the fastest.
func (n narrow) statistic(round float64) (name string, bytes float64) {
	if n.lossy {
		return "min", round / roundTries
	}
	return "max", round
}

// costs is how long the limit holds up a round of so many bytes at the least.
func (n narrow) costs(round float64) float64 {
	_, bytes := n.statistic(round)
	return max(0, bytes-n.burst) / n.rate
}

// visible returns an error that wraps fault.ErrNotInjectable when the limit costs a round
// of so many bytes, which takes so many seconds without it, too little to be seen.
func (n narrow) visible(pod string, round, was float64) error {
	least := max(leastNarrow, 2*was)
	_, bytes := n.statistic(round)
	mend := fmt.Sprintf("have the prober ask for more, by pods.path of the chart probe, so that more than the %s of a round have to pass", units.HumanSize(bytes))
	switch cost := n.costs(round); {
	case round == 0:
		return fmt.Errorf("%w: the prober got no byte from pod %s in its last round, so that a limit of %s cannot be seen; repair that first", fault.ErrNotInjectable, pod, n.text)
	case bytes <= n.burst:
		return fmt.Errorf("%w: a buffer of %s lets all of the %s pass at once that the prober asks of pod %s; give a smaller buffer, or %s", fault.ErrNotInjectable, units.HumanSize(n.burst), units.HumanSize(bytes), pod, mend)
	case cost < least:
		most := math.Floor((bytes - n.burst) / least / 1000)
		return fmt.Errorf("%w: a limit of %s costs a round of the prober to pod %s %s, and less than %s cannot be told from what a round takes anyway; give a rate of at most %.0fkbps, or %s",
			fault.ErrNotInjectable, n.text, pod, millis(cost), millis(least), max(1, most), mend)
	}
	return nil
}

// narrowable returns an error that wraps fault.ErrNotInjectable when the limit that the
// fault sets cannot be seen at one of its targets.
func (t *Target) narrowable(ctx context.Context, f fault.Planned, s v1alpha1.NetworkChaosSpec) error {
	n, ok, err := narrowOf(s)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", fault.ErrNotInjectable, err)
	case !ok:
		return nil
	case s.Direction == v1alpha1.From:
		return fmt.Errorf("%w: what the pods send is not limited with direction from, and what the prober sends is too little to show a limit; use direction to", fault.ErrNotInjectable)
	}
	for _, hit := range f.Targets {
		pod := podSeries(hit)
		round, err := t.earlier(ctx, roundBytes(pod), time.Time{})
		if err != nil {
			return fmt.Errorf("%w: how many bytes a round of the prober to pod %s needs is not measured: %w; the chart probe measures it", fault.ErrNotInjectable, hit.Pod, err)
		}
		statistic, _ := n.statistic(round)
		was, err := t.earlier(ctx, wholeTime(pod, statistic), time.Time{})
		if err != nil {
			return fmt.Errorf("%w: how long a round of the prober to pod %s takes is not measured: %w; the chart probe measures it", fault.ErrNotInjectable, hit.Pod, err)
		}
		if err := n.visible(hit.Pod, round, was); err != nil {
			return err
		}
	}
	return nil
}

func podSeries(hit fault.Target) string {
	return fmt.Sprintf("namespace=%q,pod=%q", hit.Namespace, hit.Pod)
}

func roundBytes(pod string) string { return "probe_pod_answer_bytes{" + pod + "}" }

func wholeTime(pod, statistic string) string {
	return fmt.Sprintf("probe_pod_duration_seconds{statistic=%q,%s}", statistic, pod)
}

// narrowed says whether the bytes of a round take as long as the limit makes them.
func (t *Target) narrowed(ctx context.Context, before snapshot, pod string, n narrow) effect {
	round, err := t.earlier(ctx, roundBytes(pod), before.at)
	if err != nil {
		return unmeasured("how many bytes a round needed before the fault", err)
	}
	statistic, bytes := n.statistic(round)
	was, err := t.earlier(ctx, wholeTime(pod, statistic), before.at)
	if err != nil {
		return unmeasured("how long a round took before the fault", err)
	}
	failed, err := t.reading(ctx, `probe_pod_requests{outcome="error",`+pod+"}", before.at)
	if err != nil {
		return unmeasured("whether requests to the pod fail", err)
	}
	if failed > 0 && !n.lossy {
		return t.cutShort(ctx, before, pod, n, round, failed)
	}
	is, err := t.reading(ctx, wholeTime(pod, statistic), before.at)
	if err != nil {
		return unmeasured("how long a round takes", err)
	}
	now, err := t.reading(ctx, roundBytes(pod), before.at)
	if err != nil {
		return unmeasured("how many bytes a round needs", err)
	}
	// The answer may have become another one since.
	if _, fewer := n.statistic(now); !n.lossy {
		bytes = min(bytes, fewer)
	}
	cost := max(0, bytes-n.burst) / n.rate
	text := fmt.Sprintf("%s from the pod's address take %s, where they took %s before; at %s they need %s at least", units.HumanSize(bytes), millis(is), millis(was), n.text, millis(cost))
	// A round that was slow before may have been so while the link was idle: half counts.
	shown := cost > 0 && is >= narrowShare*cost+n.delay && is-was >= narrowShare*cost/2+n.delay
	return effect{shown: shown, text: text}
}

// cutShort says whether a round ended before its bytes had passed, because of the limit
// and for no other reason: every failure is that of time, and what did pass fits the rate.
func (t *Target) cutShort(ctx context.Context, before snapshot, pod string, n narrow, round, failed float64) effect {
	late, err := t.reading(ctx, `probe_pod_failures{reason="timeout",`+pod+"}", before.at)
	if err != nil {
		return unmeasured("why requests to the pod fail", err)
	}
	got, err := t.reading(ctx, roundBytes(pod), before.at)
	if err != nil {
		return unmeasured("how many bytes a round got", err)
	}
	text := fmt.Sprintf("of the %s of a round from the pod's address %s came before its time was over, where all did before; at %s at most %s can",
		units.HumanSize(round), units.HumanSize(got), n.text, units.HumanSize(n.burst+n.rate*longestRound))
	switch {
	case late < failed:
		return unseen("%g of %g failed requests to the pod's address failed for another reason than time", failed-late, failed)
	case got == 0:
		return unseen("no byte came from the pod's address before the time of a round was over, as in a partition; give a higher rate than %s", n.text)
	}
	return effect{shown: got <= (1-narrowShare/2)*round && got <= n.burst+n.rate*longestRound, text: text}
}
