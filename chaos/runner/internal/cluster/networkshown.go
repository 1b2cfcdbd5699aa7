package cluster

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// The far ends of traffic from which a pod is watched, by the name in their labels.
const (
	watchedByProbe      = "probe"      // asks each pod by its address
	watchedByPrometheus = "prometheus" // scrapes each pod
)

// Of a delay, half has to show; a loss shows as a packet that was sent again, which TCP
// does after a fifth of a second at the earliest.
const (
	delayShare = 0.5
	resend     = 0.2 // seconds
)

// observeNetwork looks at the pod's traffic from a far end that the fault is about.
func (t *Target) observeNetwork(ctx context.Context, o *v1alpha1.NetworkChaos, before snapshot, hit fault.Target, from string) effect {
	if from == watchedByPrometheus {
		return t.unscraped(ctx, before, hit)
	}
	pod := podSeries(hit)
	if o.Spec.Action == v1alpha1.PartitionAction {
		return t.unreached(ctx, before, pod)
	}
	out := effect{shown: true}
	take := func(part effect) {
		out.shown = out.shown && part.shown
		out.text = strings.TrimPrefix(out.text+"; "+part.text, "; ")
	}
	if d := o.Spec.Delay; d != nil {
		take(t.delayed(ctx, before, pod, d.Latency))
	}
	if o.Spec.Loss != nil || o.Spec.Corrupt != nil {
		take(t.lossy(ctx, before, pod))
	}
	switch n, ok, err := narrowOf(o.Spec); {
	case err != nil:
		return unseen("%v", err)
	case ok:
		take(t.narrowed(ctx, before, pod, n))
	}
	if out.text == "" {
		return unseen("nothing here can show %s", o.Spec.Action)
	}
	return out
}

// unreached says whether every request to the pod fails, and did not before.
func (t *Target) unreached(ctx context.Context, before snapshot, pod string) effect {
	successes, errors := "probe_pod_requests{outcome=\"success\","+pod+"}", "probe_pod_requests{outcome=\"error\","+pod+"}"
	was, err := t.earlier(ctx, successes, before.at)
	if err != nil {
		return unmeasured("whether the pod was reached before the fault", err)
	}
	if was == 0 {
		return unseen("the pod was not reached before the fault either")
	}
	ok, err := t.reading(ctx, successes, before.at)
	if err != nil {
		return unmeasured("whether the pod is reached", err)
	}
	failed, err := t.reading(ctx, errors, before.at)
	if err != nil {
		return unmeasured("whether the pod is reached", err)
	}
	if ok > 0 || failed == 0 {
		return unseen("%g of %g requests to the pod's address still succeed", ok, ok+failed)
	}
	return seen("all of %g requests to the pod's address fail, where %g succeeded before", failed, was)
}

// unscraped says whether Prometheus cannot scrape the pod any more, and could before.
func (t *Target) unscraped(ctx context.Context, before snapshot, hit fault.Target) effect {
	up := fmt.Sprintf("up{job=\"monitor\",namespace=%q,pod=%q}", hit.Namespace, hit.Pod)
	was, err := t.earlier(ctx, up, before.at)
	if err != nil {
		return unmeasured("whether Prometheus scraped the pod before the fault", err)
	}
	if was == 0 {
		return unseen("Prometheus could not scrape the pod before the fault either")
	}
	is, err := t.reading(ctx, up, before.at)
	switch {
	case err != nil:
		return unmeasured("whether Prometheus scrapes the pod", err)
	case is > 0:
		return unseen("Prometheus still scrapes the pod")
	}
	return seen("Prometheus cannot scrape the pod any more, up is 0 where it was 1")
}

// delayed says whether connections to the pod take longer by a good part of the latency.
// The fastest of a round is compared: every packet is late.
func (t *Target) delayed(ctx context.Context, before snapshot, pod, latency string) effect {
	want, err := time.ParseDuration(latency)
	if err != nil {
		return unseen("latency %q is not a duration", latency)
	}
	series := `probe_pod_connect_duration_seconds{statistic="min",` + pod + "}"
	was, err := t.earlier(ctx, series, before.at)
	if err != nil {
		return unmeasured("the time to a connection before the fault", err)
	}
	is, err := t.reading(ctx, series, before.at)
	if err != nil {
		return unmeasured("the time to a connection", err)
	}
	text := fmt.Sprintf("a connection to the pod's address takes %s, where it took %s before; %s were asked for", millis(is), millis(was), want)
	return effect{shown: is-was >= delayShare*want.Seconds(), text: text}
}

// lossy says whether packets to or from the pod are sent again.
func (t *Target) lossy(ctx context.Context, before snapshot, pod string) effect {
	slowest := `probe_pod_duration_seconds{statistic="max",` + pod + "}"
	was, err := t.earlier(ctx, slowest, before.at)
	if err != nil {
		return unmeasured("the slowest request before the fault", err)
	}
	failed, err := t.reading(ctx, `probe_pod_requests{outcome="error",`+pod+"}", before.at)
	if err != nil {
		return unmeasured("whether requests to the pod fail", err)
	}
	if failed > 0 {
		return seen("%g requests of a round to the pod's address fail", failed)
	}
	is, err := t.reading(ctx, slowest, before.at)
	if err != nil {
		return unmeasured("the slowest request", err)
	}
	text := fmt.Sprintf("the slowest request of a round to the pod's address takes %s, where it took %s before", millis(is), millis(was))
	return effect{shown: is-was >= resend, text: text}
}

func millis(seconds float64) string { return strconv.FormatFloat(seconds*1000, 'f', 1, 64) + " ms" }
