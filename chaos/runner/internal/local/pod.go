package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/uuid"
)

const (
	// The drain pause must outlast two readiness checks, so that the gateway has
	// turned away before the listener closes.
	drainPause   = 1200 * time.Millisecond
	drainTimeout = 2 * time.Second
	// terminationGrace is the pod's terminationGracePeriodSeconds: more than the
	// two together.
	terminationGrace = 5 * time.Second

	containerStartTimeout = 10 * time.Second
	addressPoll           = 5 * time.Millisecond
)

// pod is one replica: a container that is kept running behind a proxy. Its run
// loop is its kubelet.
type pod struct {
	name, uid string
	app       string // what it runs, and what its container and its workload are called
	created   time.Time
	proxy     *proxy
	runtime   containerRuntime
	logger    *slog.Logger
	done      chan struct{} // closed when run has returned: the container is gone for good

	mu          sync.Mutex
	changed     chan struct{} // closed and renewed at each change of what follows
	current     *container    // nil while none runs
	condemned   *container    // the last that a container-kill hit; nil before the first
	starts      int           // containers started so far
	holds       map[string]struct{}
	terminating bool
	grace       time.Duration // of the termination
	failure     error         // why the last container ended or did not start
	replacement *pod          // set when the pod was deleted
}

// container is one life of the monitor process.
type container struct {
	*proc
	address string
	up      time.Time // when it listened
}

// containerRuntime starts monitor processes.
type containerRuntime struct {
	keeper  *keeperClient
	monitor string // the binary
	dir     string // of the run
	args    []string
	yield   bool // to the runner, where both want a processor
}

func newPod(ctx context.Context, name string, rt containerRuntime, logger *slog.Logger) (*pod, error) {
	px, err := newProxy(ctx, name)
	if err != nil {
		return nil, err
	}
	return &pod{
		name: name, uid: string(uuid.NewUUID()), app: appMonitor, created: time.Now(),
		proxy: px, runtime: rt, logger: logger.With("pod", name),
		done: make(chan struct{}), changed: make(chan struct{}),
		holds: map[string]struct{}{},
	}, nil
}

// update changes the pod's state and wakes whoever waits for a change.
func (p *pod) update(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.changed)
	p.changed = make(chan struct{})
}

// hold stops the container and keeps it from starting until every holder has
// called release.
func (p *pod) hold(key string)    { p.update(func() { p.holds[key] = struct{}{} }) }
func (p *pod) release(key string) { p.update(func() { delete(p.holds, key) }) }

func (p *pod) heldBy() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	keys := make([]string, 0, len(p.holds))
	for k := range p.holds {
		keys = append(keys, k)
	}
	return keys
}

// terminate ends the pod for good: SIGTERM, and SIGKILL after the grace; at once
// without one. It does not wait: done says when.
func (p *pod) terminate(grace time.Duration) {
	p.update(func() { p.terminating, p.grace = true, grace })
}

// run keeps the container running until the pod is terminated or ctx is done. At
// the end of ctx containers are left to the keeper.
func (p *pod) run(ctx context.Context) {
	defer close(p.done)
	var policy backoff
	for {
		if !p.awaitStart(ctx) {
			return
		}
		began := time.Now()
		c, err := p.start(ctx)
		if err == nil {
			err = p.supervise(ctx, c)
		}
		if ctx.Err() != nil {
			return
		}
		s := p.state()
		if s.held || s.terminating {
			continue // ended on purpose: it owes no back-off
		}
		wait := policy.after(time.Since(began))
		p.update(func() { p.failure = err })
		p.logger.Info("container ended", "error", err, "restart_in", wait)
		if !p.sleep(ctx, wait) {
			return
		}
	}
}

// awaitStart blocks until a container may start; false: none ever will.
func (p *pod) awaitStart(ctx context.Context) bool {
	for {
		s := p.state()
		switch {
		case s.terminating || ctx.Err() != nil:
			return false
		case !s.held:
			return true
		}
		select {
		case <-s.changed:
		case <-ctx.Done():
		}
	}
}

// sleep waits out a back-off; a hold or a termination ends it early.
func (p *pod) sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		s := p.state()
		if s.held || s.terminating {
			return true
		}
		select {
		case <-timer.C:
			return true
		case <-s.changed:
		case <-ctx.Done():
			return false
		}
	}
}

// start runs a container and returns when it listens.
func (p *pod) start(ctx context.Context) (*container, error) {
	p.mu.Lock()
	n := p.starts
	p.mu.Unlock()
	addressFile := filepath.Join(p.runtime.dir, fmt.Sprintf("%s-%d.addr", p.name, n))
	log := p.logPath()
	// The address file names the run's directory in the command line: a sweep
	// recognises the processes of a dead run by it.
	args := append([]string{p.runtime.monitor, "--listen=127.0.0.1:0", addressFlag + addressFile}, p.runtime.args...)
	pr, err := p.runtime.keeper.spawn(ctx, args, p.runtime.dir, log)
	if err != nil {
		return nil, fmt.Errorf("container of pod %s: %w", p.name, err)
	}
	if p.runtime.yield {
		if err := yield(pr.pid); err != nil {
			pr.kill()
			return nil, fmt.Errorf("container of pod %s: %w", p.name, err)
		}
	}
	p.update(func() { p.starts++ })

	ctx, cancel := context.WithTimeout(ctx, containerStartTimeout)
	defer cancel()
	address, err := p.awaitAddress(ctx, pr, addressFile)
	if err != nil {
		pr.kill()
		return nil, fmt.Errorf("container of pod %s: %w; the last lines of its log %s:\n%s", p.name, err, log, tail(log, 5))
	}
	c := &container{proc: pr, address: address, up: time.Now()}
	p.proxy.setUpstream(address)
	p.update(func() { p.current, p.failure = c, nil })
	p.logger.Info("container started", "pid", pr.pid, "address", address)
	return c, nil
}

func (p *pod) logPath() string { return filepath.Join(p.runtime.dir, p.name+".log") }

// awaitAddress reads where the monitor listens as soon as it says so.
func (p *pod) awaitAddress(ctx context.Context, pr *proc, file string) (string, error) {
	tick := time.NewTicker(addressPoll)
	defer tick.Stop()
	for {
		// The monitor renames it into place: what is there is whole.
		if b, err := os.ReadFile(file); err == nil && len(b) > 0 {
			return strings.TrimSpace(string(b)), nil
		}
		s := p.state()
		if s.held || s.terminating {
			return "", errors.New("stopped while starting")
		}
		select {
		case <-tick.C:
		case <-pr.done:
			return "", fmt.Errorf("the monitor ended at start: %s", pr.exit)
		case <-ctx.Done():
			return "", fmt.Errorf("the monitor does not listen after %s: %w", containerStartTimeout, ctx.Err())
		}
	}
}

// supervise blocks until the container has ended, by itself or because the pod's
// state asks for it.
func (p *pod) supervise(ctx context.Context, c *container) error {
	defer func() {
		p.proxy.setUpstream("")
		p.update(func() { p.current = nil })
	}()
	var (
		termed   bool
		deadline time.Time
	)
	for {
		s := p.state()
		var timeout <-chan time.Time
		if s.held || s.terminating {
			grace := terminationGrace // of a hold: the container gets the pod's grace
			if s.terminating {
				grace = s.grace
			}
			if !termed {
				termed, deadline = true, time.Now().Add(grace)
				if grace > 0 {
					p.ask(c, syscall.SIGTERM)
				}
			}
			if by := time.Now().Add(grace); by.Before(deadline) {
				deadline = by
			}
			left := time.Until(deadline)
			if left <= 0 {
				p.ask(c, syscall.SIGKILL)
				left = time.Second // and ask again, should it be needed
			}
			timeout = time.After(left)
		}
		select {
		case <-c.done:
			return fmt.Errorf("the monitor ended: %s", c.exit)
		case <-s.changed:
		case <-timeout:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (p *pod) ask(c *container, sig syscall.Signal) {
	if err := c.signal(sig); err != nil {
		p.logger.Warn("signal", "signal", sig, "error", err)
	}
}
