package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	utilrand "k8s.io/apimachinery/pkg/util/rand"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

const (
	appMonitor  = "monitor"
	nodeName    = "local"
	addressFlag = "--address-file="
)

// endpoints is notified of the fleet's pods: the gateway, as a Service's
// endpoints, and through it whether a pod is ready.
type endpoints interface {
	add(pod, address string)
	remove(pod string)
	ready(pod string) bool
}

// fleet is the workload: a Deployment's ReplicaSet with its pods.
type fleet struct {
	namespace string
	hash      string // of the pod template
	runtime   containerRuntime
	endpoints endpoints
	changed   func() // the set of pods is another one
	logger    *slog.Logger

	ctx    context.Context //nolint:containedctx // the life of all pods; cancel ends it
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	pods   []*pod // terminating ones, too, until their container is gone
	closed bool
}

// newFleet has no pods. close ends it.
func newFleet(ctx context.Context, namespace string, rt containerRuntime, eps endpoints, changed func(), logger *slog.Logger) *fleet {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	return &fleet{
		namespace: namespace, hash: utilrand.SafeEncodeString(utilrand.String(9)),
		runtime: rt, endpoints: eps, changed: changed, logger: logger,
		ctx: ctx, cancel: cancel,
	}
}

// create adds one pod and starts it. It does not wait for it to be ready.
func (f *fleet) create() (*pod, error) {
	p, err := newPod(f.ctx, fmt.Sprintf("monitor-%s-%s", f.hash, utilrand.String(5)), f.runtime, f.logger)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil, errors.Join(errors.New("pod: the fleet is closed"), p.proxy.close())
	}
	f.pods = append(f.pods, p)
	f.wg.Go(func() { f.own(p) })
	f.mu.Unlock()
	f.endpoints.add(p.name, p.proxy.address())
	f.changed()
	return p, nil
}

// own runs one pod for its whole life and takes it off the books afterwards.
func (f *fleet) own(p *pod) {
	p.run(f.ctx)
	f.endpoints.remove(p.name)
	f.mu.Lock()
	f.pods = slices.DeleteFunc(f.pods, func(o *pod) bool { return o == p })
	closing := f.closed
	f.mu.Unlock()
	if !closing {
		f.changed()
	}
	if err := p.proxy.close(); err != nil {
		f.logger.Warn("close the pod's address", "pod", p.name, "error", err)
	}
}

// delete removes a pod as the API server does: its endpoint leaves at once, its
// replacement is created at once, its container gets the grace.
func (f *fleet) delete(p *pod, grace time.Duration) error {
	f.endpoints.remove(p.name)
	next, err := f.create()
	if err != nil {
		return fmt.Errorf("replacement of pod %s: %w", p.name, err)
	}
	p.update(func() { p.replacement = next })
	p.terminate(grace)
	return nil
}

// find returns the pod with the UID, also a terminating one.
func (f *fleet) find(uid string) (*pod, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.pods {
		if p.uid == uid {
			return p, true
		}
	}
	return nil, false
}

// all returns the pods that exist, terminating ones included, oldest first.
func (f *fleet) all() []*pod {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.pods)
}

// describe returns the pods that selection may choose from: terminating ones are
// as good as gone.
func (f *fleet) describe() []fault.Pod {
	var pods []fault.Pod
	for _, p := range f.all() {
		if p.state().terminating {
			continue
		}
		pods = append(pods, p.describe(f.namespace, f.hash, f.endpoints.ready(p.name)))
	}
	return pods
}

// awaitReady blocks until every pod is ready. A container that ends meanwhile is
// an error at once: a monitor that cannot start would only crash again.
func (f *fleet) awaitReady(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		ready := true
		for _, p := range f.all() {
			s := p.state()
			if s.failure != nil {
				return s.failure
			}
			ready = ready && f.endpoints.ready(p.name)
		}
		if ready {
			return nil
		}
		select {
		case <-tick.C:
		case <-f.runtime.keeper.lost:
			return errKeeperLost()
		case <-ctx.Done():
			return fmt.Errorf("pods are not ready: %w; look into the log %s:\n%s", ctx.Err(), f.all()[0].logPath(), tail(f.all()[0].logPath(), 5))
		}
	}
}

// close ends all run loops and frees the addresses. The processes are the
// keeper's to end.
func (f *fleet) close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.cancel()
	f.wg.Wait()
}
