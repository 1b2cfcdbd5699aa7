package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/load"
	"github.com/ballast-sre/ballast/internal/prom"
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

// Config says what to start. Monitor, Self and Logger are required.
type Config struct {
	Monitor string // path of the monitor's binary
	Self    string // path of ballast, run again as keeper and stressor

	RuleFiles []string // Prometheus rule files or directories, unscaled
	Scale     float64  // alert windows are divided by this; 0 means 75

	Replicas  int     // pods; 0 means 3
	Rate      float64 // requests per second; 0 means 100
	Namespace string  // of the pods; empty means "default"
	TempRoot  string  // directory of the runs; empty means ballast-<uid> under os.TempDir

	Scrape, Evaluation time.Duration // intervals; 0 means 1 s

	Logger *slog.Logger
}

func (c *Config) defaults() error {
	var errs []error
	if c.Scale == 0 {
		c.Scale = 75
	}
	if c.Replicas == 0 {
		c.Replicas = 3
	}
	if c.Rate == 0 {
		c.Rate = 100
	}
	if c.Namespace == "" {
		c.Namespace = "default"
	}
	if c.Scrape == 0 {
		c.Scrape = time.Second
	}
	if c.Evaluation == 0 {
		c.Evaluation = time.Second
	}
	if c.Replicas < 1 || c.Replicas > 100 {
		errs = append(errs, fmt.Errorf("replicas %d: want 1 to 100", c.Replicas))
	}
	if c.Logger == nil {
		errs = append(errs, errors.New("target local: a logger is missing"))
	}
	var err error
	if c.Monitor, err = program("the monitor", c.Monitor); err != nil {
		errs = append(errs, fmt.Errorf("%w: build it with make build", err))
	}
	if c.Self, err = program("ballast itself", c.Self); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// program returns the absolute path of a program that can be run.
func program(what, path string) (string, error) {
	found, err := exec.LookPath(path)
	if err != nil {
		return "", fmt.Errorf("%s cannot be run: %w", what, err)
	}
	if found, err = filepath.Abs(found); err != nil {
		return "", fmt.Errorf("%s cannot be run: %w", what, err)
	}
	return found, nil
}

// Environment is a running fleet with its load and its Prometheus: the target
// local of one run after another. Its methods are safe for concurrent use.
type Environment struct {
	cfg     Config
	root    string
	dir     *runDir
	keeper  *keeperClient
	gateway *gateway
	fleet   *fleet
	prom    *promserver.Server
	servers []*http.Server
	url     string // of the gateway
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
	if err := enoughFiles(cfg.Rate); err != nil {
		return nil, err
	}
	root, err := rootDir(cfg.TempRoot)
	if err != nil {
		return nil, err
	}
	e := &Environment{
		cfg: cfg, root: root, done: make(chan struct{}), gone: make(chan error, 1), stop: func() {}, unwatch: func() {},
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
		keeper: e.keeper, monitor: e.cfg.Monitor, dir: e.dir.path,
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

// startObserving starts load and Prometheus and waits for the first scrapes.
func (e *Environment) startObserving(ctx context.Context) error {
	generator, err := load.New(load.Config{URL: e.url + probePath, Name: probeName, Rate: e.cfg.Rate, Timeout: probeTimeout, Logger: e.cfg.Logger})
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	e.stop = stop
	e.load.Go(func() {
		if err := generator.Run(running); err != nil {
			e.cfg.Logger.Error("the load ended", "error", err)
		}
	})
	instruments := http.NewServeMux()
	instruments.Handle("/gateway/metrics", e.gateway.metrics.handler())
	instruments.Handle("/probe/metrics", http.StripPrefix("/probe", generator.Handler()))
	url, err := e.serve(ctx, instruments)
	if err != nil {
		return err
	}
	address := url[len("http://"):]

	ruleFiles, back, err := scaledRules(e.dir.path, e.cfg.RuleFiles, e.cfg.Scale, e.cfg.Evaluation)
	if err != nil {
		return err
	}
	probeLabels := map[string]string{"job": jobProbe, "instance": jobProbe, "namespace": e.cfg.Namespace}
	exposed, err := families(ctx, generator.Handler())
	if err != nil {
		return err
	}
	// The last invented sample lies one interval before the first live one.
	history, err := healthyHistory(exposed, probeLabels, e.cfg.Rate, time.Now().Add(-e.cfg.Scrape), back+time.Minute, e.cfg.Scrape)
	if err != nil {
		return err
	}
	server, err := promserver.Open(promserver.Config{
		Dir: filepath.Join(e.dir.path, "prometheus"), Scrape: e.cfg.Scrape, Evaluation: e.cfg.Evaluation,
		Listen: "127.0.0.1:0", RuleFiles: ruleFiles, History: history, Jobs: []string{jobMonitor, jobGateway, jobProbe}, Logger: e.cfg.Logger,
	})
	if err != nil {
		return err
	}
	e.publishing.Lock()
	e.prom = server
	e.publishing.Unlock()
	if err := e.dir.noteURL(server.URL()); err != nil {
		return err
	}

	gatewayLabels := map[string]string{"job": jobGateway, "instance": jobGateway, "namespace": e.cfg.Namespace}
	if err := errors.Join(
		server.SetTargets(jobProbe, []promserver.Target{{Address: address, Path: "/probe/metrics", Labels: probeLabels}}),
		server.SetTargets(jobGateway, []promserver.Target{{Address: address, Path: "/gateway/metrics", Labels: gatewayLabels}}),
	); err != nil {
		return err
	}
	e.publishTargets()
	return e.awaitScrapes(ctx, e.cfg.Replicas+2)
}

// publishTargets passes the list of pods on to Prometheus.
func (e *Environment) publishTargets() {
	e.publishing.Lock()
	defer e.publishing.Unlock()
	if e.prom == nil {
		return // not open yet: startObserving publishes them
	}
	var targets []promserver.Target
	for _, p := range e.fleet.all() {
		targets = append(targets, promserver.Target{Address: p.proxy.address(), Labels: map[string]string{
			"job": jobMonitor, "instance": p.name, "pod": p.name, "namespace": e.cfg.Namespace,
		}})
	}
	if err := e.prom.SetTargets(jobMonitor, targets); err != nil {
		e.cfg.Logger.Warn("scrape targets", "error", err)
	}
}

// awaitScrapes blocks until each of n targets has been scraped.
func (e *Environment) awaitScrapes(ctx context.Context, n int) error {
	client, err := prom.New(prom.Config{URL: e.prom.URL()})
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second+5*e.cfg.Scrape)
	defer cancel()
	// The scrape's own series, for these are not backfilled.
	expr := fmt.Sprintf("count(count_over_time(scrape_samples_scraped[%dms]) >= 1)", (time.Minute + 5*e.cfg.Scrape).Milliseconds())
	tick := time.NewTicker(max(e.cfg.Scrape/20, 5*time.Millisecond))
	defer tick.Stop()
	for {
		s, err := client.Instant(ctx, expr, time.Time{})
		if err == nil && int(s.V) >= n {
			return nil
		}
		select {
		case <-tick.C:
		case <-e.keeper.lost:
			return errKeeperLost()
		case <-ctx.Done():
			return fmt.Errorf("prometheus has scraped %v of %d targets: %w", s.V, n, errors.Join(ctx.Err(), err))
		}
	}
}

// serve answers on a free loopback port until Close.
func (e *Environment) serve(ctx context.Context, h http.Handler) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("a port on loopback: %w", err)
	}
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ErrorLog:          slog.NewLogLogger(e.cfg.Logger.Handler(), slog.LevelDebug),
	}
	e.servers = append(e.servers, server)
	e.work.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			e.cfg.Logger.Error("a server ended", "address", l.Addr(), "error", err)
		}
	})
	return "http://" + l.Addr().String(), nil
}

// PrometheusURL is where the embedded Prometheus answers.
func (e *Environment) PrometheusURL() string { return e.prom.URL() }

// GatewayURL is where the fleet answers.
func (e *Environment) GatewayURL() string { return e.url }

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
