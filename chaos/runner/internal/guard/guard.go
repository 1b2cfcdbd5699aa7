// Package guard ends what runs leave behind in a cluster: it deletes the faults of
// a run whose runner is gone, of every run while the kill switch is set, and serves
// the results of runs as metrics.
package guard

import (
	"context"
	"log/slog"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/ballast-sre/ballast/chaos/runner/internal/cluster"
)

// tick is how often the guard looks again while something is left to delete.
const tick = time.Second

// Config says what a guard watches. Everything is needed.
type Config struct {
	Kubernetes kubernetes.Interface
	Dynamic    dynamic.Interface
	System     string   // the namespace of the Leases and of the kill switch
	Namespaces []string // of the objects
	Logger     *slog.Logger
}

// Guard is one guard. Two in one cluster do no harm to each other.
type Guard struct {
	Config
	mirror  *mirror
	metrics *metrics
	asked   asked
}

// New makes a guard; nothing is watched before [Guard.Run].
func New(cfg Config) *Guard {
	g := &Guard{Config: cfg, mirror: newMirror(), asked: asked{}}
	g.metrics = newMetrics(g.mirror)
	return g
}

// Run blocks until ctx ends, and then until the deletions that it has begun are
// answered, which is bounded.
func (g *Guard) Run(ctx context.Context) {
	var watches sync.WaitGroup
	defer watches.Wait()
	watch := func(src cluster.Source, change func([]metav1.Object, time.Time)) {
		g.mirror.expect(src.Name, time.Now())
		watches.Go(func() {
			cluster.Follow(ctx, src, func(objects []metav1.Object, err error) {
				if err != nil {
					g.failed("a watch failed", err)
				}
				now := time.Now()
				g.mirror.take(src.Name, now, err, func() { change(objects, now) })
			})
		})
	}
	watch(cluster.LeaseSource(g.Kubernetes, g.System), g.mirror.takeLeases)
	watch(cluster.KillSwitchSource(g.Kubernetes, g.System), func(o []metav1.Object, _ time.Time) { g.mirror.takeKillSwitch(o) })
	for _, namespace := range g.Namespaces {
		for _, kind := range cluster.Kinds() {
			src := cluster.ObjectSource(g.Dynamic, kind, namespace)
			watch(src, func(o []metav1.Object, now time.Time) { g.mirror.takeObjects(src.Name, o, now) })
		}
	}
	for ctx.Err() == nil {
		g.step(ctx)
	}
}

// step decides and acts once, and blocks until that is needed again.
func (g *Guard) step(ctx context.Context) {
	state, now := g.mirror.state(), time.Now()
	g.settle(state, now)
	d := Decide(state, now)
	g.act(ctx, d, now)
	var wake <-chan time.Time
	switch {
	case len(d.Objects)+len(d.Leases)+len(g.asked) > 0:
		wake = time.After(tick)
	case !d.Wake.IsZero():
		wake = time.After(d.Wake.Sub(now))
	}
	select {
	case <-ctx.Done():
	case <-g.mirror.changed:
	case <-wake:
	}
}

func (g *Guard) failed(what string, err error) {
	g.metrics.errors.Inc()
	g.Logger.Error("the guard cannot do its work", "what", what, "error", err)
}
