package cluster

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	"github.com/docker/go-units"
	corev1 "k8s.io/api/core/v1"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// The parts of a load that have to be seen: a stressor takes a moment to begin, and rests
// between its bursts.
const (
	cpuShare    = 0.6
	memoryShare = 0.8
)

// observeStress looks at what the container uses, as the kubelet measures it.
func (t *Target) observeStress(ctx context.Context, o *v1alpha1.StressChaos, before snapshot, was *corev1.Pod, hit fault.Target) effect {
	s := o.Spec.Stressors
	if s == nil {
		return unseen("no stressor is given")
	}
	out := effect{shown: true}
	var behind proof
	take := func(part effect) {
		out.shown = out.shown && part.shown
		out.text = strings.TrimPrefix(out.text+"; "+part.text, "; ")
	}
	container := fmt.Sprintf("namespace=%q,pod=%q,container=%q", hit.Namespace, hit.Pod, nameOf(was, hit.Container))
	key := o.Namespace + "/" + o.Name + " " + hit.ID()
	since := t.proved(key)
	if c := s.CPUStressor; c != nil {
		asked := float64(c.Workers) * 1
		if c.Load != nil {
			asked *= float64(*c.Load) / 100
		}
		var part effect
		part, behind.cpu = t.busy(ctx, before, since.cpu, container, min(asked, cpuLimit(was, hit.Container)))
		take(part)
	}
	if m := s.MemoryStressor; m != nil {
		var part effect
		part, behind.memory = t.filled(ctx, before, since.memory, container, m)
		take(part)
	}
	if out.shown {
		t.prove(key, behind)
	}
	return out
}

// proof is the measurements by which a load was shown last. Nothing is shown twice by the
// same measurement: a load that ended meanwhile would be taken for one that is held.
type proof struct{ cpu, memory count }

func (t *Target) proved(key string) proof {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.proofs[key]
}

func (t *Target) prove(key string, p proof) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.proofs == nil {
		t.proofs = map[string]proof{}
	}
	t.proofs[key] = p
}

// A kubelet measures a container every 10 to 20 s, and has to be waited for within the 30 s
// of a confirmation. A measurement counts from leastSince after the injection on; two of them that lie lately apart say what was used between them.
const (
	leastSince = 2 * time.Second
	lately     = 20 * time.Second
)

// busy says whether the container uses a good part of the CPU that was asked for more
// than before, and by which measurement. One that was taken no later than since counts for
// nothing.
func (t *Target) busy(ctx context.Context, before snapshot, since count, container string, asked float64) (effect, count) {
	counter := "container_cpu_usage_seconds_total{" + container + "}"
	was, err := t.earlier(ctx, "irate("+counter+"[1m])", before.at)
	if err != nil {
		return unmeasured("the CPU that the container used before the fault", err), count{}
	}
	now := time.Now() // one time for all questions: a scrape may come between two of them
	first, err := t.counted(ctx, counter, before.at)
	if err != nil {
		return unmeasured("the CPU that the container used before the fault", err), count{}
	}
	last, err := t.counted(ctx, counter, now)
	switch {
	case err != nil:
		return unmeasured("the CPU that the container uses", err), count{}
	case last.at.Before(before.at.Add(leastSince)):
		return unmeasured("the CPU that the container uses", fmt.Errorf("%w, at %s", errBefore, clock(last.at))), count{}
	case !last.at.After(since.at):
		return unmeasured("the CPU that the container uses", fmt.Errorf("%w, at %s", errAgain, clock(last.at))), count{}
	}
	// Of the time from the last measurement before the fault, a part is not under it.
	first = count{at: before.at, value: first.value + was*before.at.Sub(first.at).Seconds()}
	if between, err := t.counted(ctx, counter, now.Add(-lately)); err == nil && between.at.After(before.at) && between.at.Before(last.at) {
		first = between
	}
	if since.at.After(first.at) {
		first = since
	}
	is := (last.value - first.value) / last.at.Sub(first.at).Seconds()
	text := fmt.Sprintf("the container used %.2f cores over %.0f s, where it used %.2f before; %.2f more can be had of what was asked",
		is, last.at.Sub(first.at).Seconds(), was, asked)
	return effect{shown: is-was >= cpuShare*asked, text: text}, last
}

// count is a counter and when it was read.
type count struct {
	at    time.Time
	value float64
}

// counted is a counter of one series as it was known at the time given.
func (t *Target) counted(ctx context.Context, series string, at time.Time) (count, error) {
	taken, err := t.cfg.Querier.Instant(ctx, "max(timestamp("+series+"))", at)
	if err != nil {
		return count{}, err
	}
	got, err := t.cfg.Querier.Instant(ctx, "max("+series+")", at)
	return count{time.UnixMilli(int64(taken.V * 1000)), got.V}, err
}

// filled says whether the container holds a good part of the memory that was asked for
// more than before, and by which measurement, as busy does.
func (t *Target) filled(ctx context.Context, before snapshot, since count, container string, m *v1alpha1.MemoryStressor) (effect, count) {
	asked, err := units.RAMInBytes(m.Size)
	if err != nil {
		return unseen("how much memory %q is depends on the node, so that nothing can be compared with it", m.Size), count{}
	}
	series := "container_memory_working_set_bytes{" + container + "}"
	was, err := t.earlier(ctx, series, before.at)
	if err != nil {
		return unmeasured("the memory that the container held before the fault", err), count{}
	}
	is, err := t.counted(ctx, series, time.Time{})
	switch {
	case err != nil:
		return unmeasured("the memory that the container holds", err), count{}
	case !is.at.After(before.at.Add(settle)):
		return unmeasured("the memory that the container holds", fmt.Errorf("%w, at %s", errBefore, clock(is.at))), count{}
	case !is.at.After(since.at):
		return unmeasured("the memory that the container holds", fmt.Errorf("%w, at %s", errAgain, clock(is.at))), count{}
	}
	text := fmt.Sprintf("the container holds %s, where it held %s before; %s were asked for", units.BytesSize(is.value), units.BytesSize(was), units.BytesSize(float64(asked)))
	return effect{shown: is.value-was >= memoryShare*float64(asked), text: text}, is
}

func nameOf(p *corev1.Pod, container string) string {
	if container == "" && len(p.Spec.Containers) > 0 {
		return p.Spec.Containers[0].Name
	}
	return container
}

// cpuLimit is how many cores a container can use at the most.
func cpuLimit(p *corev1.Pod, container string) float64 {
	for _, c := range p.Spec.Containers {
		if c.Name == nameOf(p, container) {
			if limit, ok := c.Resources.Limits[corev1.ResourceCPU]; ok {
				return limit.AsApproximateFloat64()
			}
		}
	}
	return math.Inf(1)
}

// clockShare of an offset has to show: whoever answers says the time in whole seconds.
const clockShare = 0.5

// observeClock looks at the time that the pod itself says in its answers.
func (t *Target) observeClock(ctx context.Context, o *v1alpha1.TimeChaos, before snapshot, hit fault.Target) effect {
	want, err := time.ParseDuration(o.Spec.TimeOffset)
	if err != nil {
		return unseen("offset %q is not a duration", o.Spec.TimeOffset)
	}
	if want.Abs() < 4*time.Second {
		return unseen("an offset of %s is too small to be seen in answers that say the time in whole seconds", want)
	}
	series := fmt.Sprintf("probe_pod_clock_offset_seconds{namespace=%q,pod=%q}", hit.Namespace, hit.Pod)
	was, err := t.earlier(ctx, series, before.at)
	if err != nil {
		return unmeasured("the pod's clock before the fault", err)
	}
	is, err := t.reading(ctx, series, before.at)
	if err != nil {
		return unmeasured("the pod's clock", err)
	}
	text := fmt.Sprintf("the pod's clock is off by %.0f s, where it was off by %.0f s before; %s were asked for", math.Round(is)+0, math.Round(was)+0, want)
	return effect{shown: (is-was)/want.Seconds() >= clockShare, text: text}
}
