package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/ballast-sre/ballast/src/monitor/internal/access"
	"github.com/ballast-sre/ballast/src/monitor/internal/history"
	"github.com/ballast-sre/ballast/src/monitor/internal/host"
	"github.com/ballast-sre/ballast/src/monitor/internal/httpapi"
	"github.com/ballast-sre/ballast/src/monitor/internal/peers"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
	"github.com/ballast-sre/ballast/src/monitor/internal/textfile"
)

// service is the wired monitor.
type service struct {
	cfg     config
	log     *slog.Logger
	sampler *sample.Sampler
	api     *httpapi.API
	server  *http.Server
	conns   *connections
	shown   *exposition
	access  *access.Access
	peers   *peers.Peers // nil without any
}

// serveUntil serves until the first signal, or until second, which cuts the
// drain short with errSecondSignal.
func serveUntil(cfg config, stderr io.Writer, stop *stopper) error {
	log := newLogger(stderr, cfg.LogLevel)
	file := &addressFile{path: cfg.AddressFile}
	if err := file.prepare(); err != nil {
		return err
	}
	s, err := wire(cfg, log)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- s.serve(stop.first, file) }()
	select {
	case err := <-ended:
		return err
	case <-stop.second.Done():
		log.WarnContext(stop.second, "ending at once, without draining: second signal")
		// The process ends now, so nobody waits for the goroutine; the
		// file is all that would outlive it.
		return errors.Join(errSecondSignal, file.clear())
	}
}

// wire builds everything and starts nothing.
func wire(cfg config, log *slog.Logger) (*service, error) {
	filters, err := cfg.filters()
	if err != nil {
		return nil, err
	}
	h := host.New(host.Config{Proc: cfg.HostProc, Sys: cfg.HostSys, Root: cfg.HostRoot, Filters: filters})
	names := cfg.names()
	chosen := make([]sample.Collector, 0, len(names))
	for _, name := range names {
		switch name {
		case sample.CPU:
			chosen = append(chosen, sample.NewCPU(h, sample.DefaultCPUGap))
		case sample.Memory:
			chosen = append(chosen, sample.NewMemory(h))
		case sample.Disk:
			chosen = append(chosen, sample.NewDisk(h))
		case sample.Network:
			chosen = append(chosen, sample.NewNetwork(h))
		case sample.Cgroup:
			chosen = append(chosen, sample.NewCgroup(h))
		case sample.System:
			chosen = append(chosen, sample.NewSystem(h))
		case sample.Processes:
			chosen = append(chosen, sample.NewProcesses(h))
		}
	}
	sampling := sample.Config{Collectors: chosen, Interval: cfg.Interval, Timeout: cfg.CollectTimeout, Logger: log}
	var kept *history.History
	if cfg.HistoryMemory > 0 {
		if kept, err = history.New(history.Config{Collectors: names, Interval: cfg.Interval, Memory: int(cfg.HistoryMemory)}); err != nil {
			return nil, err
		}
		sampling.Published = kept.Record
	}
	sampler, err := sample.New(sampling)
	if err != nil {
		return nil, err
	}
	build := readBuild()
	shown, err := newExposition(cfg, sampler.Snapshot, build, log)
	if err != nil {
		return nil, err
	}
	hosts, err := cfg.hosts()
	if err != nil {
		return nil, err
	}
	restricted, err := access.New(cfg.Access, log)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	if cfg.restricted() {
		if err := shown.registry.Register(restricted); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	var others *peers.Peers
	if list, err := cfg.peersOf(); err != nil {
		return nil, err
	} else if len(list) > 0 {
		others = peers.New(list, log)
	}
	api, err := httpapi.New(httpapi.Config{
		Snapshot: sampler.Snapshot, Peers: heard(others), Collectors: names, Interval: cfg.Interval, History: kept, Registry: shown.registry, Metrics: shown.page, Node: shown.node, Build: build, Logger: log,
		Hosts: hosts, Admit: restricted.Admit, MaxRequests: cfg.MaxConnections, Profiles: cfg.Pprof,
	})
	if err != nil {
		return nil, err
	}
	s := &service{cfg: cfg, log: log, sampler: sampler, api: api, server: httpapi.NewServer(api, log), conns: newConnections(), shown: shown, access: restricted, peers: others}
	s.server.ConnState = s.conns.observe
	s.server.TLSConfig = restricted.TLS()
	return s, nil
}

// serve listens, samples and answers until ctx ends, then drains:
//
//	readiness off ──► pause ──► no new connections ──► last answers
//	                                              ──► sampling ends
//
// Sampling goes on to the last request, so that scrapes while draining are
// as fresh as before. It blocks until all of that is over.
func (s *service) serve(ctx context.Context, file *addressFile) (err error) {
	// A signal is answered by draining, so it must not cut what drains.
	running := context.WithoutCancel(ctx)
	bound, address, err := s.cfg.endpoint().listen(running)
	if err != nil {
		return err
	}
	most, refusals := capsWithin(descriptorLimit(), s.cfg.MaxConnections)
	if most < s.cfg.MaxConnections {
		s.log.WarnContext(ctx, "fewer connections than --max-connections fit into the limit of open files", slog.Int("max_connections", most))
	}
	ln := newCappedListener(bound, most, s.log)
	ln.tls, ln.refusals = s.server.TLSConfig, make(chan struct{}, refusals)
	sampling, endSampling := context.WithCancel(running)
	var owned sync.WaitGroup
	owned.Go(func() { s.sampler.Run(sampling) })
	owned.Go(func() { s.shown.runtime.Run(sampling, s.cfg.Interval) })
	if s.cfg.TextfileDir != "" {
		files := textfile.New(textfile.Config{Dir: s.cfg.TextfileDir, Timeout: s.cfg.CollectTimeout, Publish: s.shown.node.Take, Logger: s.log})
		owned.Go(func() { files.Run(sampling, s.cfg.Interval) })
	}
	if s.cfg.restricted() {
		again := make(chan os.Signal, 1)
		signal.Notify(again, syscall.SIGHUP)
		defer signal.Stop(again)
		owned.Go(func() { s.access.Run(sampling, again) })
	}
	if s.peers != nil {
		owned.Go(func() { s.peers.Run(sampling) })
	}
	defer owned.Wait()
	defer endSampling()

	failed := make(chan error, 1)
	owned.Go(func() { failed <- s.listening(ln) })
	// Harmless after a drain; after a failure it ends what still runs.
	defer func() { err = errors.Join(err, s.server.Close()) }()

	if err := file.write(address); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.clear()) }()
	s.log.InfoContext(ctx, "listening", slog.String("address", address), slog.Any("collectors", s.cfg.names()))

	select {
	case err := <-failed:
		return fmt.Errorf("serve on %s: %w", address, err)
	case <-ctx.Done():
	}
	return s.drain(running, ln, failed)
}

// listening answers until the listener is closed.
func (s *service) listening(ln net.Listener) error {
	if s.server.TLSConfig != nil {
		return s.server.ServeTLS(ln, "", "")
	}
	return s.server.Serve(ln)
}

func (s *service) drain(ctx context.Context, ln net.Listener, served <-chan error) error {
	s.log.InfoContext(ctx, "draining: readiness is off", slog.Float64("pause_seconds", s.cfg.DrainPause.Seconds()))
	s.api.Drain()
	// Balancers need this long to see it; until then requests still come,
	// and are answered.
	time.Sleep(s.cfg.DrainPause)

	// The budget starts after the pause, which would eat it otherwise.
	ctx, cancel := context.WithTimeout(ctx, s.cfg.DrainTimeout)
	defer cancel()
	s.log.InfoContext(ctx, "draining: no new connections", slog.Float64("timeout_seconds", s.cfg.DrainTimeout.Seconds()))
	if err := ln.Close(); err != nil {
		return fmt.Errorf("drain: stop listening: %w", err)
	}
	if err := <-served; !errors.Is(err, net.ErrClosed) {
		s.log.WarnContext(ctx, "the server had stopped before it was drained", slog.Any("error", err))
	}
	s.conns.quiet(ctx)
	// Only idle connections are left to close, unless time is up.
	if err := s.server.Shutdown(ctx); err != nil {
		return fmt.Errorf("drain: requests were still running after %s and are cut: %w", s.cfg.DrainTimeout, err)
	}
	s.log.InfoContext(ctx, "drained")
	return nil
}
