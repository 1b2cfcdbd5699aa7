package load

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// recentLookups are counted. With one of them every lookupEvery, all are of the time
	// under a fault five seconds after its first effect.
	recentLookups = 5
	lookupEvery   = time.Second
)

type resolveFunc func(ctx context.Context, network, host string) ([]netip.Addr, error)

// lookupOutcome is how a name was resolved.
type lookupOutcome uint8

const (
	lookupSame    lookupOutcome = iota // it has an address of the answer before
	lookupChanged                      // it has none of them
	lookupFailed
	lookupOutcomes
)

// String is the outcome's name in metrics.
func (o lookupOutcome) String() string {
	return [lookupOutcomes]string{"same", "changed", "error"}[o]
}

// lookups resolves one name again and again, as whatever else runs in this pod does, and
// knows how the last few went. The zero value has resolved nothing.
type lookups struct {
	mu     sync.Mutex
	last   []netip.Addr    // of the last answer
	recent []lookupOutcome // the newest last
}

// take adds what a lookup brought.
func (l *lookups) take(answer []netip.Addr, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	outcome := lookupSame
	switch {
	case err != nil || len(answer) == 0:
		outcome = lookupFailed
	case len(l.last) > 0 && !shares(l.last, answer):
		outcome = lookupChanged
	}
	if outcome != lookupFailed {
		l.last = answer
	}
	l.recent = append(l.recent, outcome)
	l.recent = l.recent[max(0, len(l.recent)-recentLookups):]
}

// shares says whether two answers have an address in common. Of IPv4 where both have
// that: who answers at random may have one address of IPv6 only.
func shares(a, b []netip.Addr) bool {
	is4 := func(ip netip.Addr) bool { return ip.Unmap().Is4() }
	both4 := slices.ContainsFunc(a, is4) && slices.ContainsFunc(b, is4)
	return slices.ContainsFunc(a, func(ip netip.Addr) bool { return (is4(ip) || !both4) && slices.Contains(b, ip) })
}

// counts is how many of the last lookups had each outcome; false before the first.
func (l *lookups) counts() (n [lookupOutcomes]int, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range l.recent {
		n[o]++
	}
	return n, len(l.recent) > 0
}

// run resolves until ctx ends. Each lookup has until the next one is due.
func (l *lookups) run(ctx context.Context, host string, resolve resolveFunc) {
	ticker := time.NewTicker(lookupEvery)
	defer ticker.Stop()
	for {
		asking, cancel := context.WithTimeout(ctx, lookupEvery)
		answer, err := resolve(asking, "ip", host)
		cancel()
		if ctx.Err() != nil {
			return
		}
		l.take(answer, err)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// lookupMetrics serves how the last lookups went.
type lookupMetrics struct {
	of   *lookups
	desc *prometheus.Desc
}

// addLookups serves the lookups of a host. Before the first of them there is no series.
func (m *metrics) addLookups(name, host string, of *lookups) {
	m.registry.MustRegister(lookupMetrics{of, prometheus.NewDesc("probe_recent_lookups",
		"The last five lookups of the URL's host name, one a second, by outcome. same: an address of the answer before; changed: none of them; error: no answer within a second.",
		[]string{"outcome"}, prometheus.Labels{"probe": name, "host": host})})
}

// Describe implements [prometheus.Collector].
func (l lookupMetrics) Describe(ch chan<- *prometheus.Desc) { ch <- l.desc }

// Collect implements [prometheus.Collector].
func (l lookupMetrics) Collect(ch chan<- prometheus.Metric) {
	n, known := l.of.counts()
	for o := lookupSame; known && o < lookupOutcomes; o++ {
		ch <- prometheus.MustNewConstMetric(l.desc, prometheus.GaugeValue, float64(n[o]), o.String())
	}
}
