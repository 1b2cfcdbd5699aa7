package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/internal/promserver"
)

// The scrape jobs, the same on a cluster.
const (
	jobMonitor = "monitor"
	jobGateway = "gateway"
	jobProbe   = "probe"
)

// probeName is what the SLOs call that which is measured.
const probeName = "monitor"

// probePath is what the load asks for: an answer with content, from the snapshot.
const probePath = "/api/v1/cpu"

// probeTimeout is when a request of the load counts as an error.
const probeTimeout = time.Second

// Environment is a running fleet with its load and its Prometheus: the target
// local of one run after another. Its methods are safe for concurrent use.
type Environment struct {
	cfg     Config
	began   time.Time
	root    string
	dir     *runDir
	keeper  *keeperClient
	gateway *gateway
	fleet   *fleet
	probe   *pod // the load generator's
	prom    *promserver.Server
	servers []*http.Server
	url     string              // of the gateway
	setRate func(float64) error // of the load
	done    chan struct{}
	losing  sync.Once
	gone    chan error         // one error after done is closed
	stop    context.CancelFunc // ends the load
	load    sync.WaitGroup
	work    sync.WaitGroup
	unwatch context.CancelFunc // ends watching the disk
	disk    sync.WaitGroup     // of that

	publishing sync.Mutex // one change of targets at a time, the newest last
	rng        *rand.Rand

	mu        sync.Mutex
	active    map[fault.RunID][]*injection
	baselines map[string]podBaseline // by pod UID

	closing  sync.Once
	closeErr error
}

// Start starts everything and returns when every pod is ready and every job has
// been scraped: one to two seconds. When something does not start, all is
// ended again and the error says what it was, with the last lines of its log.
// Close ends it. If this process is killed, the keeper ends the rest.
func Start(ctx context.Context, cfg Config) (_ *Environment, err error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	if err := enoughFiles(cfg.MaxRate); err != nil {
		return nil, err
	}
	root, err := rootDir(cfg.TempRoot)
	if err != nil {
		return nil, err
	}
	e := &Environment{
		cfg: cfg, began: time.Now(), root: root, done: make(chan struct{}), gone: make(chan error, 1), stop: func() {}, unwatch: func() {},
		rng:       rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), //nolint:gosec // chance, no secret
		active:    map[fault.RunID][]*injection{},
		baselines: map[string]podBaseline{},
	}
	defer func() {
		if err != nil {
			// What a failed start leaves must not survive it, even when ctx is over.
			err = errors.Join(withFix(err), e.Close(context.WithoutCancel(ctx)))
		}
	}()
	if e.dir, err = newRunDir(root); err != nil {
		return nil, err
	}
	if err := writeRoom(e.dir.path); err != nil {
		return nil, err // else a pod would die without being able to say why
	}
	if e.keeper, err = startKeeper(ctx, cfg.Self, e.dir, cfg.Logger); err != nil {
		return nil, err
	}
	if err := e.startFleet(ctx); err != nil {
		return nil, err
	}
	if err := e.startObserving(ctx); err != nil {
		return nil, err
	}
	// From here on the loss of the keeper is the loss of the environment.
	e.work.Go(func() {
		<-e.keeper.lost
		e.lose(errKeeperLost())
	})
	watching, unwatch := context.WithCancel(context.WithoutCancel(ctx))
	e.unwatch = unwatch
	e.disk.Go(func() { e.watchDisk(watching) })
	return e, nil
}

// lose says, once, why there is nothing left to run on.
func (e *Environment) lose(by error) {
	e.losing.Do(func() {
		close(e.done)
		e.gone <- by
	})
}

// startFleet starts gateway and pods and waits until all are ready.
func (e *Environment) startFleet(ctx context.Context) error {
	e.gateway = newGateway(ctx, e.cfg.Logger)
	url, err := e.serve(ctx, e.gateway)
	if err != nil {
		return err
	}
	e.url = url
	e.fleet = newFleet(ctx, e.cfg.Namespace, containerRuntime{
		keeper: e.keeper, monitor: e.cfg.Monitor, dir: e.dir.path, yield: e.cfg.Yield,
		args: []string{
			"--interval=" + e.cfg.Scrape.String(), // a scrape never sees the same snapshot twice for long
			"--drain-pause=" + drainPause.String(),
			"--drain-timeout=" + drainTimeout.String(),
		},
	}, e.gateway, e.publishTargets, e.cfg.Logger)
	for range e.cfg.Replicas {
		if _, err := e.fleet.create(); err != nil {
			return err
		}
	}
	ready, cancel := context.WithTimeout(ctx, 2*containerStartTimeout)
	defer cancel()
	return e.fleet.awaitReady(ready)
}

// PrometheusURL is where the embedded Prometheus answers.
func (e *Environment) PrometheusURL() string { return e.prom.URL() }

// Export writes all samples since Start, without the invented history, as
// [promserver.Server.Export] does.
func (e *Environment) Export(ctx context.Context, w io.Writer) error {
	return e.prom.Export(ctx, w, e.began, time.Now())
}

// GatewayURL is where the fleet answers.
func (e *Environment) GatewayURL() string { return e.url }

// SetRate changes how many requests per second the load sends, up to the configuration's
// MaxRate.
func (e *Environment) SetRate(rate float64) error { return e.setRate(rate) }

// Replicas counts the monitor's pods: those that get requests, and those wanted. The error
// wraps fault.ErrUnreachable when the fleet is gone.
func (e *Environment) Replicas() (ready, wanted int, err error) {
	if err := e.lost(); err != nil {
		return 0, 0, err
	}
	for _, p := range e.fleet.describe() {
		if p.Ready {
			ready++
		}
	}
	return ready, e.cfg.Replicas, nil
}

// Dir is the run's directory, with a log for each pod. Close removes it.
func (e *Environment) Dir() string { return e.dir.path }

// Done is closed when the fleet is lost: by Close, with its keeper, or because the
// disk of its directory is full.
func (e *Environment) Done() <-chan struct{} { return e.done }

// lost returns an error when the fleet's keeper is gone.
func (e *Environment) lost() error {
	select {
	case <-e.keeper.lost:
		return errKeeperLost()
	default:
		return nil
	}
}

// Close undoes what is injected, ends everything that Start has started, waits
// for it and removes the run's directory. It takes well under 5 s and may be
// called again. It goes on when ctx ends: nothing must remain.
func (e *Environment) Close(ctx context.Context) error {
	e.closing.Do(func() { e.closeErr = e.shut(ctx) })
	return e.closeErr
}

func (e *Environment) shut(ctx context.Context) error {
	var errs []error
	e.unwatch()
	e.disk.Wait() // nothing is written any more where the keeper removes
	e.stop()
	e.endInjections(context.WithoutCancel(ctx))
	if e.prom != nil {
		errs = append(errs, e.prom.Close())
	}
	// Its last requests may take a second since e.stop; without the gateway they would fail.
	e.load.Wait()
	for _, s := range e.servers {
		errs = append(errs, s.Close())
	}
	if e.gateway != nil {
		e.gateway.close()
	}
	if e.fleet != nil {
		e.fleet.close()
	}
	if e.probe != nil {
		errs = append(errs, e.probe.proxy.close())
	}
	if e.keeper != nil {
		lost := e.lost() != nil // by somebody else: not news of this Close
		if err := e.keeper.close(); err != nil && !lost {
			errs = append(errs, err)
		}
	}
	e.work.Wait()
	if e.dir != nil {
		// The keeper has removed it already, unless it was killed.
		errs = append(errs, e.dir.close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close target local: %w", err)
	}
	return nil
}
