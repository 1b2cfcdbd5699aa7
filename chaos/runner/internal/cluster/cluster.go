// Package cluster does faults on a Kubernetes cluster, through Chaos Mesh. It chooses the
// targets itself and names them one by one, reads from the pods, not from the injector's
// books, whether a fault bit, and takes away every object that it created.
package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/internal/capability"
	"github.com/ballast-sre/ballast/internal/prom"
)

// Querier asks the Prometheus of the cluster for what faults do to pods.
type Querier interface {
	Instant(ctx context.Context, expr string, at time.Time) (prom.Sample, error)
}

// Config says where things are on a cluster.
type Config struct {
	// Namespace of the workload where a fault names none.
	Namespace string
	// SystemNamespace holds the leases of runs and the kill switch.
	SystemNamespace string
	// Querier may answer with samples of any age: their times are asked for.
	Querier Querier
	Logger  *slog.Logger
}

// Cluster is a connection with its watches, which all runs share. Close it when done.
type Cluster struct {
	*Connection
	cfg   Config
	pulse *pulse

	ctx    context.Context //nolint:containedctx // it bounds the watches, which outlive a call
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu          sync.Mutex
	inventories map[string]*inventory
	rng         *rand.Rand
	reviewed    map[right]error // answers of the API server, for plans
}

// Open begins to ask the API server whether it is there. It returns at once.
func Open(conn *Connection, cfg Config) *Cluster {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &Cluster{
		Connection: conn, cfg: cfg, ctx: ctx, cancel: cancel, inventories: map[string]*inventory{},
		rng: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), //nolint:gosec // Chance, not a secret.
	}
	c.pulse = newPulse(func(ctx context.Context) error {
		return conn.Kubernetes.Discovery().RESTClient().Get().AbsPath("/version").Do(ctx).Error()
	})
	c.wg.Go(func() { c.pulse.beat(ctx) })
	return c
}

// Close ends the watches and waits for them.
func (c *Cluster) Close() {
	c.cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, i := range c.inventories {
		i.stop()
	}
	c.wg.Wait()
}

// in is what a namespace holds. The first call for a namespace blocks until its watches
// have answered.
func (c *Cluster) in(namespace string) (*inventory, error) {
	if err := c.pulse.check(time.Now()); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if i, ok := c.inventories[namespace]; ok {
		return i, nil
	}
	i, err := newInventory(c.ctx, c.Kubernetes, namespace)
	if err != nil {
		return nil, err
	}
	c.inventories[namespace] = i
	return i, nil
}

// possible says why the cluster cannot do a fault, as its published capabilities have it.
// A cluster that publishes none is asked by trying.
func possible(d *capability.Document, f fault.Fault) error {
	if d == nil || fault.Own(f) {
		return nil
	}
	v := d.Judge(capabilityOf(f))
	if v.Possible {
		return nil
	}
	err := fmt.Errorf("%w", fault.ErrNotInjectable)
	for _, why := range v.Reasons {
		err = fmt.Errorf("%w: %s", err, why)
	}
	return err
}
