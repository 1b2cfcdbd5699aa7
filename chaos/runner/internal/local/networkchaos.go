package local

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	"golang.org/x/time/rate"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

const (
	upstream   = "upstream"   // Toxiproxy's name of what the pod receives
	downstream = "downstream" // and of what it sends

	mtu = 1500 // bytes: what a link passes at once

	// The limits within which each of several parts can still be told from the others.
	maxJitterBesideLoss = rto / 4
	maxLossBeside       = 0.95
	minRateBeside       = 1e6 // bytes per second: slower, queues would pass for delay
	minLoss             = 0.01
	minRate             = 100 // bytes per second
)

// network is what a NetworkChaos does to a pod's path: all of it at once.
type network struct {
	cut             cut
	streams         []string // that are cut
	latency, jitter time.Duration
	loss            float64 // probability of each transmission's loss, below 1
	rate            float64 // bytes per second; 0: unlimited
	burst           int     // bytes that pass at once
}

// cut says how a path is cut.
type cut int

const (
	uncut  cut = iota
	drop       // data are swallowed
	reject     // connections are reset
)

// networkAction reads a spec as Chaos Mesh's controller does: netem, delay, loss,
// duplicate and corrupt are one action, which carries out every part that is given.
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
	var n network
	switch s.Action {
	case v1alpha1.PartitionAction:
		n.streams = streams(s.Direction)
		if n.cut = drop; s.PartitionBehavior == v1alpha1.RejectPartitionBehavior {
			n.cut = reject
		}
	case v1alpha1.BandwidthAction:
		errs = append(errs, n.limitBandwidth(s.Bandwidth))
	default:
		refuse(s.Direction != v1alpha1.To, "direction %s: only what a pod sends is shaped without a target; use direction to", s.Direction)
		// A proxy sees a stream, not packets: it cannot repeat or change one.
		refuse(s.Duplicate != nil, "duplicate works on packets, which a proxy does not see; run it on a cluster")
		refuse(s.Corrupt != nil, "corrupt works on packets, which a proxy does not see; run it on a cluster")
		errs = append(errs, n.delay(s.Delay), n.lose(s.Loss), n.limitRate(s.Rate), n.apart())
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
		return []string{upstream}
	case v1alpha1.Both:
		return []string{downstream, upstream}
	default:
		return []string{downstream}
	}
}

func (n *network) delay(d *v1alpha1.DelaySpec) error {
	if d == nil {
		return nil
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
	case jitter > 0 && correlated(d.Correlation): // without a jitter there is nothing to correlate
		return cannot("delay with correlation %s: delays are drawn independently here; leave it out", d.Correlation)
	case d.Reorder != nil:
		return cannot("delay with reorder: a stream keeps its order; leave it out")
	case latency < time.Millisecond || jitter%time.Millisecond != 0 || latency%time.Millisecond != 0:
		return cannot("latency %s, jitter %s: a proxy delays by whole milliseconds from 1", d.Latency, d.Jitter)
	}
	n.latency, n.jitter = latency, jitter
	return nil
}

func (n *network) lose(l *v1alpha1.LossSpec) error {
	if l == nil {
		return nil
	}
	percent, err := strconv.ParseFloat(l.Loss, 64)
	switch {
	case err != nil:
		return cannot("loss: %w", err)
	case correlated(l.Correlation):
		return cannot("loss with correlation %s: losses are drawn independently here; leave it out", l.Correlation)
	case percent >= 100:
		n.cut, n.streams = drop, []string{downstream}
	case percent < 100*minLoss:
		return cannot("loss %s%%: less than %.0f%% cannot be measured in the time that an experiment has; give more", l.Loss, 100*minLoss)
	default:
		n.loss = percent / 100
	}
	return nil
}

func (n *network) limitRate(r *v1alpha1.RateSpec) error {
	if r == nil {
		return nil
	}
	return n.limit(r.Rate, mtu)
}

func (n *network) limitBandwidth(b *v1alpha1.BandwidthSpec) error {
	if b == nil {
		return cannot("bandwidth: no rate is given")
	}
	if b.Peakrate != nil && *b.Peakrate > 0 || b.Minburst != nil && *b.Minburst > 0 {
		return cannot("bandwidth with peakrate or minburst: one bucket is all there is; leave them out")
	}
	return n.limit(b.Rate, max(1, int(b.Buffer)))
}

func (n *network) limit(text string, burst int) error {
	perSecond, err := fault.ParseRate(text)
	if err != nil {
		return cannot("rate: %w", err)
	}
	if perSecond < minRate {
		return cannot("rate %s: below %d bytes per second nothing would answer within a run", text, minRate)
	}
	n.rate, n.burst = perSecond, burst
	return nil
}

// apart refuses parts that could not be told from each other once they act
// together: what is not measured is not done.
func (n *network) apart() error {
	var errs []error
	if n.loss > 0 && n.jitter > maxJitterBesideLoss {
		errs = append(errs, cannot("jitter %s beside loss: above %s it cannot be distinguished from a retransmission (%s); give less", n.jitter, maxJitterBesideLoss, rto))
	}
	if n.loss > maxLossBeside && (n.latency > 0 || n.rate > 0) {
		errs = append(errs, cannot("loss %.4g%% beside delay or rate: above %.0f%% too little comes through to measure them; give less", 100*n.loss, 100*maxLossBeside))
	}
	if n.rate > 0 && n.rate < minRateBeside && (n.latency > 0 || n.loss > 0) {
		errs = append(errs, cannot("rate of %s/s beside delay or loss: below %s/s its queue cannot be distinguished from them; give more", inUnits(n.rate), inUnits(minRateBeside)))
	}
	return errors.Join(errs...)
}

// correlated says whether a correlation asks for something; "0" does not.
func correlated(text string) bool {
	if text == "" {
		return false
	}
	v, err := strconv.ParseFloat(text, 64)
	return err != nil || v != 0
}

func (n network) emulated() string {
	var parts []string
	stands := func(given bool, text string) {
		if given {
			parts = append(parts, text)
		}
	}
	stands(n.cut == drop, "swallows all data; handshakes succeed")
	stands(n.cut == reject, "resets all connections")
	stands(n.latency > 0, "holds back its data; handshakes are not delayed, and jitter is drawn evenly")
	stands(n.loss > 0, "delays data as their retransmission would: 200 ms, doubled at each loss in a row")
	stands(n.rate > 0, "passes data as a token bucket allows; what exceeds the queue limit waits instead of being dropped")
	return "a TCP proxy in front of the pod " + strings.Join(parts, "; it ")
}

func (n network) exclusive() bool { return false }
func (n network) on(e *Environment, p *pod, key string, before podBaseline) effector {
	return &networkFault{
		network: n, pod: p, key: key, before: before, add: p.proxy.add,
		others: func() network { return e.elsewhere(p, key) },
	}
}

// effects are what a fault does to each direction of the path.
func (n network) effects(key string) []effect {
	var out []effect
	if n.cut == drop {
		for _, s := range n.streams {
			out = append(out, effect{name: key + "/hole/" + s, stream: s, hole: true})
		}
	}
	shape := effect{name: key + "/shape", stream: downstream, loss: n.loss, latency: n.latency, jitter: n.jitter}
	if n.rate > 0 {
		shape.bucket = rate.NewLimiter(rate.Limit(n.rate), n.burst)
	}
	if shape.loss > 0 || shape.latency > 0 || shape.bucket != nil {
		out = append(out, shape)
	}
	return out
}

// networkFault is a network fault on one pod.
type networkFault struct {
	network
	pod    *pod
	key    string
	before podBaseline
	add    func(effect) error
	others func() network // what other faults do to the same path now

	series lossSeries
}

func (f *networkFault) inject(ctx context.Context) error {
	if f.pod.state().terminating {
		return fmt.Errorf("pod %s is gone already", f.pod.name)
	}
	if f.cut == reject {
		f.pod.proxy.reject(f.key)
	}
	for _, e := range f.effects(f.key) {
		if err := f.add(e); err != nil {
			return errors.Join(err, f.undo(ctx))
		}
	}
	return nil
}

func (f *networkFault) undo(context.Context) error {
	f.pod.proxy.accepts(f.key)
	for _, e := range f.effects(f.key) {
		f.pod.proxy.remove(e.name)
	}
	return nil
}

// elsewhere is what faults other than the one with this key do to a pod's path now.
func (e *Environment) elsewhere(p *pod, key string) network {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all network
	for _, injections := range e.active {
		for _, i := range injections {
			f, ok := i.effector.(*networkFault)
			if !ok || f.pod != p || f.key == key || i.over() {
				continue
			}
			all = all.with(f.network)
		}
	}
	return all
}

// with is what two faults do together to one path.
func (n network) with(o network) network {
	n.cut = max(n.cut, o.cut)
	n.latency += o.latency
	n.jitter += o.jitter
	n.loss = 1 - (1-n.loss)*(1-o.loss)
	if n.rate == 0 || o.rate > 0 && o.rate < n.rate {
		n.rate = o.rate
	}
	return n
}
