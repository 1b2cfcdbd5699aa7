package local

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

func networkAction(s *v1alpha1.NetworkChaosSpec) (action, error) {
	var errs []error
	refuse := func(given bool, format string, args ...any) {
		if given {
			errs = append(errs, cannot(format, args...))
		}
	}
	refuse(s.Target != nil, "target: a pod has one path here, from the gateway; run it on a cluster, or leave target out")
	refuse(len(s.ExternalTargets) > 0, "externalTargets: the fleet calls nothing outside; leave them out")
	refuse(s.Device != "" || s.TargetDevice != "", "device: pods have no network device of their own here")
	refuse(s.RemoteCluster != "", "remoteCluster: there is no other cluster here")
	refuse(s.Action != v1alpha1.BandwidthAction && s.Rate != nil, "rate beside another action: use action bandwidth")
	n := network{streams: streams(s.Direction)}
	switch s.Action {
	case v1alpha1.DelayAction:
		errs = append(errs, n.delay(s.Delay))
	case v1alpha1.LossAction:
		errs = append(errs, n.loss(s.Loss))
	case v1alpha1.PartitionAction:
		n.partition(s.PartitionBehavior)
	case v1alpha1.BandwidthAction:
		errs = append(errs, n.bandwidth(s.Bandwidth))
	default:
		// A proxy sees a stream, not packets: it cannot repeat or change one.
		refuse(true, "NetworkChaos %s works on packets, which a proxy does not see; run it on a cluster", s.Action)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return n, nil
}

// streams are Toxiproxy's names of the pod's traffic in a direction: what the pod
// sends runs downstream, to the client.
func streams(d v1alpha1.Direction) []string {
	switch d {
	case v1alpha1.From:
		return []string{"upstream"}
	case v1alpha1.Both:
		return []string{"downstream", "upstream"}
	default:
		return []string{"downstream"}
	}
}

// network is a fault of a pod's path.
type network struct {
	streams    []string
	kind       string         // of the toxic; empty: connections are reset
	attributes map[string]any // of the toxic
	stand      string         // what stands in for what
	shown      func(ctx context.Context, p *pod, before pathBaseline) (bool, string)
}

func (n network) emulated() string { return n.stand }
func (n network) exclusive() bool  { return false }
func (n network) on(_ *Environment, p *pod, key string, before pathBaseline) effector {
	return &networkFault{network: n, pod: p, key: key, before: before}
}

func (n *network) delay(d *v1alpha1.DelaySpec) error {
	if d == nil {
		return cannot("delay: no latency is given")
	}
	latency, err := time.ParseDuration(d.Latency)
	if err != nil {
		return cannot("latency: %w", err)
	}
	jitter := time.Duration(0)
	if d.Jitter != "" {
		if jitter, err = time.ParseDuration(d.Jitter); err != nil {
			return cannot("jitter: %w", err)
		}
	}
	switch {
	case correlated(d.Correlation):
		return cannot("delay with correlation %s: delays are drawn independently here; leave it out", d.Correlation)
	case d.Reorder != nil:
		return cannot("delay with reorder: a stream keeps its order; leave it out")
	case latency < time.Millisecond || jitter%time.Millisecond != 0 || latency%time.Millisecond != 0:
		return cannot("latency %s, jitter %s: a proxy delays by whole milliseconds from 1", d.Latency, d.Jitter)
	}
	n.kind = toxicLatency
	n.attributes = map[string]any{"latency": latency.Milliseconds(), "jitter": jitter.Milliseconds()}
	n.stand = "a TCP proxy in front of the pod holds back its data; handshakes are not delayed, and jitter is drawn evenly"
	n.shown = func(ctx context.Context, p *pod, before pathBaseline) (bool, string) {
		return delayShown(ctx, p, before, latency, jitter)
	}
	return nil
}

func (n *network) loss(l *v1alpha1.LossSpec) error {
	if l == nil {
		return cannot("loss: no percentage is given")
	}
	percent, err := strconv.ParseFloat(l.Loss, 64)
	switch {
	case err != nil:
		return cannot("loss: %w", err)
	case correlated(l.Correlation):
		return cannot("loss with correlation %s: losses are drawn independently here; leave it out", l.Correlation)
	case percent >= 100:
		n.kind = toxicBlackhole
		n.stand = "a TCP proxy in front of the pod swallows all data; handshakes succeed"
		n.shown = partitionShown
	default:
		n.kind = toxicLoss
		n.attributes = map[string]any{"probability": percent / 100}
		n.stand = "a TCP proxy in front of the pod delays data as their retransmission would: 200 ms, doubled at each loss in a row"
		n.shown = func(ctx context.Context, p *pod, before pathBaseline) (bool, string) {
			return lossShown(ctx, p, before, percent/100)
		}
	}
	return nil
}

func (n *network) partition(how v1alpha1.NetworkChaosPartitionBehavior) {
	n.shown = partitionShown
	if how == v1alpha1.RejectPartitionBehavior {
		n.stand = "a TCP proxy in front of the pod resets all connections"
		return
	}
	n.kind = toxicBlackhole
	n.stand = "a TCP proxy in front of the pod swallows all data; handshakes succeed"
}

func (n *network) bandwidth(b *v1alpha1.BandwidthSpec) error {
	if b == nil {
		return cannot("bandwidth: no rate is given")
	}
	if b.Peakrate != nil && *b.Peakrate > 0 || b.Minburst != nil && *b.Minburst > 0 {
		return cannot("bandwidth with peakrate or minburst: one bucket is all there is; leave them out")
	}
	perSecond, err := fault.ParseRate(b.Rate)
	if err != nil {
		return cannot("bandwidth: %w", err)
	}
	if perSecond < 100 {
		return cannot("bandwidth %s: below 100 bytes per second nothing would answer within a run", b.Rate)
	}
	burst := max(1, int(b.Buffer))
	n.kind = toxicBandwidth
	n.attributes = map[string]any{"rate": perSecond, "burst": burst}
	n.stand = "a TCP proxy in front of the pod passes data as a token bucket allows; what exceeds the queue limit waits instead of being dropped"
	n.shown = func(ctx context.Context, p *pod, before pathBaseline) (bool, string) {
		return bandwidthShown(ctx, p, before, perSecond, burst)
	}
	return nil
}

// correlated says whether a correlation asks for something; "0" does not.
func correlated(text string) bool {
	if text == "" {
		return false
	}
	v, err := strconv.ParseFloat(text, 64)
	return err != nil || v != 0
}

// networkFault is a network fault on one pod.
type networkFault struct {
	network
	pod    *pod
	key    string
	before pathBaseline
}

func (f *networkFault) inject(ctx context.Context) error {
	if f.pod.state().terminating {
		return fmt.Errorf("pod %s is gone already", f.pod.name)
	}
	if f.kind == "" {
		f.pod.proxy.reject(f.key)
		return nil
	}
	for _, s := range f.streams {
		if err := f.pod.proxy.add(toxic{Name: f.key + "/" + s, Type: f.kind, Stream: s, Attributes: f.attributes}); err != nil {
			return errors.Join(err, f.undo(ctx))
		}
	}
	return nil
}

func (f *networkFault) observe(ctx context.Context) (bool, string) {
	return f.shown(ctx, f.pod, f.before)
}

func (f *networkFault) undo(ctx context.Context) error {
	if f.kind == "" {
		f.pod.proxy.accepts(f.key)
		return nil
	}
	var errs []error
	for _, s := range f.streams {
		errs = append(errs, f.pod.proxy.remove(ctx, f.key+"/"+s))
	}
	return errors.Join(errs...)
}
